"""Cells to outcomes: what is planned minus what is stored, on any ``concurrent.futures`` executor."""

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, as_completed

from sklearn.base import BaseEstimator

from studies.learners import make_learner
from studies.metrics import Fitted, is_classification, measure
from studies.plan import Cell, Planned, Task, group
from studies.points import decision_map, test_sets
from studies.problems import build_problem
from studies.slots import WorkerLost
from studies.store import Outcome, Store

MAP_MARGIN = 1.2
"""Half width of a decision map, in radii of the region."""


def fit_cell(cell: Cell) -> tuple[BaseEstimator, float]:
    """Return the cell's fitted estimator and the seconds that its fit took."""
    problem = build_problem(cell.problem, cell.problem_params)
    estimator = make_learner(
        cell.estimator, problem, prior=cell.prior, params=cell.params, seed=cell.seed, allow=cell.allow
    )
    X, y = problem.sample(cell.n_samples, cell.seed)
    start = time.perf_counter()
    estimator.fit(X, y)
    return estimator, time.perf_counter() - start


def run_cell(cell: Cell) -> Outcome:
    """Fit and measure one cell; never raises, for a failure is an outcome too."""
    start = time.perf_counter()
    try:
        estimator, fit_seconds = fit_cell(cell)
        tests = test_sets(cell.problem, cell.problem_params)
        values = measure(cell.metrics, Fitted(estimator, tests, fit_seconds, cell.n_samples, cell.seed))
        problem = tests.problem
        drawn = problem.dimension == 2 and is_classification(problem)
        inside = decision_map(estimator, MAP_MARGIN * problem.target.radius) if drawn else None
    except Exception as error:
        return Outcome(
            key=cell.key,
            spec=cell.spec,
            status="error",
            error=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
            seconds=time.perf_counter() - start,
        )
    return Outcome(cell.key, cell.spec, "ok", values, inside, seconds=time.perf_counter() - start)


def run_task(task: Task) -> list[Outcome]:
    """Run the cells of a task; in a worker."""
    return [run_cell(cell) for cell in task]


def remaining(planned: list[Planned], store: Store, *, retry_failed: bool = False) -> list[Planned]:
    """Return the planned cells that are still to do, each once, the largest samples first.

    Parameters
    ----------
    planned : list of Planned
    store : Store
    retry_failed : bool, default=False
        Whether cells that have failed before are tried again.
    """
    statuses = store.statuses([p.cell.key for p in planned])
    done = {key for key, status in statuses.items() if status == "ok" or not retry_failed}
    todo = {p.cell.key: p for p in planned if p.cell.key not in done}
    return sorted(todo.values(), key=lambda p: -p.cell.n_samples)


def run(
    todo: list[Planned],
    store: Store,
    executor: Executor,
    *,
    work: Callable[[Task], list[Outcome]] = run_task,
) -> Iterator[tuple[Planned, Outcome]]:
    """Run cells and yield each outcome when it is safely in the store.

    Parameters
    ----------
    todo : list of Planned
        From `remaining`, in the order in which they start.
    store : Store
    executor : Executor
        Of ``concurrent.futures``, or shaped like it. It is the caller's to shut down.
    work : callable, default=run_task
        What is done with a task.
    """
    planned = {p.cell: p for p in todo}
    futures = {executor.submit(work, task): task for task in group(list(planned))}
    for future in as_completed(futures):
        for cell, outcome in zip(futures[future], _outcomes(futures[future], future), strict=True):
            store.add(outcome)
            yield planned[cell], outcome


def _outcomes(task: Task, future: Future[list[Outcome]]) -> list[Outcome]:
    try:
        return future.result()
    except WorkerLost as error:
        return [Outcome(cell.key, cell.spec, "lost", error=str(error)) for cell in task]
