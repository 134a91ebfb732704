"""The door for Python: a study in, its results out."""

from studies.execution.executors import open_executor
from studies.execution.run import remaining, run
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.provenance import collect
from studies.store.store import Store


def run_study(study: Study, store: Store, n_jobs: int | None = None) -> Results:
    """Run what of a study is not measured yet, and return its results."""
    with open_executor("local", n_jobs) as executor:
        run_id = store.begin_run(collect(study.name, study.seeds))
        for _ in run(remaining(plan_study(study), store), store, executor, n_workers=executor.n_workers, run_id=run_id):
            pass
        store.end_run(run_id)
    return Results(study, store)
