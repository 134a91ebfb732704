"""The interface for Python: a study in, its results out."""

import os
import warnings
from functools import partial

from studies.execution.executors import open_executor
from studies.execution.run import remaining, run, run_task
from studies.results.plans import keep_plan
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study, find_study
from studies.store import DEFAULT_STORE
from studies.store.provenance import collect
from studies.store.store import Store
from toymanifold.validation import check_integer, check_real


def run_study(
    study: Study | str | os.PathLike[str],
    store: Store | str | os.PathLike[str] | None = None,
    *,
    n_jobs: int | None = None,
    executor: str = "local",
    time_limit: float | None = None,
    memory_limit: int | None = None,
    retry_failed: bool = False,
    keep_models: bool = False,
) -> Results:
    """Run the cells of a study that are not in the store yet, and return its results.

    It returns when the last cell is stored. Cells are stored one by one, so a run that is interrupted goes on where it
    stopped when it is called again. As for every program that starts processes, a script that calls it needs
    ``if __name__ == "__main__":``.

    Parameters
    ----------
    study : Study, str or path-like
        A study, the name of a built-in one, or a TOML file.
    store : Store, str, path-like or None, default=None
        An open store, a SQLAlchemy URL, or the path of a SQLite file. None is the default of the command,
        ``toymanifold-results/results.db``.
    n_jobs : int or None, default=None
        Number of local workers; None starts one for each core.
    executor : str, default="local"
        "local", or "dask://host:port" for a Dask cluster.
    time_limit : float or None, default=None
        Seconds for each cell.
    memory_limit : int or None, default=None
        Bytes for each worker and what it starts; None gives each its share of the memory.
    retry_failed : bool, default=False
        Run cells that failed before once more.
    keep_models : bool, default=False
        Store fitted nets, too.

    Returns
    -------
    results : Results
        Of all cells of the study that have ended. Their store stays open.

    Raises
    ------
    SpecError
        If there is no such study, or the file is not valid.
    StoreError
        If the database cannot be used.
    ExecutorError
        If the executor cannot be used, or a worker lacks a module that the study needs. Nothing is stored of the cells
        that it could not run.
    TypeError, ValueError
        If a number of workers or a limit is not a positive number.

    Warns
    -----
    UserWarning
        If cells have failed; ``Results.failed()`` returns them.

    Examples
    --------
    >>> from studies import Study, run_study
    >>> study = Study.from_dict(
    ...     {
    ...         "name": "neighbours",
    ...         "question": "How does the error of 1-NN fall with data?",
    ...         "sizes": [100, 1000],
    ...         "seeds": 2,
    ...         "learners": {"kNN": {"estimator": "knn", "params": {"n_neighbors": 1}}},
    ...     }
    ... )
    >>> frame = run_study(study, "sqlite://", n_jobs=1).frame()  # doctest: +SKIP
    """
    if n_jobs is not None:
        check_integer(n_jobs, "n_jobs", "run_study", low=1)
    if time_limit is not None:
        check_real(time_limit, "time_limit", "run_study", low=0, closed="(]")
    if memory_limit is not None:
        check_integer(memory_limit, "memory_limit", "run_study", low=1)
    described = study if isinstance(study, Study) else find_study(os.fspath(study))
    opened = store if isinstance(store, Store) else Store(DEFAULT_STORE if store is None else store)
    planned = plan_study(described)
    todo = remaining(planned, opened, retry_failed=retry_failed)
    record = collect(described.name, described.seeds, executor=executor)
    keep_plan(described, opened)
    with open_executor(executor, n_jobs, memory_limit) as workers:
        work = partial(run_task, keep_models=keep_models)
        for _ in run(todo, opened, workers, work=work, time_limit=time_limit, record=record):
            pass
    results = Results(described, opened)
    if failed := results.failed():
        warnings.warn(f"{len(failed)} of {len(planned)} cells failed; Results.failed() returns them", stacklevel=2)
    return results
