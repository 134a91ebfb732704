"""The runner: runs the cells of a plan that are not stored yet, on any ``concurrent.futures`` executor."""

import math
import queue
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from estimators.nets import Net
from studies.execution.budget import Budget, by_seed, take
from studies.execution.costs import Costs
from studies.execution.seeding import seeded
from studies.execution.signals import Stop
from studies.execution.tasks import Fit, Task, fit_task, group, load_nets
from studies.execution.texts import cut
from studies.execution.workers import Answer, Call, ExecutorError, WorkerEnded
from studies.registry.errors import exception_text
from studies.registry.learners import is_net
from studies.registry.metrics import Fitted, measure
from studies.registry.params import canonical
from studies.registry.problems import AnyProblem, is_drawn
from studies.registry.test_sets import decision_map, shared_test_sets
from studies.spec.cells import Cell, PlannedCell
from studies.store.database import StoppedError
from studies.store.provenance import Run
from studies.store.seals import is_metric
from studies.store.store import LostError, Outcome, Store, StoreError

MAP_MARGIN = 1.2
"""Half width of a decision map, in radii of the region."""

_OUTSTANDING = 1000  # submitted tasks at any time: enough for any number of workers, with constant memory

_POLL_SECONDS = 0.1  # between checks of the stop request


def run_task(task: Task, *, keep_models: bool = False) -> list[Outcome]:
    """Fit and measure the cells of a task, in a worker; failures do not raise but are outcomes.

    Parameters
    ----------
    task : Task
    keep_models : bool, default=False
        Include fitted nets in the outcomes.

    Raises
    ------
    ExecutorError
        If the module of a learner cannot be imported here.
    """
    return [_measured(cell, fit, keep_models) for cell, fit in zip(task, fit_task(task), strict=True)]


def run_cell(cell: Cell) -> Outcome:
    """Fit and measure one cell; a failure does not raise but is an outcome."""
    (outcome,) = run_task((cell,))
    return outcome


def _measured(cell: Cell, fit: Fit, keep_model: bool) -> Outcome:
    start = time.perf_counter()
    try:
        with seeded(cell.key, "measure"):
            outcome = _measure(cell, fit, keep_model)
    except BaseException as error:  # whatever foreign code raises
        outcome = _failure(cell, error, fit.shared)
    return replace(outcome, seconds=fit.seconds + time.perf_counter() - start)


def _failure(cell: Cell, error: BaseException, shared: int = 1) -> Outcome:
    return Outcome(
        cell.key,
        cell.spec,
        "memory" if _out_of_memory(error) else "error",
        error=cut(exception_text(error)),
        traceback=cut(_traceback(error)),
        shared=shared,
    )


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # whatever the methods of a foreign exception raise
        return ""


def _measure(cell: Cell, fit: Fit, keep_model: bool) -> Outcome:
    if fit.error is not None:
        raise fit.error
    with shared_test_sets(cell.problem, cell.params_of_problem, cell.allow, cell.test_seed) as tests:
        values = measure(cell.metrics, Fitted(fit.estimator, tests, fit.seconds, cell.n_samples, cell.seed))
        check_finite(values)
        inside = _decision_map(fit.estimator, tests.problem)
    model = _dump(fit.estimator) if keep_model else None
    outcome = Outcome(cell.key, cell.spec, "ok", values, inside, shared=fit.shared, model=model)
    if isinstance(fit.estimator, Net):
        device = "cpu" if fit.estimator.device == "auto" else fit.estimator.device
        outcome = replace(outcome, engine=fit.estimator.engine_, device=device)
    return outcome


def _decision_map(estimator: BaseEstimator, problem: AnyProblem) -> NDArray[np.bool_] | None:
    """Return the decision map of a classifier, if decision regions of its problem are drawn."""
    return decision_map(estimator, MAP_MARGIN * problem.target.radius) if is_drawn(problem) else None


def _dump(estimator: BaseEstimator) -> bytes | None:
    from estimators.nets.serialization import dump  # here, since it imports torch, which the driver does not need

    return dump(estimator)


def _out_of_memory(error: BaseException) -> bool:
    # by name, since the driver does not import torch; on a CPU torch raises a plain RuntimeError
    names = {"MemoryError", "OutOfMemoryError"} & {kind.__name__ for kind in type(error).__mro__}
    return bool(names) or "can't allocate memory" in exception_text(error)


