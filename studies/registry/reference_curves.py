"""Reference curves by name: values of a metric in theory or in a publication, drawn beside what is measured."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from studies.registry.imports import find_named, is_foreign
from studies.registry.registry import Registry

Curve = TypeVar("Curve", bound=Callable[..., Any])


@dataclass(frozen=True)
class ReferenceCurve:
    """A reference curve.

    Parameters
    ----------
    function : callable
        Takes parameters of a problem and of a learner by name, among them the axis of a plot, and returns the value of
        the metric; NaN if it does not apply.
    title : str
        Its name in the legend.
    """

    function: Callable[..., Any]
    title: str

    def along(self, axis: str, x: NDArray[np.float64], given: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the values along an axis; NaN if the function lacks the axis, or needs what is not given."""
        parameters = inspect.signature(self.function).parameters
        needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
        if axis not in parameters or not needed <= {axis, *given}:
            return np.full(len(x), np.nan)
        fixed = {name: given[name] for name in parameters if name in given and name != axis}
        return np.array([self.function(**fixed, **{axis: value}) for value in x], dtype=np.float64)


REFERENCE_CURVES: Registry[ReferenceCurve] = Registry("reference curve", "studies.library")
"""All reference curves by name."""


def reference_curve(title: str) -> Callable[[Curve], Curve]:
    """Register the decorated function as a reference curve under its own name; see `ReferenceCurve`."""

    def register(function: Curve) -> Curve:
        REFERENCE_CURVES.add(function.__name__, ReferenceCurve(function, title), function)
        return function

    return register


def find_reference_curve(name: str, allow: Collection[str] = ()) -> ReferenceCurve:
    """Return a reference curve by its name, or that of a function of an allowed package.

    Parameters
    ----------
    name : str
        Name of a registered curve, or ``package.module:function``.
    allow : collection of str, default=()
        Allowed packages in addition to `studies.registry.imports.PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such curve, or it is not allowed.
    """
    if name in REFERENCE_CURVES:
        return REFERENCE_CURVES[name]
    function = find_named("reference curve", name, REFERENCE_CURVES, allow)
    return ReferenceCurve(function, function.__name__.replace("_", " "))


def _check_name(name: str) -> str:
    if not is_foreign(name):  # foreign code is imported when it is drawn
        find_reference_curve(name)
    return name


CurveName = Annotated[str, AfterValidator(_check_name)]
"""Type of an argument of a plot that names a reference curve."""
