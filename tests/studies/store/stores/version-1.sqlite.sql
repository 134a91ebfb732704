BEGIN TRANSACTION;
CREATE TABLE cell_maps (
	"key" VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	bits BLOB NOT NULL, 
	PRIMARY KEY ("key"), 
	FOREIGN KEY("key") REFERENCES cells ("key") ON DELETE CASCADE
);
INSERT INTO "cell_maps" VALUES('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0',13,X'70153C41995A97BEACB148888CA945CDC311ABA5E600');
CREATE TABLE cell_values (
	"key" VARCHAR(64) NOT NULL, 
	metric VARCHAR(64) NOT NULL, 
	value FLOAT NOT NULL, 
	PRIMARY KEY ("key", metric), 
	FOREIGN KEY("key") REFERENCES cells ("key") ON DELETE CASCADE
);
INSERT INTO "cell_values" VALUES('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0','accuracy',0.75);
INSERT INTO "cell_values" VALUES('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0','accuracy_uniform',3.00000000000000044408e-01);
INSERT INTO "cell_values" VALUES('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0','fit_seconds',1.5);
CREATE TABLE cells (
	"key" VARCHAR(64) NOT NULL, 
	spec TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	error TEXT NOT NULL, 
	traceback TEXT NOT NULL, 
	seconds FLOAT NOT NULL, 
	stored_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "cells" VALUES('d9ee6bb3d11232328fb65700ba484209e07598545e3886796d874c8add4c15c0','{"estimator": "knn-1", "measurement": 2, "n_samples": 50, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 0}','ok','','',2.0,'2026-11-24 11:30:37');
INSERT INTO "cells" VALUES('7e5e40cd28d9d3d67cf840f524153ba93526124c9ec76eaf3ec7761314a83dda','{"estimator": "knn-1", "measurement": 2, "n_samples": 50, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 1}','error','ValueError: no','Traceback ...
  it''s bad',0.1,'2026-11-24 11:30:37');
INSERT INTO "cells" VALUES('b78ddf96ce7405c9a308762d1edabd4e20e24e927a74ae84f8d2fe4b506ecfb7','{"estimator": "knn-1", "measurement": 2, "n_samples": 51, "params": {}, "prior": null, "problem": "spiral", "problem_params": {}, "seed": 0}','lost','the worker process died before the task ended','',0.0,'2026-11-24 11:30:37');
CREATE TABLE toymanifold_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "toymanifold_schema" VALUES(1);
COMMIT;
