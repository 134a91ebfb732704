"""Cells whose training failed: no better on their own training points than a constant, where other seeds trained."""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

from studies.registry.params import format_value
from studies.spec.cells import PlannedCell
from studies.store.store import Outcome

UNTRAINED = "untrained"
"""Status of a cell whose training failed. It is found when results are read: stored is what was measured, and "ok"."""

_TRAINED = 0.5  # share of the baseline's training loss, up to which a cell is trained
_ROUNDING = 1e-6  # of this share

Ended = list[tuple[PlannedCell, Outcome]]
"""Cells that have ended with their outcomes."""

Values = dict[str, float]


class _Words(NamedTuple):
    best: float
    loss: str
    constant: str
    factor: float = 1.0
    unit: str = ""


_WORDS = {
    "accuracy_train": _Words(1.0, "an error", "the most frequent class", 100.0, " %"),
    "mse_train": _Words(0.0, "a mean squared error", "the mean"),
}


def mark_untrained(ended: Ended, baseline: Ended) -> Ended:
    """Return cells with their outcomes, in which the cells whose training failed have failed.

    The training of a cell failed if its loss on its training points is not below that of the baseline, nor is it with
    more epochs in the same study, and if most seeds of the same learner, problem and sample size have at most half of
    the baseline's loss. So a learner that trains with no seed, or with few, has a measured result. A cell without a
    loss on its training points is left as it is.

    Parameters
    ----------
    ended, baseline : list of tuple of (PlannedCell, Outcome)
        Cells of learners and of the baseline that have ended.
    """
    constant = {_points(planned): outcome.values for planned, outcome in baseline}
    shares = {
        planned: share
        for planned, outcome in ended
        if (share := _share(outcome.values, constant.get(_points(planned), {}))) is not None
    }
    of_seeds: dict[Hashable, list[float]] = defaultdict(list)
    below: dict[Hashable, int] = defaultdict(lambda: -1)  # the most epochs with which a training is below the baseline
    for planned, share in shares.items():
        of_seeds[_place(planned)].append(share)
        if share < 1 - _ROUNDING:
            below[_training(planned)] = max(below[_training(planned)], _epochs(planned))
    most_trained = {place for place, found in of_seeds.items() if 2 * sum(s <= _TRAINED for s in found) > len(found)}
    failed = {p for p in shares if _place(p) in most_trained and _epochs(p) > below[_training(p)]}
    return [
        (planned, _untrained(outcome, constant[_points(planned)]) if planned in failed else outcome)
        for planned, outcome in ended
    ]


def _points(planned: PlannedCell) -> tuple[str, int, int]:
    """Return the training points of a cell."""
    return planned.problem, planned.cell.n_samples, planned.cell.seed


def _place(planned: PlannedCell) -> Hashable:
    """Return what the seeds of a learner have in common."""
    return planned.problem, planned.learner, planned.cell.n_samples


def _training(planned: PlannedCell) -> Hashable:
    """Return what cells have in common that differ in their number of epochs alone."""
    axes = tuple(f"{name}={format_value(value)}" for name, value in planned.axes.items() if name != "epochs")
    return planned.family, axes, *_points(planned)


def _epochs(planned: PlannedCell) -> int:
    return int(planned.axes.get("epochs", 0))


def _share(values: Values, constant: Values) -> float | None:
    """Return the loss on training points as a share of the baseline's; None if either is not measured, or that is 0."""
    metric = _metric(values, constant)
    most = _loss(constant, metric) if metric else 0.0
    return _loss(values, metric) / most if most else None


def _metric(values: Values, constant: Values) -> str:
    """Return the metric of the training points that both have; empty if there is none."""
    return next((metric for metric in _WORDS if metric in values and metric in constant), "")


def _loss(values: Values, metric: str) -> float:
    return abs(_WORDS[metric].best - values[metric])


def _untrained(outcome: Outcome, constant: Values) -> Outcome:
    """Return the outcome of a cell whose training failed, with its reason and without its values."""
    words = _WORDS[metric := _metric(outcome.values, constant)]
    own, most = (f"{words.factor * _loss(values, metric):.3g}{words.unit}" for values in (outcome.values, constant))
    error = f"training failed: {words.loss} of {own} on its training points, where {words.constant} has {most}"
    return replace(outcome, status=UNTRAINED, values={}, error=error)
