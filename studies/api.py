"""The interface for Python: a study or learners and a problem in, results out."""

import inspect
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from sklearn.base import BaseEstimator, clone

from studies.execution.budget import Budget
from studies.execution.costs import Costs
from studies.execution.executors import LOCAL, open_executor
from studies.execution.in_process import open_with_objects
from studies.execution.run import remaining, run, run_task
from studies.execution.tasks import Task
from studies.registry.data import GeneratorBuilder
from studies.registry.errors import SpecError, exception_text, short_repr
from studies.registry.objects import Kept, code_of_object, keep
from studies.registry.problems import AnyProblem
from studies.results.plans import keep_plan
from studies.results.results import Results
from studies.spec.cells import plan_run
from studies.spec.study import Study, find_study
from studies.store import DEFAULT_STORE
from studies.store.database import is_in_memory
from studies.store.provenance import collect
from studies.store.store import Outcome, Store
from toymanifold import DataProblem, Problem
from toymanifold.validation import check_integer, check_real, error_message

_METHODS = ("fit", "predict", "get_params", "set_params")


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
    budget: float | None = None,
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
    budget : float or None, default=None
        Seconds for the run: all learners at one seed are measured before the next seed, and a cell starts only if it is
        predicted to end in time. Call it again to go on.

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
    if budget is not None:
        check_real(budget, "budget", "run_study", low=0, closed="(]")
    described = study if isinstance(study, Study) else find_study(os.fspath(study))
    opened = store if isinstance(store, Store) else Store(DEFAULT_STORE if store is None else store)
    keep_plan(described, opened)
    with open_executor(executor, n_jobs, memory_limit) as workers:
        return _measured(
            described,
            opened,
            workers,
            partial(run_task, keep_models=keep_models),
            executor=executor,
            time_limit=time_limit,
            retry_failed=retry_failed,
            budget=budget,
        )


def measure_curves(
    learners: Mapping[str, BaseEstimator],
    problem: Any,
    *,
    sizes: Sequence[int] | Mapping[str, int],
    seeds: int = 5,
    metrics: Sequence[str] = (),
    worth: Mapping[str, str] | None = None,
    n_jobs: int | None = None,
    store: Store | str | os.PathLike[str] | None = None,
    time_limit: float | None = None,
    retry_failed: bool = False,
) -> Results:
    """Measure learning curves of estimators: one fit of each for each problem, sample size and seed.

    It is a `Study` whose learners and problems are objects. The seed of a cell is the value of every ``random_state``
    of its learner, and all learners have the same training and test points.

    Parameters
    ----------
    learners : dict of str to estimator
        Unfitted estimators by label. Each cell fits a clone. Estimators are keyed by their pickles (cloudpickle).
    problem : Problem, DataProblem, callable, tuple (X, y), or dict of str to these
        The problem, or several by label. A callable is a generator in scikit-learn's manner,
        ``make_x(n_samples=..., random_state=...)``, and may be a `functools.partial`. It is called once, for 200,000
        rows from which all samples are drawn; `DataProblem.from_generator` has other options. Generators of
        `toymanifold` stand for their `Problem`. X may be a data frame; see `DataProblem.from_data`.
    sizes : sequence of int, or dict with "start", "stop" and optionally "per_decade"
        Numbers of training points; a dict stands for sizes evenly spaced on a logarithmic scale.
    seeds : int, default=5
        Number of seeds.
    metrics : sequence of str, default=()
        Metrics to measure; the default ones if there are none.
    worth : dict of str to str, optional
        Questions that `write_report` answers, by labels: ``{"mine": "knn"}`` asks how many times the data the prior of
        "mine" is worth to "knn".
    n_jobs : int or None, default=None
        Number of local workers. None and 1 run all cells in this process; for more, a script needs
        ``if __name__ == "__main__":``. The results are the same.
    store : Store, str, path-like or None, default=None
        As in `run_study`, for estimators of importable code; None keeps the results in memory.
    time_limit : float or None, default=None
        Seconds for each cell, if ``n_jobs`` is 2 or more.
    retry_failed : bool, default=False
        Run cells that failed before, which a store has, once more.

    Returns
    -------
    results : Results

    Raises
    ------
    TypeError, ValueError
        If a learner, a problem or a limit is not valid, or an estimator cannot be kept in a store.
    SpecError
        If labels, sizes, seeds or metrics are not valid, or a learner is not one for the task of a problem.

    Warns
    -----
    UserWarning
        If cells have failed; ``Results.failed()`` returns them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from studies import measure_curves
    >>> learners = {"linear": LogisticRegression(max_iter=1000), "kNN": KNeighborsClassifier()}
    >>> print(measure_curves(learners, load_iris(return_X_y=True), sizes=[20, 50, 100], seeds=3))
    curves: 27 of 27 cells measured, 0 failed.
     learner  cells  measured  failed
      linear      9         9       0
         kNN      9         9       0
    baseline      9         9       0
    """
    n_workers = 1 if n_jobs is None else check_integer(n_jobs, "n_jobs", "measure_curves", low=1)
    if time_limit is not None:
        check_real(time_limit, "time_limit", "measure_curves", low=0, closed="(]")
        if n_workers == 1:
            allowed = "None in this process, in which no cell can be ended; with n_jobs=2 it can"
            raise ValueError(error_message("time_limit", "measure_curves", allowed, time_limit))
    if not isinstance(learners, Mapping):
        raise TypeError(error_message("learners", "measure_curves", "a dict of estimators by label", learners))
    if worth is not None and not isinstance(worth, Mapping):
        raise TypeError(error_message("worth", "measure_curves", "None or a dict of labels by label", worth))
    problems = problem if isinstance(problem, Mapping) else {"problem": problem}
    kept_learners = {label: _kept_learner(label, learner) for label, learner in learners.items()}
    kept_problems = {label: _kept_problem(each) for label, each in problems.items()}
    objects = {one.name: one for one in (*kept_learners.values(), *kept_problems.values())}
    if store is not None and not is_in_memory(store.database.name if isinstance(store, Store) else store):
        for label, one in (*kept_learners.items(), *kept_problems.items()):
            _check_importable(label, one)
    study = _study_of(
        objects,
        {
            "name": "curves",
            "question": "How does the error fall with the number of training points?",
            "problems": {label: {"problem": one.name} for label, one in kept_problems.items()},
            "sizes": sizes,
            "seeds": seeds,
            "learners": {label: {"estimator": one.name} for label, one in kept_learners.items()},
            "metrics": metrics,
            "questions": [{"worth": {"prior": prior, "of": of}} for prior, of in (worth or {}).items()],
        },
    )
    opened = store if isinstance(store, Store) else Store("sqlite://" if store is None else store)
    with open_with_objects(objects.values(), n_workers) as (workers, work):
        return _measured(study, opened, workers, work, time_limit=time_limit, retry_failed=retry_failed)


