"""Tasks: cells that one worker fits together, such as nets of one batched training, or epochs of one net."""

import math
import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from estimators import NetClassifier, fit_many
from estimators.nets import Net
from estimators.nets.fit_many import batch_key
from studies.execution.seeding import seeded
from studies.execution.workers import ExecutorError
from studies.registry.learners import find, is_foreign
from studies.registry.params import canonical
from studies.spec.cells import Cell

Task = tuple[Cell, ...]
"""Cells that one worker runs together."""

_DATA_BYTES = 2**28  # largest size of a task's training points

_NO_TIME = 1e-9  # seconds of a training without epochs

_WHOLE = {"schedule", "early_stopping", "checkpoints"}
"""Parameters of nets with which a shorter training is not the beginning of a longer one."""


@dataclass(frozen=True)
class Fit:
    """The result of fitting a cell.

    Attributes
    ----------
    estimator : BaseEstimator or None
        The fitted estimator, or None if the fit failed.
    seconds : float
        Time of the fit, or the cell's share of a common fit.
    shared : int
        Number of cells fitted together.
    error : BaseException or None
        The error of a failed fit.
    """

    estimator: BaseEstimator | None
    seconds: float
    shared: int = 1
    error: BaseException | None = None


def group(cells: Sequence[Cell], n_workers: int = 1) -> list[Task]:
    """Return cells as tasks, in the order in which they start.

    Results do not depend on the grouping. Nets that can be trained as one batch share a task, up to the fastest batch
    size and 256 MB of training points, and so that there are two tasks or more for each worker.

    Parameters
    ----------
    cells : sequence of Cell
    n_workers : int, default=1
    """
    most = max(1, len(cells) // (2 * n_workers))
    batches: dict[Cell, _Batch | None] = {}  # by the cell with seed 0, since batches do not depend on seeds
    together: dict[_Batch, list[Cell]] = defaultdict(list)
    order: dict[_Batch | Cell, None] = {}
    for cell in cells:
        of_any_seed = replace(cell, seed=0)
        if of_any_seed not in batches:
            batches[of_any_seed] = _batch(cell)
        batch = batches[of_any_seed]
        order.setdefault(cell if batch is None else batch)
        if batch is not None:
            together[batch].append(cell)
    return [
        task
        for first in order
        for task in (_tasks(together[first], min(first.size, most)) if isinstance(first, _Batch) else [(first,)])
    ]


def fit_cell(cell: Cell) -> BaseEstimator:
    """Return the fitted estimator of a cell, the same as in any task with it.

    Raises
    ------
    Exception
        The error of the estimator, if the fit fails.
    """
    (fit,) = fit_task((cell,))
    if fit.error is not None:
        raise fit.error
    return fit.estimator


def fit_task(task: Task) -> list[Fit]:
    """Fit the cells of a task together; a failure of one does not affect the others.

    Raises
    ------
    ExecutorError
        If the module of a learner cannot be imported here, which is not the learner's failure.
    """
    fits: dict[Cell, Fit] = {}
    prepared: list[tuple[list[Cell], BaseEstimator, tuple[object, object]]] = []
    _import_module(task[0])
    with seeded(task[0].key, "fit"):
        for training in _trainings(task):
            try:
                prepared.append((training, *_prepare(training)))
            except BaseException as error:  # whatever foreign code raises
                fits |= {cell: Fit(None, 0.0, error=error) for cell in training}
        start = time.perf_counter()
        fitted = _fit_all([estimator for _, estimator, _ in prepared], [data for _, _, data in prepared])
        elapsed = time.perf_counter() - start
    trainings = [(training, estimator) for (training, *_), estimator in zip(prepared, fitted, strict=True)]
    work = sum(_work(estimator, training[-1]) for training, estimator in trainings)
    for training, estimator in trainings:
        for cell in training:
            seconds = elapsed * _work(estimator, cell) / work
            fits[cell] = _fit(estimator, training, cell, seconds, len(task))
    return [fits[cell] for cell in task]


@dataclass(frozen=True)
class _Batch:
    """A batch of cells that may be fitted together: its key, and its largest size."""

    key: Hashable
    size: int


def _batch(cell: Cell) -> _Batch | None:
    """Return the batch of a cell, or None if it is fitted alone."""
    if is_foreign(cell.estimator):  # its code runs in workers only
        return None
    try:
        found = batch_key(cell.build_learner(), cell.n_samples)
    except Exception:  # the cell raises it again when it runs
        return None
    if found is None:
        return None
    key, size = found
    within_memory = max(1, _DATA_BYTES // (8 * cell.build_problem().dimension * cell.n_samples))
    return _Batch((cell.problem, canonical(cell.problem_params), cell.metrics, key), min(size, within_memory))


def _tasks(cells: list[Cell], n_together: int) -> list[Task]:
    """Divide the cells of a batch evenly into tasks of `n_together` trainings or fewer."""
    trainings = _trainings(cells)
    n_tasks = math.ceil(len(trainings) / n_together)
    return [tuple(chain.from_iterable(trainings[index::n_tasks])) for index in range(n_tasks)]


def _trainings(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the trainings of cells: lists of cells that are epochs of one training, with the longest last."""
    trainings: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell in cells:
        trainings[_training(cell)].append(cell)
    return [sorted(training, key=_epochs) for training in trainings.values()]


def _training(cell: Cell) -> Hashable:
    if cell.estimator != "net" or not _WHOLE.isdisjoint(cell.params):
        return cell
    rest = {name: value for name, value in cell.params.items() if name != "epochs"}
    return replace(cell, params={}), canonical(rest)


def _epochs(cell: Cell) -> int:
    return int(cell.params.get("epochs", NetClassifier().epochs))


def _import_module(cell: Cell) -> None:
    """Import the module of a foreign learner, seeded by its name; raise if it is not here as it was in the driver."""
    if not is_foreign(cell.estimator):
        return
    try:
        with seeded(cell.estimator):
            find(cell.estimator, cell.build_problem().task, cell.allow)
    except BaseException as error:  # whatever else an import raises is the cell's error
        if isinstance(error.__cause__, ImportError):
            raise ExecutorError(f"in a worker, {error}; workers need all packages of the study") from error


def _prepare(training: list[Cell]) -> tuple[BaseEstimator, tuple[NDArray[np.float64], NDArray[Any]]]:
    """Return the unfitted estimator of a training, and its data."""
    longest = training[-1]
    estimator = longest.build_learner()
    if len(training) > 1:
        estimator.set_params(checkpoints=tuple(_epochs(cell) for cell in training))
    return estimator, longest.build_problem().sample(longest.n_samples, longest.seed)


def _fit_all(estimators: list[BaseEstimator], datasets: list[tuple[Any, ...]]) -> list[Any]:
    try:
        return fit_many(estimators, datasets, return_exceptions=True)
    except BaseException as error:  # of a foreign estimator, which is fitted alone
        return [error] * len(estimators)


def _work(fitted: BaseEstimator | BaseException, cell: Cell) -> float:
    """Return the seconds of a net's epochs, above 0; others are fitted alone, so any positive number will do."""
    epochs = fitted.net_.history[: _epochs(cell)] if isinstance(fitted, Net) else []
    return sum((epoch["dur"] for epoch in epochs), start=_NO_TIME)


def _fit(fitted: BaseEstimator | BaseException, training: list[Cell], cell: Cell, seconds: float, shared: int) -> Fit:
    if isinstance(fitted, BaseException):
        return Fit(None, seconds, shared, fitted)
    return Fit(fitted.as_of(_epochs(cell)) if len(training) > 1 else fitted, seconds, shared)
