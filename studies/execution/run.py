"""Cells to outcomes: what is planned minus what is stored, on any ``concurrent.futures`` executor."""

import math
import queue
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace

from sklearn.base import BaseEstimator

from studies.execution.costs import Costs
from studies.execution.signals import Stop
from studies.execution.tasks import Fit, Task, fit_task, group
from studies.execution.workers import WorkerEnded, within
from studies.registry.metrics import Fitted, is_classification, measure
from studies.registry.test_sets import decision_map, test_sets
from studies.spec.cells import Cell, PlannedCell
from studies.store.provenance import Run
from studies.store.store import Outcome, Store

MAP_MARGIN = 1.2
"""Half width of a decision map, in radii of the region."""

_OUTSTANDING = 1000  # tasks with the executor at once: work for any number of workers, and flat memory

_GLANCE = 0.1  # seconds between looks at whether a stop is asked for


def run_task(task: Task, *, keep_models: bool = False) -> list[Outcome]:
    """Fit and measure the cells of a task, in a worker; never raises, for a failure is an outcome too.

    Parameters
    ----------
    task : Task
    keep_models : bool, default=False
        Whether fitted nets go into the outcomes.
    """
    return [_measured(cell, fit, keep_models) for cell, fit in zip(task, fit_task(task), strict=True)]


def run_cell(cell: Cell) -> Outcome:
    """Fit and measure one cell; never raises."""
    (outcome,) = run_task((cell,))
    return outcome


def _measured(cell: Cell, fit: Fit, keep_model: bool) -> Outcome:
    start = time.perf_counter()
    try:
        found = _measure(cell, fit, keep_model)
    except (Exception, SystemExit) as error:
        return replace(_failure(cell, fit, error), seconds=fit.seconds + time.perf_counter() - start)
    return replace(found, seconds=fit.seconds + time.perf_counter() - start)


def _failure(cell: Cell, fit: Fit, error: BaseException) -> Outcome:
    return Outcome(
        cell.key,
        cell.spec,
        "memory" if _out_of_memory(error) else "error",
        error=f"{type(error).__name__}: {error}",
        traceback="".join(traceback.format_exception(error)),
        shared=fit.shared,
    )


def _measure(cell: Cell, fit: Fit, keep_model: bool) -> Outcome:
    if fit.error is not None:
        raise fit.error
    tests = test_sets(cell.problem, cell.problem_params)
    values = measure(cell.metrics, Fitted(fit.estimator, tests, fit.seconds, cell.n_samples, cell.seed))
    check_finite(values)
    problem = tests.problem
    drawn = problem.dimension == 2 and is_classification(problem)
    return Outcome(
        cell.key,
        cell.spec,
        "ok",
        values,
        decision_map(fit.estimator, MAP_MARGIN * problem.target.radius) if drawn else None,
        shared=fit.shared,
        model=_dump(fit.estimator) if keep_model else None,
    )


def _dump(estimator: BaseEstimator) -> bytes | None:
    from estimators.nets.serialization import dump  # imports torch, which the driver does without

    return dump(estimator)


def _out_of_memory(error: BaseException) -> bool:
    # torch, which the driver does without, has a class of its own, and raises a plain RuntimeError on a CPU
    names = {"MemoryError", "OutOfMemoryError"} & {kind.__name__ for kind in type(error).__mro__}
    return bool(names) or "can't allocate memory" in str(error)


