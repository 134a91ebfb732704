"""Plots by name: functions that draw a study's results, which a study's description can ask for.

A plot is a function ``plot_x(results, ax=None, *, ...) -> Axes``, registered as ``x`` by `plot`.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from studies.registry.errors import Issue, exception_text, issues_of, raise_issues, unknown
from studies.registry.imports import find_named
from studies.registry.registry import Registry

Draw = Callable[..., Any]

REFERENCES = {
    "learner": "learner",
    "learners": "learner",
    "against": "learner",
    "informed": "learner",
    "plain": "learner",
    "n_samples": "sample size",
    "metric": "metric",
    "metrics": "metric",
    "axis": "axis",
    "problem": "problem",
}
"""Arguments that name a part of a study, and the kind of part."""


@dataclass(frozen=True)
class Plot:
    """A registered plot.

    Parameters
    ----------
    draw : callable
        Takes `Results`, axes or None, and keyword arguments; returns the axes.
    arguments : type of BaseModel
        The other arguments: their names, types and defaults.
    whole_study : bool
        Whether one plot shows all problems; otherwise each problem has its own.
    """

    draw: Draw
    arguments: type[BaseModel]
    whole_study: bool


PLOTS: Registry[Plot] = Registry("plot", "studies.plots", "studies.library")
"""All plots by name."""


def plot(*, whole_study: bool = False) -> Callable[[Draw], Draw]:
    """Register the decorated function ``plot_x`` as the plot ``x``, which a study can ask for.

    The function takes `Results` and axes, ``ax``, or None for a new figure, and returns the axes. It raises ValueError
    if what it draws is not measured. A study gives its other arguments, as plain data of their annotated types; those
    named ``learner``, ``learners``, ``against``, ``informed``, ``plain``, ``n_samples``, ``metric``, ``metrics``,
    ``axis`` or ``problem`` are checked against the study.

    Parameters
    ----------
    whole_study : bool, default=False
        Whether one plot shows all problems of a study; otherwise it has an argument ``problem``, and is drawn for each.

    Returns
    -------
    register : callable
        Returns the function that it is given.

    Raises
    ------
    ValueError
        If another plot of this name is registered already.

    Examples
    --------
    A plot of the test error of one learner, which a study asks for by ``plot = "error_of"`` and ``learner = "kNN"``::

        @plot(whole_study=True)
        def plot_error_of(results, ax=None, *, learner: str):
            frame = results.frame()
            rows = frame[(frame["metric"] == "accuracy") & (frame["learner"] == learner)]
            ax = plt.subplots()[1] if ax is None else ax
            ax.scatter(rows["n_samples"], 1 - rows["value"])
            return ax
    """

    def register(function: Draw) -> Draw:
        name = function.__name__.removeprefix("plot_")
        PLOTS.add(name, Plot(_drawn_on(function), _arguments(function), whole_study), function)
        return function

    return register


def find_plot(name: str, allow: Collection[str] = ()) -> Plot:
    """Return a plot by its name, or the one of a function of an allowed package.

    Parameters
    ----------
    name : str
        Name of a registered plot, or ``package.module:function``. Such a function is drawn for each problem if it has
        an argument ``problem``, and otherwise once.
    allow : collection of str, default=()
        Allowed packages in addition to `studies.registry.imports.PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such plot, or it is not allowed.
    """
    if name in PLOTS:
        return PLOTS[name]
    function = find_named("plot", name, PLOTS, allow)
    registered = next((found for found in PLOTS.values() if found.draw is function), None)
    return registered or _plain_plot(function)


def _plain_plot(function: Draw) -> Plot:
    try:
        arguments = _arguments(function)
    except Exception as error:  # annotations of foreign code can be anything
        raise ValueError(f"the arguments of {function.__name__} cannot be read: {exception_text(error)}") from error
    return Plot(_drawn_on(function), arguments, "problem" not in arguments.model_fields)


def check_arguments(plot: str, given: Mapping[str, Any], allow: Collection[str] = ()) -> None:
    """Raise if a plot is not found, or its arguments are invalid."""
    try:
        model = find_plot(plot, allow).arguments
        model.model_validate(given)
    except ValidationError as error:
        raise_issues(issues_of(error, model))
    except ValueError as error:
        raise_issues([Issue(("plot",), str(error), plot)])


def unknown_parts(given: Mapping[str, Any], parts: Mapping[str, list[Any]]) -> list[Issue]:
    """Return an issue for each argument that names a part that is not in the study.

    Parameters
    ----------
    given : mapping
        Arguments of a plot.
    parts : mapping of str to list
        Parts of the study, by the kinds of `REFERENCES`.
    """
    wrong = []
    for key, value in given.items():
        kind = REFERENCES.get(key)
        for name in value if isinstance(value, list) else [value]:
            if kind and name is not None and not any(_is(name, known) for known in parts[kind]):
                wrong.append(Issue((key,), _unknown_part(kind, name, parts[kind]), name))
    return wrong


def _is(name: Any, known: Any) -> bool:
    """Return whether a name is that of a known part; in names of metrics ``_*`` stands for any key."""
    return bool(name == known) or (str(known).endswith("_*") and str(name).startswith(known[:-1]))


def _unknown_part(kind: str, name: Any, known: list[Any]) -> str:
    return unknown(kind, name, known) if isinstance(name, str) else f"must be a {kind} of the study, one of {known}"


def _drawn_on(function: Draw) -> Draw:
    """Return a function that takes the axes second, of one that may take them elsewhere, as ``ax``."""
    parameters = list(inspect.signature(function).parameters.values())
    ax = next((parameter for parameter in parameters if parameter.name == "ax"), None)
    if ax is None or (ax in parameters[:2] and ax.kind is not ax.KEYWORD_ONLY):
        return function
    return lambda results, axes, **arguments: function(results, ax=axes, **arguments)


def _arguments(function: Draw) -> type[BaseModel]:
    parameters = inspect.signature(function, eval_str=True).parameters
    own = {*list(parameters)[:1], "ax"} if "ax" in parameters else {*list(parameters)[:2]}
    fields: dict[str, Any] = {
        name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
        if name not in own and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
