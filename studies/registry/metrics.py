"""Metrics: what is measured on a fitted learner, and how it is named in tables, plots and reports.

A metric is a function of a `Fitted`, registered under its own name by `metric`. What is shown of it is defined there:
no other module has a list of metrics.
"""

import functools
import inspect
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score

from studies.registry.bins import mean_by_bin
from studies.registry.errors import short_repr
from studies.registry.imports import find_named, is_foreign
from studies.registry.nodes import answers_at_nodes, is_graph_for
from studies.registry.predictions import check_predictions
from studies.registry.problems import AnyProblem, labelled_sample
from studies.registry.registry import Registry
from studies.registry.test_sets import LabelledPoints, TestSets
from toymanifold import CoordinateFunction, DataProblem, OneHotPairs, UniformBall, UniformBox, UniformSphere
from toymanifold.validation import error_message


@dataclass(frozen=True)
class Fitted:
    """A fitted learner with its training points and test sets.

    Parameters
    ----------
    estimator : BaseEstimator
    tests : TestSets
    seconds : float
        Duration of the fit.
    n_samples, seed : int
        Number and seed of the training points.
    """

    estimator: BaseEstimator
    tests: TestSets
    seconds: float
    n_samples: int
    seed: int

    @property
    def problem(self) -> AnyProblem:
        """The problem that was learnt."""
        return self.tests.problem

    @functools.cached_property
    def train(self) -> LabelledPoints:
        """The labelled training points, with the labels that the learner was given."""
        rows = self.problem.sample_rows(self.n_samples, self.seed) if isinstance(self.problem, DataProblem) else None
        return LabelledPoints(*labelled_sample(self.problem, self.n_samples, self.seed), rows)

    def ask(self, method: str, points: LabelledPoints) -> Any:
        """Return what a method of the learner returns at points; a learner of nodes has its answers at all of them."""
        if points.rows is not None and is_graph_for(self.problem, self.estimator):
            return answers_at_nodes(self.estimator, method)[points.rows]
        return getattr(self.estimator, method)(points.X)

    def predict(self, points: LabelledPoints) -> NDArray[Any]:
        """Return the learner's predictions at points, (n,); see `predictions.check_predictions`."""
        return check_predictions(self.ask("predict", points), len(points.X), points.y.dtype)

    @functools.cached_property
    def timed_prediction(self) -> tuple[NDArray[Any], float]:
        """The predictions at ``tests.density``, and the seconds that they took."""
        points = self.tests.density
        start = time.perf_counter()
        returned = self.ask("predict", points)
        seconds = time.perf_counter() - start
        return check_predictions(returned, len(points.X), points.y.dtype), seconds


Measured = float | dict[str, float]
Measure = Callable[[Fitted], Measured]
Supports = Callable[[AnyProblem], bool]


RETIRED = frozenset({"accuracy_sparse"})
"""Metrics that are not measured any more. Their values are in stores of earlier versions, and their names in keys."""


@dataclass(frozen=True)
class Metric:
    """A registered metric; see `metric` for the parameters. Title, heading and unit are of its values as shown."""

    function: Measure
    version: str
    supports: Supports
    default: bool
    title: str
    heading: str
    unit: str | Mapping[str, str]
    best: float | None
    primary: bool

    @property
    def is_number(self) -> bool:
        """Whether the function is annotated to return one number."""
        return inspect.get_annotations(self.function).get("return") in (float, "float")

    @property
    def is_table(self) -> bool:
        """Whether the function is annotated to return a dict of numbers."""
        return inspect.get_annotations(self.function).get("return") in (dict[str, float], "dict[str, float]")


METRICS: Registry[Metric] = Registry("metric", "studies.library", "studies.registry.scorers")
"""All metrics by name, in the order in which they are measured."""


