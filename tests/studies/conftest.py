import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uvicorn
from typer.testing import CliRunner

from studies.registry.test_sets import MAP_SIZE
from studies.results.results import Results
from studies.spec.cells import plan_study
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
    """Run a program that uses the store alone in a process of its own, quickly, and return what it prints."""

    def run(program, *words):
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    return run


@pytest.fixture(scope="session")
def toymanifold():
    """Run the command in this process, and return what it printed; the one place that knows its module."""
    from studies.cli.main import app

    def invoke(*words, exit_code=0):
        ran = CliRunner().invoke(app, words, catch_exceptions=False)
        assert ran.exit_code == exit_code, ran.output
        return ran.output

    return invoke


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/results.db"


@pytest.fixture
def postgresql_url(postgresql):
    """A new, empty schema on the server, which is to a store what a database is."""
    return postgresql.new_schema()


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def url(request):
    """A new, empty database, of each kind in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def postgresql():
    """A real PostgreSQL server, of this session's own."""
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
    """A PostgreSQL server in a folder of its own, reached by a socket in it."""

    def __init__(self, programs, psycopg):
        self._programs, self._psycopg = programs, psycopg
        self.folder = Path(tempfile.mkdtemp(prefix="tm-pg-"))  # a socket's path must be short
        self._user = {}
        if os.geteuid() == 0:  # which PostgreSQL refuses
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

    def new_schema(self, dump=""):
        name = f"t{uuid.uuid4().hex}"
        with self._psycopg.connect(dbname="postgres", user="postgres", host=str(self.folder)) as connection:
            connection.execute(f"CREATE SCHEMA {name}; SET search_path TO {name}; {dump}")
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{name}"


@pytest.fixture(scope="module")
def browser():
    """A real browser, headless; of one module, for Playwright's loop lets no other run beside it."""
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
    """The address, without a slash at its end, of a server of `toymanifold explore`."""
    listening = explore.listen(0)
    server = uvicorn.Server(uvicorn.Config(explore.make_app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield "http://{}:{}".format(*listening.getsockname())
    server.should_exit = True
    thread.join()


@pytest.fixture
def simulated():
    """Errors of known truth, as (n_seeds, n_sizes), noisy as measured ones are.

    A seed is lucky or unlucky at all n, and a sample shares points with the next larger one, so the noise of one curve
    is correlated; on top of it comes that of the test points.
    """

    def simulate(truth, sizes, n_seeds, rng, luck=None):
        luck = rng.standard_normal((n_seeds, 1)) if luck is None else luck
        own = rng.standard_normal((n_seeds, len(sizes)))
        for j in range(1, len(sizes)):
            own[:, j] = 0.5 * own[:, j - 1] + np.sqrt(0.75) * own[:, j]
        mean = truth(np.asarray(sizes, dtype=float))
        expected = mean * np.exp(0.07 * (luck + own) - 0.07**2)
        return rng.binomial(N_TEST, expected) / N_TEST

    return simulate


@pytest.fixture
def frame_of():
    """A tidy frame of accuracies from errors by learner, each as (n_seeds, n_sizes)."""

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
    """Errors of the study `worth`: the polar net does with a quarter of the data, kNN needs 2.5 times as much."""
    head_start = {"net": 1, "net + polar": 4, "kNN": 0.4}[learner]
    return 3 * (head_start * n_samples) ** -0.5 * (1 + 0.05 * np.sin(7 * seed + 3))


def store_errors(study, store, error=power_law):
    """Store a study's cells as if they had been run, with the errors that are given."""
    side = np.arange(MAP_SIZE)
    for planned in plan_study(study):
        cell = planned.cell
        wrong = error(planned.learner, cell.n_samples, cell.seed)
        values = {"accuracy": 1 - wrong, "accuracy_uniform": 1 - 1.5 * wrong, "fit_seconds": cell.n_samples / 1e4}
        shown = (side[:, None] < 240 * wrong) | (side > 120) if cell.n_samples in study.gallery else None
        store.add(Outcome(cell.key, cell.spec, "ok", values, shown, seconds=1.0))


@pytest.fixture(scope="session")
def worth():
    """A study whose answers are known: see `power_law`."""
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
    """The address of a store in which the study `worth` is measured in full; to be read only."""
    url = f"sqlite:///{tmp_path_factory.mktemp('worth')}/results.db"
    with Store(url) as store:
        store_errors(worth, store)
    return url


@pytest.fixture(scope="session")
def worth_results(worth, worth_url):
    """The results of the study `worth`."""
    with Store(worth_url) as store:
        yield Results(worth, store)
