import joblib
import pytest

from studies import Results, Slots, Store, built_in, plan_study, remaining, run


@pytest.fixture
def measured(tmp_path):
    """Return the results of a built-in study, run in full into a store of its own on all cores."""

    def measure(name):
        study, store = built_in()[name], Store(f"sqlite:///{tmp_path}/results.db")
        n_workers = joblib.cpu_count()
        with Slots(n_workers) as slots:
            for _, outcome in run(remaining(plan_study(study), store), store, slots, n_workers=n_workers):
                assert outcome.status == "ok", outcome.error
        return Results(study, store)

    return measure
