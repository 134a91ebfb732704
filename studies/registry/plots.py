"""Pictures by name: functions that draw a study's results, which a study's description can ask for.

A picture is a function ``plot_x(results, ax=None, *, ...) -> Axes``, registered as ``x`` by `picture`. A module that
declares more of them is to be imported in ``studies/__init__.py``.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from studies.registry.errors import Issue, issues_of, raise_issues, unknown
from studies.registry.registry import Registry

Draw = Callable[..., Any]

REFERENCES = {
    "learner": "learner",
    "learners": "learner",
    "against": "learner",
    "n_samples": "sample size",
    "metric": "metric",
    "metrics": "metric",
    "axis": "axis",
    "problem": "problem",
}
"""Arguments of pictures that name a part of a study, and which."""


@dataclass(frozen=True)
class Plot:
    """A picture that a study can ask for.

    Parameters
    ----------
    draw : callable
        From `Results`, axes and its own keyword arguments to axes.
    arguments : type of BaseModel
        Those arguments: their names, types and defaults.
    whole_study : bool
        Whether one picture shows all problems; else each problem has its own.
    """

    draw: Draw
    arguments: type[BaseModel]
    whole_study: bool


PLOTS: Registry[Plot] = Registry("plot", "studies.plots", "studies.library")
"""All pictures by name."""


def plot(*, whole_study: bool = False) -> Callable[[Draw], Draw]:
    """Register the decorated function ``plot_x`` as the `Plot` ``x``.

    Its keyword-only arguments are what a study may give, as plain data of their annotated types. Those whose names are
    in `REFERENCES` are checked against the study.
    """

    def register(function: Draw) -> Draw:
        name = function.__name__.removeprefix("plot_")
        PLOTS.add(name, Plot(function, _arguments(function), whole_study))
        return function

    return register


def check_arguments(plot: str, given: Mapping[str, Any]) -> None:
    """Refuse what is no picture's name, and arguments that it has not, lacks or takes in another type."""
    if plot not in PLOTS:
        raise_issues([Issue(("plot",), unknown("picture", plot, PLOTS), plot)])
    model = PLOTS[plot].arguments
    try:
        model.model_validate(given)
    except ValidationError as error:
        raise_issues(issues_of(error, model))


def unknown_parts(given: Mapping[str, Any], parts: Mapping[str, list[Any]]) -> list[Issue]:
    """Return which arguments name a part that a study has not.

    Parameters
    ----------
    given : mapping
        Arguments of a picture.
    parts : mapping of str to list
        The study's parts, by the kinds of `REFERENCES`.
    """
    wrong = []
    for key, value in given.items():
        kind = REFERENCES.get(key)
        for name in value if isinstance(value, list) else [value]:
            if kind and name is not None and not any(_is(name, known) for known in parts[kind]):
                wrong.append(Issue((key,), _unknown_part(kind, name, parts[kind]), name))
    return wrong


def _is(name: Any, known: Any) -> bool:
    """Whether a name is that of a known part; only metrics have a `*`, for what is not known beforehand."""
    return bool(name == known) or (str(known).endswith("_*") and str(name).startswith(known[:-1]))


def _unknown_part(kind: str, name: Any, known: list[Any]) -> str:
    return unknown(kind, name, known) if isinstance(name, str) else f"must be a {kind} of the study, one of {known}"


def _arguments(function: Draw) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
