CREATE TABLE cell_maps (
    key character varying(64) NOT NULL,
    size integer NOT NULL,
    bits bytea NOT NULL
);
CREATE TABLE cell_values (
    key character varying(64) NOT NULL,
    metric character varying(64) NOT NULL,
    value double precision NOT NULL
);
CREATE TABLE cells (
    key character varying(64) NOT NULL,
    spec text NOT NULL,
    status character varying(16) NOT NULL,
    error text NOT NULL,
    traceback text NOT NULL,
    seconds double precision NOT NULL,
    stored_at timestamp without time zone DEFAULT now() NOT NULL
);
CREATE TABLE toymanifold_schema (
    version integer NOT NULL
);
CREATE SEQUENCE toymanifold_schema_version_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE toymanifold_schema_version_seq OWNED BY toymanifold_schema.version;
ALTER TABLE ONLY toymanifold_schema ALTER COLUMN version SET DEFAULT nextval('toymanifold_schema_version_seq'::regclass);
INSERT INTO cell_maps VALUES ('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0', 13, '\x70153c41995a97beacb148888ca945cdc311aba5e600');
INSERT INTO cell_values VALUES ('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0', 'accuracy', 0.75);
INSERT INTO cell_values VALUES ('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0', 'accuracy_uniform', 0.30000000000000004);
INSERT INTO cell_values VALUES ('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0', 'fit_seconds', 1.5);
INSERT INTO cells VALUES ('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0', '{"estimator": "knn-1", "measurement": 2, "n_samples": 50, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 0}', 'ok', '', '', 2, '2026-11-24 11:30:41.627196');
INSERT INTO cells VALUES ('7e5e40cd28d9d3d67cf840f524153ba93526124c9ec76eaf3ec7761314a83dda', '{"estimator": "knn-1", "measurement": 2, "n_samples": 50, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 1}', 'error', 'ValueError: no', 'Traceback ...
  it''s bad', 0.1, '2026-11-24 11:30:41.634755');
INSERT INTO cells VALUES ('b78ddf96ce7405c9a308762d1edabd4e20e24e927a74ae84f8d2fe4b506ecfb7', '{"estimator": "knn-1", "measurement": 2, "n_samples": 51, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 0}', 'lost', 'the worker process died before the task ended', '', 0, '2026-11-24 11:30:41.638692');
INSERT INTO toymanifold_schema VALUES (1);
SELECT pg_catalog.setval('toymanifold_schema_version_seq', 1, false);
ALTER TABLE ONLY cell_maps
    ADD CONSTRAINT cell_maps_pkey PRIMARY KEY (key);
ALTER TABLE ONLY cell_values
    ADD CONSTRAINT cell_values_pkey PRIMARY KEY (key, metric);
ALTER TABLE ONLY cells
    ADD CONSTRAINT cells_pkey PRIMARY KEY (key);
ALTER TABLE ONLY toymanifold_schema
    ADD CONSTRAINT toymanifold_schema_pkey PRIMARY KEY (version);
ALTER TABLE ONLY cell_maps
    ADD CONSTRAINT cell_maps_key_fkey FOREIGN KEY (key) REFERENCES cells(key) ON DELETE CASCADE;
ALTER TABLE ONLY cell_values
    ADD CONSTRAINT cell_values_key_fkey FOREIGN KEY (key) REFERENCES cells(key) ON DELETE CASCADE;
