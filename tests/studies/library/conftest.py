import joblib
import numpy as np
import pandas as pd
import pytest

from studies.execution.run import remaining, run
from studies.execution.workers import WorkerPool
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from studies.store.store import Store


@pytest.fixture
def measured(tmp_path):
    """Return the results of a built-in study, run in full into a store of its own on all cores."""

    def measure(name):
        study, store = built_in()[name], Store(f"sqlite:///{tmp_path}/results.db")
        with WorkerPool(joblib.cpu_count()) as pool:
            for _, outcome in run(remaining(plan_study(study), store), store, pool):
                assert outcome.status == "ok", outcome.error
        return Results(study, store)

    return measure


@pytest.fixture
def invented():
    """Return the frame of a built-in study whose cells measure what a function says, and a little noise."""

    def invent(name, values, noise=0.05):
        rng = np.random.default_rng(0)
        rows = []
        for p in plan_study(built_in()[name]):
            place = {"problem": p.problem, "learner": p.learner, "family": p.family, **p.axes}
            place |= {"n_samples": p.cell.n_samples, "seed": p.cell.seed}
            for metric, value in values(p).items():
                rows.append({**place, "metric": metric, "value": value * np.exp(noise * rng.standard_normal())})
        frame = pd.DataFrame(rows)
        frame.attrs["study"] = name
        return frame

    return invent


class Shown:
    """Stands for `Results` where only its frame is asked for, and the study in its ``attrs``."""

    def __init__(self, frame):
        self._frame = frame

    @property
    def study(self):
        return built_in()[self._frame.attrs.get("study", "prior-vs-data")]

    def frame(self):
        return self._frame


@pytest.fixture
def shown():
    return Shown
