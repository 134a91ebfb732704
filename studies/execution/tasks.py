"""Cells that one worker fits together: nets that are trained as one, and epochs of one training."""

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
from studies.registry.learners import make_learner
from studies.registry.params import canonical
from studies.registry.problems import build_problem
from studies.spec.cells import Cell

Task = tuple[Cell, ...]
"""Cells that one worker runs together."""

_DATA_BYTES = 2**28  # of a task's training points

_NO_TIME = 1e-9  # seconds of a training of no epochs

_WHOLE = {"schedule", "early_stopping", "checkpoints"}
"""Parameters of nets of which a shorter training is not the beginning of a longer one."""


@dataclass(frozen=True)
class Fit:
    """What came of fitting a cell.

    Attributes
    ----------
    estimator : BaseEstimator or None
    seconds : float
        Its own, or its share.
    shared : int
        How many cells were fitted in one computation.
    error : Exception or None
        Why there is no estimator.
    """

    estimator: BaseEstimator | None
    seconds: float
    shared: int = 1
    error: BaseException | None = None


def group(cells: Sequence[Cell], n_workers: int = 1) -> list[Task]:
    """Put cells into tasks, in the order in which they are to start.

    No result depends on its cell's task. Nets that can be trained as one go together, as many as are fastest, but for
    two bounds: 256 MB of training points, and two tasks of equal number for each worker.

    Parameters
    ----------
    cells : sequence of Cell
    n_workers : int, default=1
    """
    most = max(1, len(cells) // (2 * n_workers))
    known: dict[Hashable, _Kind] = {}
    bins: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell in cells:
        learner = (cell.problem, id(cell.problem_params), cell.estimator, cell.prior, id(cell.params), cell.n_samples)
        if learner not in known:
            known[learner] = _kind(cell)
        kind = known[learner]
        bins[kind if kind.is_net else cell].append(cell)
    return [
        task
        for kind, members in bins.items()
        for task in (_tasks(members, min(kind.n_together, most)) if isinstance(kind, _Kind) else [tuple(members)])
    ]


def fit_cell(cell: Cell) -> BaseEstimator:
    """Return the fitted estimator of a cell, as any task with it makes it.

    Raises
    ------
    Exception
        Whatever the estimator raises.
    """
    (fit,) = fit_task((cell,))
    if fit.error is not None:
        raise fit.error
    return fit.estimator


def fit_task(task: Task) -> list[Fit]:
    """Fit the cells of a task together; one that fails, fails alone."""
    fits: dict[Cell, Fit] = {}
    prepared: list[tuple[list[Cell], BaseEstimator, tuple[object, object]]] = []
    for training in _trainings(task):
        try:
            prepared.append((training, *_prepare(training)))
        except (Exception, SystemExit) as error:
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
class _Kind:
    """What cells have in common that may be fitted together."""

    name: Hashable
    n_together: int
    is_net: bool


def _kind(cell: Cell) -> _Kind:
    alone = _Kind(None, 1, False)
    try:
        found = batch_key(_learner(cell), cell.n_samples)
    except Exception:  # the cell will say so itself, when it is run
        return alone
    if found is None:
        return alone
    name, n_together = found
    dimension = build_problem(cell.problem, cell.problem_params).dimension
    within_memory = max(1, _DATA_BYTES // (8 * dimension * cell.n_samples))
    problem = cell.problem, canonical(cell.problem_params)
    return _Kind((problem, cell.metrics, name), min(n_together, within_memory), True)


def _tasks(cells: list[Cell], n_together: int) -> list[Task]:
    """Share cells of a kind out, as evenly as can be, into tasks of no more than `n_together` trainings."""
    trainings = _trainings(cells)
    n_tasks = math.ceil(len(trainings) / n_together)
    return [tuple(chain.from_iterable(trainings[index::n_tasks])) for index in range(n_tasks)]


def _trainings(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Put together cells that are one training, looked at after so many epochs: the longest last."""
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


def _learner(cell: Cell) -> BaseEstimator:
    problem = build_problem(cell.problem, cell.problem_params)
    return make_learner(cell.estimator, problem, prior=cell.prior, params=cell.params, seed=cell.seed, allow=cell.allow)


def _prepare(training: list[Cell]) -> tuple[BaseEstimator, tuple[NDArray[np.float64], NDArray[Any]]]:
    """Return the unfitted estimator of a training, and its data."""
    longest = training[-1]
    estimator = _learner(longest)
    if len(training) > 1:
        estimator.set_params(checkpoints=tuple(_epochs(cell) for cell in training))
    return estimator, build_problem(longest.problem, longest.problem_params).sample(longest.n_samples, longest.seed)


def _fit_all(estimators: list[BaseEstimator], datasets: list[tuple[Any, ...]]) -> list[Any]:
    try:
        return fit_many(estimators, datasets, return_exceptions=True)
    except SystemExit as error:  # of a foreign estimator, which is alone
        return [error] * len(estimators)


def _work(fitted: BaseEstimator | BaseException, cell: Cell) -> float:
    """Return the seconds of a net's epochs, above 0; of others, which are fitted alone, any number."""
    epochs = fitted.net_.history[: _epochs(cell)] if isinstance(fitted, Net) else []
    return sum((epoch["dur"] for epoch in epochs), start=_NO_TIME)


def _fit(fitted: BaseEstimator | BaseException, training: list[Cell], cell: Cell, seconds: float, shared: int) -> Fit:
    if isinstance(fitted, BaseException):
        return Fit(None, seconds, shared, fitted)
    return Fit(fitted.as_of(_epochs(cell)) if len(training) > 1 else fitted, seconds, shared)
