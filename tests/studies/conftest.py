import logging
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import dask.config
import numpy as np
import pandas as pd
import pytest
import uvicorn
from distributed import LocalCluster
from typer.testing import CliRunner

from studies.registry.metrics import METRICS
from studies.registry.test_sets import MAP_SIZE
from studies.results.results import Results
from studies.spec.cells import first_cells, plan_baseline, plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web import explore

_BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

N_TEST = 50_000


@pytest.fixture(autouse=True)
def _forget_modules_of_tests(tmp_path_factory):
    """Forget modules that a test has written and imported, for others have the same names, and their metrics."""
    yield
    written = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if str(vars(module).get("__file__")).startswith(written):
            del sys.modules[name]
            for metric in [key for key, found in METRICS._entries.items() if found.function.__module__ == name]:
                del METRICS._entries[metric]


@pytest.fixture
def tiny():
    """A study of a few cheap cells."""
    return Study.model_validate(
        {
            "name": "tiny",
            "question": "Does it work?",
            "seeds": 2,
            "sizes": {"start": 20, "stop": 200, "per_decade": 1},
            "gallery": [20],
            "quick": {"seeds": 1, "shrink": 2},
            "learners": {
                "kNN": {"estimator": "knn-1"},
                "kNN + phase": {"estimator": "knn-1", "prior": "phase", "max_samples": 100},
            },
            "questions": [
                {
                    "ask": "Does the phase help?",
                    "a": {"learner": "kNN + phase", "n_samples": 20},
                    "b": {"learner": "kNN", "n_samples": 20},
                }
            ],
        }
    )


@pytest.fixture
def run_apart():
    """Return a function that runs a program in a new process and returns its output."""

    def run(program, *words):
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    return run


@pytest.fixture(scope="session")
def toymanifold():
    """Return a function that runs the command in this process and returns its output."""
    from studies.cli.main import app

    def invoke(*words, exit_code=0):
        ran = CliRunner().invoke(app, words, catch_exceptions=False)
        assert ran.exit_code == exit_code, ran.output
        return ran.output

    return invoke


@pytest.fixture(scope="module")
def dask_address():
    """Return the address of a cluster of two Dask workers, which gives up a task as soon as it ends one of them."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR) as cluster,
    ):
        yield cluster.scheduler_address.replace("tcp://", "dask://")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/results.db"


@pytest.fixture
def postgresql_url(postgresql):
    """The URL of a new, empty schema on the server, which a store uses like a database."""
    return postgresql.new_schema()


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def url(request):
    """The URL of a new, empty database, of each kind in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server for this session."""
    psycopg = pytest.importorskip("psycopg", reason="STORE NOT TESTED ON POSTGRESQL: psycopg is not installed")
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("STORE NOT TESTED ON POSTGRESQL: no server on this machine (apt-get install postgresql)")
    server = Server(programs, psycopg)
    yield server
    server.stop(wait=False)
    shutil.rmtree(server.folder, ignore_errors=True)


def _postgresql_programs():
    """Return the folder of initdb and postgres, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


class Server:
    """A PostgreSQL server in a new folder, with a socket in this folder."""

    def __init__(self, programs, psycopg):
        self._programs, self._psycopg = programs, psycopg
        self.folder = Path(tempfile.mkdtemp(prefix="tm-pg-"))  # a socket's path must be short
        self._user = {}
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            owner = next(u for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
        self.start()

    def _run(self, program, *options):
        command = [self._programs / program, "-D", self.folder / "data", *options]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, **self._user)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def start(self):
        settings = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", self.folder / "log", "--options", settings)

    def stop(self, *, wait=True):
        self._run("pg_ctl", "stop", "--mode", "immediate", "--silent", "--wait" if wait else "--no-wait")

    def new_database(self, encoding):
        name = f"d{uuid.uuid4().hex}"
        server = {"user": "postgres", "host": str(self.folder), "autocommit": True}
        with self._psycopg.connect(dbname="postgres", **server) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def new_schema(self, dump=""):
        name = f"t{uuid.uuid4().hex}"
        with self._psycopg.connect(dbname="postgres", user="postgres", host=str(self.folder)) as connection:
            connection.execute(f"CREATE SCHEMA {name}; SET search_path TO {name}; {dump}")
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{name}"


