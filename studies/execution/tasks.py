"""Tasks: what one worker fits at a time, a cell or several that are epochs of one training."""

import functools
import time
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from estimators import NetClassifier, uses_unlabelled
from studies.execution.seeding import seeded
from studies.execution.workers import ExecutorError
from studies.registry.data import file_digest
from studies.registry.imports import code_of, find_object, make_importable
from studies.registry.learners import is_net
from studies.registry.metrics import find_metric
from studies.registry.nodes import is_graph_for, labelled_nodes
from studies.registry.params import canonical
from studies.registry.problems import DATA, labelled_sample
from studies.spec.cells import Cell

Task = tuple[Cell, ...]
"""Cells of one training, the longest last."""

_WHOLE = {"schedule", "early_stopping", "checkpoints", "max_steps", "until_fitted"}
"""Parameters of nets with which a shorter training is not the beginning of a longer one."""


@dataclass(frozen=True)
class Fit:
    """The result of fitting a cell.

    Attributes
    ----------
    estimator : BaseEstimator or None
        The fitted estimator, or None if the fit failed.
    seconds : float
        Time of the fit, in a training of several cells up to the cell's epoch.
    shared : int
        Number of cells of the training.
    error : BaseException or None
        The error of a failed fit.
    """

    estimator: BaseEstimator | None
    seconds: float
    shared: int = 1
    error: BaseException | None = None


def group(cells: Sequence[Cell]) -> list[Task]:
    """Return cells as tasks, in the order in which they start: nets that differ in epochs only are one training."""
    trainings: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell in cells:
        trainings[_training(cell)].append(cell)
    return [tuple(sorted(training, key=_epochs)) for training in trainings.values()]


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
    """Fit the cells of a task; a failure is that of all its cells.

    Raises
    ------
    ExecutorError
        If the module of a learner cannot be imported here, which is not the learner's failure.
    """
    _load_code(task[0])
    start = time.perf_counter()
    try:
        with seeded(task[-1].key, "fit"):
            estimator = _fitted(task)
    except BaseException as error:  # whatever foreign code raises
        seconds = (time.perf_counter() - start) / len(task)
        return [Fit(None, seconds, len(task), error) for _ in task]
    seconds = time.perf_counter() - start
    if len(task) == 1:
        return [Fit(estimator, seconds)]
    before = seconds - sum(estimator.history_["dur"])
    return [
        Fit(estimator.as_of(_epochs(cell)), before + sum(estimator.history_["dur"][: _epochs(cell)]), len(task))
        for cell in task
    ]


def _fitted(task: Task) -> BaseEstimator:
    """Return the fitted estimator of the longest training."""
    longest = task[-1]
    estimator = longest.build_learner()
    if len(task) > 1:
        estimator.set_params(checkpoints=tuple(map(_epochs, task)))
    return estimator.fit(*_training_points(longest, estimator))


def _training_points(cell: Cell, estimator: BaseEstimator) -> tuple[Any, Any]:
    """Return the training points of a cell; those without a label are kept from estimators that cannot use them."""
    problem = cell.build_problem()
    if is_graph_for(problem, estimator):
        return labelled_nodes(problem, cell.n_samples, cell.seed)
    if uses_unlabelled(estimator):
        return problem.sample(cell.n_samples, cell.seed)
    return labelled_sample(problem, cell.n_samples, cell.seed)


def _training(cell: Cell) -> Hashable:
    if cell.estimator != "net" or cell.search or not _WHOLE.isdisjoint(cell.params):
        return cell
    rest = {name: value for name, value in cell.params.items() if name != "epochs"}
    return replace(cell, params={}), canonical(rest)


def _epochs(cell: Cell) -> int:
    return int(cell.params.get("epochs", NetClassifier().epochs))


@functools.cache
def load_nets() -> None:
    """Load the compiled training of nets; compile it if it is not on disk, which is announced on standard error."""
    NetClassifier(epochs=1, random_state=0).fit([[0.0], [1.0]], [0, 1]).predict([[0.0]])


def _load_code(cell: Cell) -> None:
    """Load the code of a cell before its fit is timed."""
    if is_net(cell.estimator):
        load_nets()
    _import_modules(cell)


def _import_modules(cell: Cell) -> None:
    """Import the modules that a cell names, seeded by their names; raise if they are not those of the driver.

    Raises
    ------
    ExecutorError
        If a module, or the file of a data set, is not here, or is another one than where the study was planned.
    """
    if cell.folder:
        make_importable(Path(cell.folder), cell.allow)
    for name in cell.foreign_names:
        try:
            with seeded(name):
                found = find_object(name, cell.allow)
        except BaseException as error:  # whatever else an import raises is the cell's error
            if isinstance(error.__cause__, ImportError):
                raise ExecutorError(f"in a worker, {error}; workers need all packages of the study") from error
            return
        if name in cell.metrics:
            find_metric(name, cell.allow)  # which registers it
        for module, identity in code_of(found).items():
            if cell.code.get(module, identity) != identity:
                raise ExecutorError(f"in a worker, {module!r} is {identity}, but was {cell.code[module]} in the plan")
    if cell.problem == DATA:
        _check_file(cell.problem_params)


def _check_file(params: Mapping[str, Any]) -> None:
    try:
        unchanged = file_digest(Path(params["path"])) == params["sha256"]
    except ValueError as error:
        raise ExecutorError(f"in a worker, {error}") from error
    if not unchanged:
        raise ExecutorError(f"{params['path']} has changed since the study was planned")
