"""The problems of studies by name: a builder in `toymanifold` and its arguments as plain data."""

import re
from collections.abc import Mapping
from typing import Any

from studies.registry.errors import Issue, unknown
from studies.registry.params import Builder, accepted, variants
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
"""So that the test points of a problem, 50,000 of them, take 2 GB at most."""

MAX_MODULUS = 1_000
"""So that the table, a million pairs, is quickly made."""


def build_problem(name: str, params: Mapping[str, Any]) -> Problem:
    """Return the problem of a name and its parameters."""
    problem: Problem = PROBLEMS[name](**params)
    return problem


def wrong_params(name: str, params: Mapping[str, Any]) -> list[Issue]:
    """Return which of a problem's parameters, whose lists are axes, it has not, and which values it refuses."""
    known = accepted(PROBLEMS[name])
    wrong = [
        Issue((key,), unknown(f"parameter of the problem {name!r}", key, known), value)
        for key, value in params.items()
        if key not in known
    ]
    refused = _wrong_values(name, {key: value for key, value in params.items() if key in known})
    return wrong + list({(found.at, found.message): found for found in refused}.values())


def _wrong_values(name: str, params: Mapping[str, Any]) -> list[Issue]:
    wrong = []
    for point in (variant.params for variant in variants(name, params)):
        if too_large := _too_large(point):
            wrong.append(too_large)
            continue
        try:
            build_problem(name, point)
        except (ArithmeticError, MemoryError, TypeError, ValueError) as error:
            wrong.append(_refused(error, point))
    return wrong


def _too_large(params: Mapping[str, Any]) -> Issue | None:
    for name, most in (("dimension", MAX_DIMENSION), ("ambient_dimension", MAX_DIMENSION), ("modulus", MAX_MODULUS)):
        value = params.get(name)
        if isinstance(value, int) and value > most:
            return Issue((name,), f"must be {most:,} at most", value)
    return None


def _refused(error: Exception, params: Mapping[str, Any]) -> Issue:
    """Return a builder's refusal, at the parameter that it names."""
    named = re.match(r"The '(\w+)' parameter of ", str(error))
    message = str(error) or type(error).__name__
    if named and named[1] in params:
        return Issue((named[1],), message, params[named[1]])
    return Issue((), message, dict(params))