@pytest.fixture(scope="module")
def browser():
    """A headless browser, for one module, since Playwright's event loop excludes others."""
    api = pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: pip install playwright")
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(found, None)
    if path is None:
        pytest.skip("NOT TESTED in a browser: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_BROWSER)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def explored():
    """The address of a server of `toymanifold explore`, without a slash at its end."""
    listening = explore.listen(0)
    server = uvicorn.Server(uvicorn.Config(explore.make_app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield "http://{}:{}".format(*listening.getsockname())
    server.should_exit = True
    thread.join()


@pytest.fixture
def simulated():
    """A function that simulates errors (n_seeds, n_sizes) around a known curve, with the noise of measurements.

    The noise of a curve is correlated, since a seed has the same luck at all n and a sample shares points with the next
    larger one. The sampling noise of the test points is added to it.
    """

    def simulate(truth, sizes, n_seeds, rng, luck=None, n_test=N_TEST):
        luck = rng.standard_normal((n_seeds, 1)) if luck is None else luck
        own = rng.standard_normal((n_seeds, len(sizes)))
        for j in range(1, len(sizes)):
            own[:, j] = 0.5 * own[:, j - 1] + np.sqrt(0.75) * own[:, j]
        mean = truth(np.asarray(sizes, dtype=float))
        expected = mean * np.exp(0.07 * (luck + own) - 0.07**2)
        return rng.binomial(n_test, expected) / n_test

    return simulate


@pytest.fixture
def frame_of():
    """A function that returns a tidy frame of accuracies from errors by learner, each (n_seeds, n_sizes)."""

    def frame(sizes, **errors):
        rows = [
            (learner, n_samples, seed, "accuracy", 1 - value)
            for learner, table in errors.items()
            for seed, curve in enumerate(table)
            for n_samples, value in zip(sizes, curve, strict=False)
        ]
        made = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
        made.attrs["n_test"] = N_TEST
        return made

    return frame


def power_law(learner, n_samples, seed):
    """Return an error of the study `worth`: the polar net needs a quarter of the net's data, kNN 2.5 times as much."""
    head_start = {"net": 1, "net + polar": 4, "kNN": 0.4}[learner]
    return 3 * (head_start * n_samples) ** -0.5 * (1 + 0.05 * np.sin(7 * seed + 3))


def store_errors(study, store, error=power_law, run=None):
    """Store outcomes for all cells of a study, with the given errors."""
    side = np.arange(MAP_SIZE)
    for planned in plan_study(study):
        cell = planned.cell
        share = error(planned.learner, cell.n_samples, cell.seed)
        values = {"accuracy": 1 - share, "accuracy_uniform": 1 - 1.5 * share, "fit_seconds": cell.n_samples / 1e4}
        decision_map = (side[:, None] < 240 * share) | (side > 120) if cell.n_samples in study.gallery else None
        store.add(Outcome(cell.key, cell.spec, "ok", values, decision_map, seconds=1.0), run)
    for planned in plan_baseline(study):
        store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.6}, seconds=1.0), run)


@pytest.fixture(scope="session")
def worth():
    """A study with known answers: see `power_law`."""
    net = {"estimator": "net", "params": {"epochs": 10}, "max_samples": 10_000}
    return Study.model_validate(
        {
            "name": "worth",
            "question": "What is the prior worth?",
            "seeds": 3,
            "sizes": {"start": 100, "stop": 100_000, "per_decade": 2},
            "gallery": [100, 10_000],
            "quick": {"seeds": 1, "shrink": 10},
            "learners": {"net": net, "net + polar": {**net, "prior": "polar"}, "kNN": {"estimator": "knn-1"}},
            "questions": [
                {
                    "ask": "Does the prior help?",
                    "a": {"learner": "net + polar", "n_samples": 1000},
                    "b": {"learner": "net", "n_samples": 1000},
                },
                {
                    "ask": "Does kNN catch up?",
                    "a": {"learner": "kNN", "n_samples": 10_000},
                    "b": {"learner": "net + polar", "n_samples": 1000},
                },
            ],
        }
    )


@pytest.fixture(scope="session")
def worth_url(worth, tmp_path_factory):
    """The URL of a store with all cells of the study `worth`, which tests must not change."""
    url = f"sqlite:///{tmp_path_factory.mktemp('worth')}/results.db"
    with Store(url) as store:
        store_errors(worth, store)
    return url


@pytest.fixture
def worth_of_rows(worth, tmp_path):
    """The results of the study `worth`, as if samples were drawn from the 100,000 rows of one data set."""
    study = worth.model_copy()
    study.use_plan([replace(cell, rows=(100_000, 500)) for cell in first_cells(worth)])
    with Store(f"sqlite:///{tmp_path}/rows.db") as store:
        store_errors(study, store)
        yield Results(study, store)


@pytest.fixture(scope="session")
def worth_results(worth, worth_url):
    """The results of the study `worth`."""
    with Store(worth_url) as store:
        yield Results(worth, store)
