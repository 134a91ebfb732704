"""Signals to a run of the command: how it ends, what stays behind, and that the same command continues it.

All but one are marked slow: ``pytest -m slow tests/studies/execution/test_stopping.py``.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pytest

from studies.store.store import Store

SLEEPER = """
import re
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Sleeper(ClassifierMixin, BaseEstimator):
    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        time.sleep(self.seconds)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)
"""

STUDY = """
name = "s"
question = "Does it stop?"
seeds = {seeds}
sizes = [20]
metrics = ["accuracy"]
learners.a = {{ estimator = "sleeping_learners:Sleeper", params = {{ seconds = {seconds} }} }}
"""

INT, TERM, HUP, QUIT, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL
STOP, CONTINUE = signal.SIGTSTP, signal.SIGCONT
STOPPED = "Stopped. All finished cells are stored; the same command continues from there."


class Command:
    """The command ``toymanifold run`` in a folder, as in a terminal of its own."""

    def __init__(self, folder, seeds, seconds):
        self.folder, self.n_cells = folder, 2 * seeds  # of the learner and of the baseline
        (folder / "sleeping_learners.py").write_text(SLEEPER)
        (folder / "s.toml").write_text(STUDY.format(seeds=seeds, seconds=seconds))

    def start(self, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        program = "from studies.cli.main import app; app()"
        words = ["run", "s.toml", "--allow", "sleeping_learners", "--jobs", "2"]
        self.driver = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.getcwd(), "TMPDIR": str(self.folder)},
            start_new_session=True,
        )
        return psutil.Process(self.driver.pid)

    def stored(self):
        with Store(f"sqlite:///{self.folder}/toymanifold-results/results.db") as store:
            return store.statuses(store.find(""))


def below(processes):
    children = []
    for process in processes:
        with suppress(psutil.Error):  # it has ended
            children += process.children()
    return children


TARGETS = {
    "driver": lambda driver: [driver],
    "server": lambda driver: below([driver]),
    "guards": lambda driver: below(below([driver])),
    "workers": lambda driver: below(below(below([driver]))),
}


def wait_for(condition):
    while not condition():
        time.sleep(0.05)


@dataclass
class Case:
    """Signals to processes of a run, and the end of it that is expected."""

    signals: tuple
    codes: tuple
    target: str = "driver"
    lines: tuple = ()  # at the end of the output and of the errors
    finishes: bool = False


CASES = {
    "Ctrl-C": Case((INT,), (130,), lines=(STOPPED, "Finishing running cells; Ctrl-C again stops now.")),
    "Ctrl-C twice": Case((INT, INT), (130, -INT), lines=(STOPPED, "Finishing running cells; Ctrl-C again stops now.")),
    "SIGTERM": Case((TERM,), (143,), lines=(STOPPED, "")),
    "SIGTERM twice": Case((TERM, TERM), (143, -TERM), lines=(STOPPED, "")),
    "terminal closed": Case((HUP,), (-HUP,)),
    "SIGQUIT": Case((QUIT,), (-QUIT,)),
    "driver killed": Case((KILL,), (-KILL,)),
    "server killed": Case((KILL,), (0,), "server", finishes=True),
    "guards killed": Case((KILL,), (0,), "guards", finishes=True),
    "workers killed": Case((KILL,), (0,), "workers", finishes=True),
    "Ctrl-Z and fg": Case((STOP, CONTINUE), (0,), finishes=True),
}
FAST = "long cell", "SIGTERM twice"
PARAMS = [
    pytest.param(phase, name, marks=() if (phase, name) == FAST else pytest.mark.slow)
    for phase in ("long cell", "storing")
    for name in CASES
]


@pytest.mark.parametrize(("phase", "name"), PARAMS)
def test_a_run_that_gets_a_signal_leaves_a_good_store_and_no_process(tmp_path, phase, name):
    case = CASES[name]
    many = 300 if case.finishes else 5000  # so that the signal comes before the last
    command = Command(tmp_path, *((many, 0.0) if phase == "storing" else (4, 2.0)))
    driver = command.start()
    wait_for(lambda: len(TARGETS["workers"](driver)) == 2)
    if phase == "storing":
        wait_for((tmp_path / "toymanifold-results" / "results.db").exists)
    time.sleep(1)
    family = driver.children(recursive=True)
    for signum in case.signals:
        for process in TARGETS[case.target](driver):
            with suppress(psutil.Error):
                process.send_signal(signum)
        time.sleep(0.3)
    output, errors = command.driver.communicate(timeout=120)
    assert command.driver.returncode in case.codes
    assert "Traceback" not in errors
    assert case.lines == () or case.lines == (output.splitlines()[-1], errors.strip())
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert (len(command.stored()) == command.n_cells) == case.finishes
    if not case.finishes and phase == "long cell":
        command.start()
        command.driver.communicate(timeout=120)
    assert set(command.stored().values()) == {"ok"}
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"sleeping_learners.py", "s.toml", "toymanifold-results", "__pycache__"}


@pytest.mark.slow
def test_a_run_outlasts_its_terminal(tmp_path):
    """SIGHUP does not reach it, as after disown."""
    command = Command(tmp_path, 4, 1.0)
    ours, theirs = os.openpty()
    driver = command.start(stdout=theirs, stderr=theirs)
    os.close(theirs)
    wait_for(lambda: len(TARGETS["workers"](driver)) == 2)
    os.close(ours)
    assert command.driver.wait(timeout=120) == 0
    assert set(command.stored().values()) == {"ok"}


@pytest.mark.parametrize(("signum", "codes"), [(INT, (130,)), (TERM, (-TERM,)), (KILL, (-KILL,))])
@pytest.mark.parametrize(
    "seconds", [pytest.param(0.8, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_run_can_be_stopped_while_it_starts(tmp_path, signum, codes, seconds):
    command = Command(tmp_path, 4, 1.0)
    driver = command.start()
    time.sleep(seconds)
    family = driver.children(recursive=True)
    driver.send_signal(signum)
    _, errors = command.driver.communicate(timeout=60)
    assert command.driver.returncode in codes
    assert errors.strip() in ("", "Stopped.")
    assert psutil.wait_procs(family, timeout=10)[1] == []