def check_finite(values: dict[str, float]) -> None:
    """Raise a ValueError if a metric is NaN, infinite or larger than what can be stored."""
    not_finite = [f"metric {name!r} is {value}" for name, value in values.items() if not is_metric(value)]
    if not_finite:
        raise ValueError(", ".join(not_finite))


def remaining(
    planned: list[PlannedCell],
    store: Store,
    *,
    retry_failed: bool = False,
    costs: Costs | None = None,
    in_budget: bool = False,
) -> list[PlannedCell]:
    """Return the planned cells that remain to run, each once.

    One cell of each learner and size that no measured cell resembles comes first, from the smallest up, so that times
    are known and failures are found early; then the longest.

    Parameters
    ----------
    planned : list of PlannedCell
    store : Store
        The outcomes of cells that have ended.
    retry_failed : bool, default=False
        Include cells that failed before.
    costs : Costs or None, default=None
        Times of cells; by default those of the store.
    in_budget : bool, default=False
        Return the cells seed by seed instead, in the order of `studies.execution.budget.by_seed`.
    """
    statuses = store.statuses([p.cell.key for p in planned])
    done = {key for key, status in statuses.items() if status == "ok" or not retry_failed}
    todo = {p.cell.key: p for p in planned if p.cell.key not in done}
    costs = Costs.from_store(planned, store) if costs is None else costs
    if in_budget:
        return by_seed(todo.values(), costs)
    first = {replace(p.cell, seed=0): p for p in reversed(todo.values()) if costs.known(p.cell) is None}
    probes = {p.cell.key for p in first.values()}

    def place(planned: PlannedCell) -> tuple[int, float]:
        cell = planned.cell
        return (0, cell.n_samples) if cell.key in probes else (1, -costs.estimate(cell))

    return sorted(todo.values(), key=place)


def run(
    todo: list[PlannedCell],
    store: Store,
    executor: Executor,
    *,
    work: Callable[[Task], list[Outcome]] = run_task,
    time_limit: float | None = None,
    stop: Stop | None = None,
    record: Run | None = None,
    budget: Budget | None = None,
) -> Iterator[tuple[PlannedCell, Outcome]]:
    """Run cells, and yield each outcome after it is stored.

    At the end the store is asked for all cells. Those that it has lost, as a server may that crashes, run once more. A
    cell whose worker dies is tried once more, alone. If a task of several cells reaches a limit or fails as a whole,
    each of them is run alone, so that only the cell at fault fails. The text that a task printed is that of each of its
    cells.

    Parameters
    ----------
    todo : list of PlannedCell
        Cells from `remaining`, in the order in which they start.
    store : Store
    executor : Executor
        A ``concurrent.futures`` executor or one with the same methods. With a budget its attribute ``n_workers``, by
        default 1, is the number of tasks at any time. The caller shuts it down.
    work : callable, default=run_task
        Function from a task to its outcomes.
    time_limit : float or None, default=None
        Seconds for each cell; a task of k cells has k times as many. The executor must be a `WorkerPool` or a
        `DaskExecutor`, whose workers can be ended.
    stop : Stop or None, default=None
        Request to stop, checked continually: the executor is then shut down, and no further cells start.
    record : Run or None, default=None
        Record of the run, which is stored if there are cells to run.
    budget : Budget or None, default=None
        Time for the run: a cell starts only if it is predicted to end within it.

    Yields
    ------
    planned : PlannedCell
    outcome : Outcome

    Raises
    ------
    ExecutorError
        If the executor can run no task.
    StoreError
        If the store cannot be used; `LostError` if cells are not in it although they were stored.
    ValueError
        If there is a time limit, and the executor cannot keep it.
    """
    if time_limit is not None and not getattr(executor, "keeps_limits", False):
        raise ValueError("a time limit needs workers that can be ended: WorkerPool or a Dask cluster")
    if any(is_net(p.cell.estimator) for p in todo):
        load_nets()  # so that it is compiled once, if it must be, and not in every worker
    planned = {p.cell: p for p in todo}
    ended: list[Cell] = []
    stop = stop or Stop()

    def submit(task: Task) -> Future[Answer]:
        seconds = math.inf if time_limit is None else time_limit * len(task)
        return executor.submit(Call(work, seconds, bool(task[0].foreign_names)), task)

    def stored(cells: list[Cell]) -> Iterator[tuple[PlannedCell, Outcome]]:
        for cell, outcome in _execute(group(cells), executor, submit, stop, budget):
            added = _add(store, cell, outcome, run_id)
            ended.append(cell)
            if budget:
                budget.learn(cell, added)
            yield planned[cell], added

    store.database.is_stopped = lambda: stop.now
    with suppress(StoppedError):
        run_id = store.begin_run(record) if record and todo else None
        yield from stored(list(planned))
        if not stop.asked and (lost := _lost(ended, store)):
            deque(stored(lost), maxlen=0)  # which were reported before
            _check_stored(lost, store)
        if run_id:
            store.end_run(run_id)


