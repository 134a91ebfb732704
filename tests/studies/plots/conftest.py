import contextlib

import matplotlib.pyplot as plt
import pytest

from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def store_values(study, store, values_of):
    for planned in plan_study(study):
        cell = planned.cell
        store.add(Outcome(cell.key, cell.spec, "ok", values_of(planned), seconds=1.0))


@pytest.fixture
def results_of(tmp_path):
    """Results of a described study with given values, as if it had been run."""
    stores = contextlib.ExitStack()

    def results(values_of, **described):
        study = Study.from_dict({"name": "made", "question": "What is drawn?", "seeds": 3, **described})
        store = stores.enter_context(Store(f"sqlite:///{tmp_path}/made.db"))
        store_values(study, store, values_of)
        return Results(study, store)

    with stores:
        yield results