def _measured(
    study: Study,
    store: Store,
    workers: Executor,
    work: Callable[[Task], list[Outcome]],
    *,
    executor: str = LOCAL,
    time_limit: float | None,
    retry_failed: bool,
    budget: float | None = None,
) -> Results:
    """Run what a store does not have of a study, and return the results; warn of failures."""
    planned = plan_run(study)
    costs = Costs.from_store(planned, store)
    todo = remaining(planned, store, retry_failed=retry_failed, costs=costs, in_budget=budget is not None)
    record = collect(study.name, study.seeds, executor=executor)
    within = None if budget is None else Budget(budget, costs)
    for _ in run(todo, store, workers, work=work, time_limit=time_limit, record=record, budget=within):
        pass
    results = Results(study, store)
    if failed := results.failed():
        warnings.warn(f"{len(failed)} of {len(planned)} cells failed; Results.failed() returns them", stacklevel=3)
    return results


def _study_of(objects: Mapping[str, Kept], described: Mapping[str, Any]) -> Study:
    """Return a study of objects, in whose errors they stand for their names."""
    try:
        study = Study.from_dict(described)
    except SpecError as error:
        message = str(error)
        for name, kept in objects.items():
            message = message.replace(repr(name), short_repr(kept.value))
        raise SpecError(message) from None
    study.use_objects(objects)
    return study


def _kept_learner(label: str, learner: Any) -> Kept:
    if isinstance(learner, type) or not all(callable(getattr(learner, name, None)) for name in _METHODS):
        allowed = f"an estimator, with {', '.join(_METHODS)}"
        raise TypeError(error_message(f"learners[{label!r}]", "measure_curves", allowed, learner))
    try:
        return keep(clone(learner))
    except Exception as error:  # constructing and pickling foreign objects can raise anything
        allowed = "an estimator that sklearn.base.clone copies and cloudpickle pickles"
        message = error_message(f"learners[{label!r}]", "measure_curves", allowed, learner)
        raise ValueError(f"{message} {exception_text(error)}") from error


def _kept_problem(given: Any) -> Kept:
    match given:
        case Problem() | DataProblem():
            return keep(given)
        case (X, y):
            return keep(DataProblem.from_data(X, y))
        case _ if callable(given):
            return keep(_generated(given if isinstance(given, partial) else partial(given)))
    allowed = "a Problem, a DataProblem, a generator, a tuple (X, y), or a dict of these by label"
    raise TypeError(error_message("problem", "measure_curves", allowed, given))


def _generated(make_x: "partial[Any]") -> AnyProblem:
    """Return the problem of a generator: one of ours returns it, and any other is called for a pool of rows."""
    if "return_problem" in inspect.signature(make_x.func).parameters:
        *_, problem = make_x(return_problem=True)
        return problem
    return GeneratorBuilder(make_x.func)(**make_x.keywords)


def _check_importable(label: str, kept: Kept) -> None:
    try:
        code_of_object(kept.value)
    except ValueError as error:
        raise ValueError(
            f"{label!r} can be measured in memory only (store=None), since a store keeps results of code that can be"
            f" imported: {error}"
        ) from error