def check_finite(values: dict[str, float]) -> None:
    """Raise a ValueError that names the metrics that are no finite number, if there are any: they are no score."""
    unfit = [f"metric {name!r} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if unfit:
        raise ValueError(", ".join(unfit))


def remaining(
    planned: list[PlannedCell], store: Store, *, retry_failed: bool = False, costs: Costs | None = None
) -> list[PlannedCell]:
    """Return the planned cells that are still to do, each once, those that should take longest first.

    Parameters
    ----------
    planned : list of PlannedCell
    store : Store
        What has ended already.
    retry_failed : bool, default=False
        Whether cells that have failed before are tried again.
    costs : Costs or None, default=None
        What cells take; by default, what the store tells.
    """
    statuses = store.statuses([p.cell.key for p in planned])
    done = {key for key, status in statuses.items() if status == "ok" or not retry_failed}
    todo = {p.cell.key: p for p in planned if p.cell.key not in done}
    costs = Costs.from_store(planned, store) if costs is None else costs
    return sorted(todo.values(), key=lambda p: -costs.estimate(p.cell))


def run(
    todo: list[PlannedCell],
    store: Store,
    executor: Executor,
    *,
    work: Callable[[Task], list[Outcome]] = run_task,
    time_limit: float | None = None,
    stop: Stop | None = None,
    record: Run | None = None,
) -> Iterator[tuple[PlannedCell, Outcome]]:
    """Run cells and yield each outcome when it is safely in the store.

    A cell whose worker dies is tried once more, alone. A task of several cells that comes to a limit is taken apart
    and each run alone, so that only the guilty one fails.

    Parameters
    ----------
    todo : list of PlannedCell
        From `remaining`, in the order in which they start.
    store : Store
    executor : Executor
        Of ``concurrent.futures``, or shaped like it; its attribute ``n_workers``, if it has one, decides how large
        tasks are. The caller shuts it down.
    work : callable, default=run_task
        What is done with a task.
    time_limit : float or None, default=None
        Seconds for each cell; a task of k cells has k times as many. Needs an executor whose workers may be ended:
        `WorkerPool`, `DaskExecutor`.
    stop : Stop or None, default=None
        Looked at all the time: when it asks, the executor is shut down, and cells that have not started are left.
    record : Run or None, default=None
        The run's record, which is stored with its cells if there are any.
    """
    planned = {p.cell: p for p in todo}

    def submit(task: Task) -> Future[list[Outcome]]:
        if time_limit is None:
            return executor.submit(work, task)
        return executor.submit(within, time_limit * len(task), work, task)

    run_id = store.begin_run(record) if record and todo else None
    n_workers = getattr(executor, "n_workers", 1)
    for cell, outcome in _execute(group(list(planned), n_workers), executor, submit, stop or Stop()):
        store.add(outcome, run_id)
        yield planned[cell], outcome
    if run_id:
        store.end_run(run_id)


@dataclass(frozen=True)
class _Attempt:
    task: Task
    again: bool = False  # after its worker has died once


def _execute(
    tasks: list[Task], executor: Executor, submit: Callable[[Task], Future[list[Outcome]]], stop: Stop
) -> Iterator[tuple[Cell, Outcome]]:
    """Yield the outcomes of tasks as they end, with no more than `_OUTSTANDING` of them submitted at any time."""
    waiting = deque(map(_Attempt, tasks))
    running: dict[Future[list[Outcome]], _Attempt] = {}
    ended: queue.SimpleQueue[Future[list[Outcome]]] = queue.SimpleQueue()
    stopping = False
    while running or (waiting and not stopping):
        if stop.asked and not stopping:
            stopping = True
            executor.shutdown(wait=False, cancel_futures=True)
        while waiting and not stopping and len(running) < _OUTSTANDING:
            attempt = waiting.popleft()
            future = submit(attempt.task)
            running[future] = attempt
            future.add_done_callback(ended.put)
        try:
            future = ended.get(timeout=0 if stop.now else _GLANCE)
        except queue.Empty:
            if stop.now:
                return
            continue
        attempt = running.pop(future)
        if stopping and future.cancelled():
            continue
        outcomes, retries = _settle(attempt, future)
        waiting.extendleft(retries)
        yield from outcomes


def _settle(attempt: _Attempt, future: Future[list[Outcome]]) -> tuple[list[tuple[Cell, Outcome]], list[_Attempt]]:
    """Return the outcomes of a task that has ended, and what of it is to be tried again."""
    try:
        return list(zip(attempt.task, future.result(), strict=True)), []
    except WorkerEnded as error:
        ended = error
    except CancelledError:
        ended = WorkerEnded("lost", "the executor cancelled the task")
    lost = ended.status == "lost"
    if len(attempt.task) > 1 or (lost and not attempt.again):
        return [], [_Attempt((cell,), again=lost) for cell in attempt.task]
    (cell,) = attempt.task
    outcome = Outcome(cell.key, cell.spec, ended.status, error=ended.reason, traceback=ended.stack)
    return [(cell, outcome)], []