def _check_stored(cells: list[Cell], store: Store) -> None:
    if lost := _lost(cells, store):
        keys = ", ".join(cell.key[:12] for cell in lost[:3])
        raise LostError(
            f"{len(lost):,} cells were stored and are not in {store.database.name} any more, among them {keys}"
        )


def _lost(cells: Iterable[Cell], store: Store) -> list[Cell]:
    """Return those of some cells that are not in the store."""
    missing = set(store.missing([cell.key for cell in cells]))
    return [cell for cell in cells if cell.key in missing]


def _add(store: Store, cell: Cell, outcome: Outcome, run_id: str | None) -> Outcome:
    """Store an outcome, or else the reason for which it cannot be stored, and return what is stored."""
    if cell.code:
        outcome = replace(outcome, foreign_code=canonical(cell.code))
    try:
        store.add(outcome, run_id)
    except StoreError:
        raise
    except Exception as error:
        outcome = _failure(cell, error)
        store.add(outcome, run_id)
    return outcome


@dataclass(frozen=True)
class _Attempt:
    task: Task
    again: bool = False  # the second attempt, after the worker died


def _execute(
    tasks: list[Task],
    executor: Executor,
    submit: Callable[[Task], Future[Answer]],
    stop: Stop,
    budget: Budget | None,
) -> Iterator[tuple[Cell, Outcome]]:
    """Yield the outcomes of tasks as they end.

    With a budget a task is submitted when a worker is free; otherwise there are up to `_OUTSTANDING` submitted tasks.
    """
    most = getattr(executor, "n_workers", 1) if budget else getattr(executor, "most_outstanding", _OUTSTANDING)
    waiting = deque(map(_Attempt, tasks))
    running: dict[Future[Answer], _Attempt] = {}
    ended: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
    stopping = False
    while True:
        if stop.asked and not stopping:
            stopping = True
            executor.shutdown(wait=False, cancel_futures=True)
        while not stopping and len(running) < most:
            chosen = take(waiting, lambda attempt: budget is None or budget.fits(attempt.task))
            if chosen is None:
                break
            future = submit(chosen.task)
            running[future] = chosen
            future.add_done_callback(ended.put)
        if not running:
            return
        try:
            future = ended.get(timeout=0 if stop.now else _POLL_SECONDS)
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


def _settle(attempt: _Attempt, future: Future[Answer]) -> tuple[list[tuple[Cell, Outcome]], list[_Attempt]]:
    """Return the outcomes of a task that has ended, and the attempts to repeat."""
    error = CancelledError("the executor cancelled the task") if future.cancelled() else future.exception()
    if error is None:
        answer = future.result()
        outcomes = [replace(outcome, output=answer.output) for outcome in answer.result]
        return list(zip(attempt.task, outcomes, strict=True)), []
    if isinstance(error, ExecutorError):
        raise error
    lost = isinstance(error, CancelledError) or (isinstance(error, WorkerEnded) and error.status == "lost")
    if len(attempt.task) > 1 or (lost and not attempt.again):
        return [], [_Attempt((cell,), again=lost) for cell in attempt.task]
    (cell,) = attempt.task
    return [(cell, _ended(cell, error))], []


def _ended(cell: Cell, error: BaseException) -> Outcome:
    """Return the outcome of a cell whose task has not returned one."""
    if isinstance(error, WorkerEnded):
        status, reason, stack, output = error.args
        return Outcome(cell.key, cell.spec, status, error=reason, traceback=cut(stack), output=output)
    if isinstance(error, CancelledError):
        return Outcome(cell.key, cell.spec, "lost", error=str(error))
    return _failure(cell, error)