def metric(
    version: str,
    *,
    title: str = "",
    heading: str = "",
    unit: str | Mapping[str, str] = "",
    best: float | None = None,
    primary: bool | None = None,
    supports: Supports = lambda _: True,
    default: bool = True,
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a metric under its own name.

    The function takes a `Fitted` and returns a float, or a dict of floats, whose values are called
    ``{name of the metric}_{key}``. A metric with a best value is shown as its loss, the distance from that value, under
    the name `shown_name`, so its title, heading and unit are those of the loss.

    Parameters
    ----------
    version : str
        Part of the identity of the cells that measure it: change it with the code when that alters the number.
    title : str, default=""
        Label of axes and heading in reports; by default made from the name.
    heading : str, default=""
        Heading of columns, before the unit; by default the title.
    unit : str or mapping of str to str, default=""
        Unit of the number, or units by key of a dict. "%" writes a share, from 0 to 1, in per cent; "s" are seconds.
    best : float or None, default=None
        Value of a perfect learner; None if there is no such value. Learning curves, laws, crossovers and the worth of
        priors are of the loss, ``abs(best - value)``; a metric without a best value has tables and curves only.
    primary : bool or None, default=None
        Whether learners are compared by this metric if none that was registered before is measured. None is true for a
        metric with a best value.
    supports : callable, optional
        Whether a `Problem` can be measured; by default every problem is.
    default : bool, default=True
        Whether it is measured in studies that name no metrics.

    Returns
    -------
    register : callable
        Returns the function that it is given.

    Raises
    ------
    ValueError
        If another metric of this name is registered already.

    Examples
    --------
    A metric of learners that have support vectors, for studies that name it::

        @metric("1", title="Number of support vectors", heading="vectors", default=False)
        def n_support_vectors(fitted):
            return float(len(fitted.estimator.support_))
    """

    def register(function: Measure) -> Measure:
        name = function.__name__
        words = title or _title(name, best)
        compared = best is not None if primary is None else primary
        entry = Metric(function, version, supports, default, words, heading or words, unit, best, compared)
        METRICS.add(name, entry, function)
        return function

    return register


def as_metric(function: Callable[..., Any]) -> Metric:
    """Return the metric of a function that a study names as ``module:function``.

    Parameters
    ----------
    function : callable
        A function of a `Fitted`, as for `metric`. Without that decorator the metric has version "1" and no best value.

    Returns
    -------
    metric : Metric
        It is measured only in studies that name it.

    Raises
    ------
    ValueError
        If `function` is not a function.
    """
    if not inspect.isfunction(function):
        raise ValueError(error_message("function", "as_metric", "a function of a Fitted", function))
    registered = next((found for found in METRICS.values() if found.function is function), None)
    if registered is not None:
        return replace(registered, default=False)
    words = _title(function.__name__, None)
    return Metric(function, "1", lambda _: True, False, words, words, "", None, primary=False)


def find_metric(name: str, allow: Collection[str] = ()) -> Metric:
    """Return a metric by its name; that of a function of an allowed package is registered under the function's name.

    Parameters
    ----------
    name : str
        Name of a registered metric, or ``package.module:function``.
    allow : collection of str, default=()
        Allowed packages in addition to `studies.registry.imports.PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such metric, it is not allowed, or a built-in one has the name of the function.
    """
    if name in METRICS:
        return METRICS[name]
    function = find_named("metric", name, METRICS, allow)
    METRICS.add(function.__name__, as_metric(function), function)
    return METRICS[function.__name__]


def value_name(name: str) -> str:
    """Return the name of a metric's value: its own name, or that of the function."""
    return name.rpartition(":")[2]


def version_of_metric(name: str) -> str:
    """Return the version of a metric; that of a foreign one is the identity of its code, which cells have."""
    return "" if is_foreign(name) else METRICS[name].version


def supported_metrics(problem: AnyProblem, names: Iterable[str] = (), allow: Collection[str] = ()) -> tuple[str, ...]:
    """Return those of the named metrics, or of the default ones if none is named, that support a problem."""
    wanted = set(names) or {name for name, found in METRICS.items() if found.default}
    own = [name for name in METRICS if name in wanted]
    foreign = [name for name in dict.fromkeys(names) if name not in METRICS]
    return tuple(name for name in (*own, *foreign) if find_metric(name, allow).supports(problem))


def measure(names: Iterable[str], fitted: Fitted) -> dict[str, float]:
    """Return the values of metrics by name."""
    values: dict[str, float] = {}
    for name in names:
        own = value_name(name)
        measured = METRICS[own].function(fitted)
        if isinstance(measured, dict):
            values |= {f"{own}_{key}": _number(own, value) for key, value in measured.items()}
        else:
            values[own] = _number(own, measured)
    return values


def _number(metric: str, value: Any) -> float:
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise TypeError(f"the metric {metric!r} must return a float or a dict of floats. Got {short_repr(value)}.")
    return float(value)


def value_names(names: Iterable[str]) -> list[str]:
    """Return the names of the values of metrics, and of those with a best value of the losses; ``*`` is any key.

    Examples
    --------
    >>> value_names(["accuracy_train", "error_density"])
    ['accuracy_train', 'error_train', 'error_density_*']
    """
    found: dict[str, None] = {}
    for name in map(value_name, names):
        if not METRICS[name].is_table:
            found |= dict.fromkeys([name, shown_name(name)])
        if not METRICS[name].is_number:
            found |= dict.fromkeys([f"{name}_*"])
    return list(found)


@dataclass(frozen=True)
class Description:
    """How a value is shown: its title, the heading of its column and its unit.

    `is_loss` is true if the metric has a best value, and `is_primary` if learners are compared by it.
    """

    title: str
    heading: str
    unit: str
    is_loss: bool
    is_primary: bool

    @property
    def factor(self) -> int:
        """Factor from the value to its unit: 100 for per cent, else 1."""
        return 100 if self.unit == "%" else 1


def best_value(name: str) -> float | None:
    """Return the best value of a metric, by the name of its value; None if it has none.

    That of an accuracy is 1, even if it is not registered here, as with a store from elsewhere.
    """
    if name.startswith("accuracy"):
        return 1.0
    found, key = _find(name)
    is_shown = key.endswith("loss")  # of a table: the value is a loss already
    return None if found is None or (is_shown and found.best) else found.best


def shown_name(name: str) -> str:
    """Return the name under which a value is shown: that of its loss, if its metric has a best value.

    Examples
    --------
    >>> [shown_name(name) for name in ("accuracy_train", "mse", "neg_log_loss", "r2", "fit_seconds")]
    ['error_train', 'mse', 'log_loss', 'r2_loss', 'fit_seconds']
    """
    best = best_value(name)
    if best is None:
        return name
    if name.startswith("accuracy"):
        return name.replace("accuracy", "error", 1)
    return name.removeprefix("neg_") if best == 0 else f"{name}_loss"


def _measured_names(shown: str) -> list[str]:
    """Return the names that a value may have which is shown under a name."""
    names = [shown.removesuffix("_loss"), f"neg_{shown}", shown]
    if shown.startswith("error"):
        names.insert(0, shown.replace("error", "accuracy", 1))
    return [name for name in names if shown_name(name) == shown]


def _title(name: str, best: float | None) -> str:
    """Return a title for the values of a metric as shown."""
    if name.startswith("accuracy"):
        return name.replace("accuracy", "error", 1).replace("_", " ")
    words = name.replace("_", " ")
    if not best:
        return words if best is None else words.removeprefix("neg ")
    return f"{best:g} - {words}"


def describe(name: str) -> Description:
    """Return how a value is shown, by the name under which it is shown.

    If its metric is not registered here, as with a store from elsewhere, the title is derived from the name.

    Examples
    --------
    >>> describe("error_uniform").title, describe("recovery_angle").unit, describe("hidden_units").title
    ('Error uniformly over the square', 'degrees', 'hidden units')
    """
    found, key = _find_shown(name)
    if found is None:
        return Description(name.replace("_", " "), name.replace("_", " "), "", is_loss=False, is_primary=False)
    unit = found.unit if isinstance(found.unit, str) else found.unit.get(key, "")
    words = key.replace("_", " ")
    title = f"{found.title}: {words}" if key else found.title
    return Description(title, f"{found.heading} {words}".rstrip(), unit, found.best is not None, found.primary)


def primary_name(names: Iterable[str]) -> str:
    """Return that of some shown values by which learners are compared; "" if there is none."""
    return next((name for name in in_order(names) if describe(name).is_primary), "")


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names of values in the order of tables and reports.

    Primary metrics come first, then other losses, then all others, and times at the end; each group is in the order of
    `METRICS`.

    Examples
    --------
    >>> in_order(["fit_seconds", "mse_train", "r2_loss", "mse"])
    ['mse', 'r2_loss', 'mse_train', 'fit_seconds']
    """
    order = list(METRICS.values())

    def place(name: str) -> tuple[bool, bool, bool, int, int, str]:
        found, key = _find_shown(name)
        if found is None:
            return False, True, True, len(order), 0, name
        number = int(key) if key.isdecimal() else 0
        return found.unit == "s", not found.primary, found.best is None, order.index(found), number, name

    return sorted(names, key=place)


def _find_shown(name: str) -> tuple[Metric | None, str]:
    """Return what `_find` does, by the name under which a value is shown."""
    return next((found for found in map(_find, _measured_names(name)) if found[0] is not None), (None, ""))


def _find(name: str) -> tuple[Metric | None, str]:
    """Return the metric of a value by its name, None if it is not registered, and the key of the value in it."""
    parts = name.split("_")
    for end in range(len(parts), 0, -1):
        found, key = METRICS.get("_".join(parts[:end])), "_".join(parts[end:])
        if found is not None and not (key and found.is_number):
            return found, key
    return None, ""


def _is_classification(problem: AnyProblem) -> bool:
    return problem.task == "classification"


def _is_regression(problem: AnyProblem) -> bool:
    return problem.task == "regression"


def is_uneven(problem: AnyProblem) -> bool:
    """Return whether points are denser in some places than in others, so that it matters where errors are counted."""
    if isinstance(problem, DataProblem):
        return False  # its density is unknown
    even = isinstance(problem.density, UniformBall | UniformBox | UniformSphere | OneHotPairs)
    return not even and not isinstance(problem.target, CoordinateFunction)  # the cube's corners say nothing of these


def has_boundary(problem: AnyProblem) -> bool:
    """Return whether the target is a region, so that points have a distance to its boundary."""
    return hasattr(problem.target, "signed_distance")


@metric("1", title="Seconds to fit", heading="fit", unit="s")
def fit_seconds(fitted: Fitted) -> float:
    """Seconds that the fit took."""
    return fitted.seconds


@metric("1", title="Seconds to predict the test points", heading="predict", unit="s")
def predict_seconds(fitted: Fitted) -> float:
    """Seconds that the prediction of the test points took."""
    return fitted.timed_prediction[1]


@metric(
    "1",
    title="Error under the sampling density",
    heading="error",
    unit="%",
    best=1.0,
    supports=_is_classification,
)
def accuracy(fitted: Fitted) -> float:
    """Share of correct predictions under the sampling density."""
    return float(np.mean(fitted.timed_prediction[0] == fitted.tests.density.y))


@metric(
    "1",
    title="Error uniformly over the square",
    heading="uniform",
    unit="%",
    best=1.0,
    primary=False,
    supports=lambda problem: _is_classification(problem) and is_uneven(problem),
)
def accuracy_uniform(fitted: Fitted) -> float:
    """Share of correct predictions uniformly over the cube around the region."""
    return _accuracy(fitted, fitted.tests.uniform)


@metric(
    "1",
    title="Error in the sparsest fifth of the density",
    heading="sparsest",
    unit="%",
    best=1.0,
    primary=False,
    supports=lambda problem: _is_classification(problem) and is_uneven(problem),
)
def accuracy_sparse(_: Fitted) -> Measured:
    """Nothing: one of `RETIRED`, since `error_density_1` says the same."""
    return {}


@metric(
    "1",
    title="Error on the training points",
    heading="training",
    unit="%",
    best=1.0,
    primary=False,
    supports=_is_classification,
    default=False,
)
def accuracy_train(fitted: Fitted) -> float:
    """Share of the training labels, noise included, that the learner predicts."""
    return _accuracy(fitted, fitted.train)


@metric(
    "1",
    title="Error in fifths of the density",
    heading="density fifth",
    unit="%",
    best=0.0,
    primary=False,
    supports=lambda problem: has_boundary(problem) and is_uneven(problem),
    default=False,
)
def error_density(fitted: Fitted) -> dict[str, float]:
    """Share of wrong predictions in each fifth of the sampling density: `error_density_1` the sparsest, to `_5`."""
    return mean_by_bin(_is_wrong(fitted), fitted.tests.bins.density)


@metric(
    "1",
    title="Error in fifths of the distance to the boundary",
    heading="distance fifth",
    unit="%",
    best=0.0,
    primary=False,
    supports=has_boundary,
    default=False,
)
def error_distance(fitted: Fitted) -> dict[str, float]:
    """Share of wrong predictions in each fifth by distance to the boundary: `error_distance_1` the nearest, to `_5`."""
    return mean_by_bin(_is_wrong(fitted), fitted.tests.bins.distance)


@metric(
    "1",
    title="Mean squared error under the sampling density",
    heading="MSE",
    best=0.0,
    supports=_is_regression,
)
def mse(fitted: Fitted) -> float:
    """Mean squared error under the sampling density."""
    return float(np.mean((fitted.timed_prediction[0] - fitted.tests.density.y) ** 2))


@metric("1", title="1 - coefficient of determination R²", heading="1 - R²", best=1.0, supports=_is_regression)
def r2(fitted: Fitted) -> float:
    """Coefficient of determination under the sampling density."""
    return float(r2_score(fitted.tests.density.y, fitted.timed_prediction[0]))


@metric(
    "1",
    title="Mean squared error uniformly over the square",
    heading="uniform MSE",
    best=0.0,
    primary=False,
    supports=lambda problem: _is_regression(problem) and is_uneven(problem),
)
def mse_uniform(fitted: Fitted) -> float:
    """Mean squared error uniformly over the cube around the region."""
    return _mse(fitted, fitted.tests.uniform)


@metric(
    "1",
    title="Mean squared error on the training points",
    heading="training MSE",
    best=0.0,
    primary=False,
    supports=_is_regression,
    default=False,
)
def mse_train(fitted: Fitted) -> float:
    """Mean squared error on the training points, against their labels, noise included."""
    return _mse(fitted, fitted.train)


def _accuracy(fitted: Fitted, points: LabelledPoints) -> float:
    return float(np.mean(fitted.predict(points) == points.y))


def _mse(fitted: Fitted, points: LabelledPoints) -> float:
    return float(np.mean((fitted.predict(points) - points.y) ** 2))


def _is_wrong(fitted: Fitted) -> NDArray[np.bool_]:
    wrong: NDArray[np.bool_] = fitted.timed_prediction[0] != fitted.tests.density.y
    return wrong
