"""The problems of studies: a builder in `toymanifold` for each name, with plain data as arguments."""

import re
from collections.abc import Mapping
from typing import Any

from studies.registry.errors import Issue, unknown
from studies.registry.params import Builder, named_parameters, variants
from toymanifold import (
    Problem,
    concentric_spheres_problem,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
)

PROBLEMS: dict[str, Builder] = {
    "spiral": spiral_problem,
    "sphere": sphere_problem,
    "concentric-spheres": concentric_spheres_problem,
    "gaussian": gaussian_problem,
    "modular": modular_problem,
}
"""Builders of problems by name."""

TASKS = ("classification", "regression")

MAX_DIMENSION = 5_000
"""Largest dimension: 50,000 test points then take 2 GB."""

MAX_MODULUS = 1_000
"""Largest modulus: its table of a million pairs is built quickly."""


def build_problem(name: str, params: Mapping[str, Any]) -> Problem:
    """Return the problem of a name and its parameters."""
    problem: Problem = PROBLEMS[name](**params)
    return problem


def problem_issues(name: str, params: Mapping[str, Any]) -> list[Issue]:
    """Return the errors in a problem's parameters, of which lists are axes: unknown names and invalid values."""
    known = named_parameters(PROBLEMS[name])
    issues = [
        Issue((key,), unknown("parameter", key, known, f"the problem {name!r}"), value)
        for key, value in params.items()
        if key not in known
    ]
    of_values = _value_issues(name, {key: value for key, value in params.items() if key in known})
    return issues + list({(issue.at, issue.message): issue for issue in of_values}.values())


def _value_issues(name: str, params: Mapping[str, Any]) -> list[Issue]:
    issues = []
    for point in (variant.params for variant in variants(name, params)):
        if too_large := _too_large(point):
            issues.append(too_large)
            continue
        try:
            build_problem(name, point)
        except (ArithmeticError, MemoryError, TypeError, ValueError) as error:
            issues.append(_builder_issue(error, point))
    return issues


def _too_large(params: Mapping[str, Any]) -> Issue | None:
    for name, most in (("dimension", MAX_DIMENSION), ("ambient_dimension", MAX_DIMENSION), ("modulus", MAX_MODULUS)):
        value = params.get(name)
        if isinstance(value, int) and value > most:
            return Issue((name,), f"must be {most:,} or less", value)
    return None


def _builder_issue(error: Exception, params: Mapping[str, Any]) -> Issue:
    """Return a builder's error as an issue of the parameter that it names."""
    named = re.match(r"The '(\w+)' parameter of ", str(error))
    message = str(error) or type(error).__name__
    if named and named[1] in params:
        return Issue((named[1],), message, params[named[1]])
    return Issue((), message, dict(params))
