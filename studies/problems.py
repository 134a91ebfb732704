"""The problems of studies by name: a builder in `toymanifold` and its arguments as plain data."""

import re
from collections.abc import Mapping
from typing import Any

from studies.parameters import Builder, accepted, variants
from studies.refusals import Wrong, unknown
from toymanifold import Problem, concentric_spheres_problem, sphere_problem, spiral_problem

PROBLEMS: dict[str, Builder] = {
    "spiral": spiral_problem,
    "sphere": sphere_problem,
    "concentric-spheres": concentric_spheres_problem,
}
"""Builders of problems by name."""

TASKS = ("classification", "regression")

MAX_DIMENSION = 5_000
"""So that the test points of a problem, 50,000 of them, take 2 GB at most."""


def build_problem(name: str, params: Mapping[str, Any]) -> Problem:
    """Return the problem of a name and its parameters."""
    problem: Problem = PROBLEMS[name](**params)
    return problem


def task_of(problem: Problem) -> str:
    """Return what a learner of the problem does: "classification" or "regression"."""
    return "regression" if problem.target.n_classes is None else "classification"


def wrong_params(name: str, params: Mapping[str, Any]) -> list[Wrong]:
    """Return which of a problem's parameters, whose lists are axes, it has not, and which values it refuses."""
    known = accepted(PROBLEMS[name])
    wrong = [
        Wrong((key,), unknown(f"parameter of the problem {name!r}", key, known), value)
        for key, value in params.items()
        if key not in known
    ]
    refused = _wrong_values(name, {key: value for key, value in params.items() if key in known})
    return wrong + list({(found.at, found.message): found for found in refused}.values())


def _wrong_values(name: str, params: Mapping[str, Any]) -> list[Wrong]:
    wrong = []
    for point in (variant.params for variant in variants(name, params)):
        dimension = point.get("dimension")
        if isinstance(dimension, int) and dimension > MAX_DIMENSION:
            wrong.append(Wrong(("dimension",), f"must be {MAX_DIMENSION:,} at most", dimension))
            continue
        try:
            build_problem(name, point)
        except (ArithmeticError, MemoryError, TypeError, ValueError) as error:
            wrong.append(_refused(error, point))
    return wrong


def _refused(error: Exception, params: Mapping[str, Any]) -> Wrong:
    """Return a builder's refusal, at the parameter that it names."""
    named = re.match(r"The '(\w+)' parameter of ", str(error))
    message = str(error) or type(error).__name__
    if named and named[1] in params:
        return Wrong((named[1],), message, params[named[1]])
    return Wrong((), message, dict(params))
