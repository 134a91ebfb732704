"""The problems of studies: a builder for each name, with plain data as arguments.

A name is that of a builder in `toymanifold`; "data" for a file; a loader or generator of `sklearn.datasets`; or a
function of an allowed package, which returns a problem, or is a generator in scikit-learn's manner.
"""

import functools
import inspect
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from studies.registry.data import GeneratorBuilder, LoaderBuilder, data_problem, file_digest
from studies.registry.errors import Issue, cut, exception_text, unknown
from studies.registry.imports import LONGEST, find_named, is_estimator_class, is_generator, is_loader
from studies.registry.objects import find_kept
from studies.registry.params import Builder, canonical, canonical_params, named_parameters, variants
from toymanifold import DataProblem, Problem
from toymanifold.builders import PROBLEM_SEED, PROBLEMS

AnyProblem = Problem | DataProblem
"""A problem of fresh samples, or one of finitely many rows."""

DATA = "data"
"""Name of the problem of a file."""

TASKS = ("classification", "regression")

MAX_DIMENSION = 5_000
"""Largest dimension: 50,000 test points then take 2 GB."""

MAX_NODES = 20_000
"""Largest number of nodes of a graph that is drawn."""

MAX_MODULUS = 1_000
"""Largest modulus: its table of a million pairs is built quickly."""

_LARGEST = {
    "dimension": MAX_DIMENSION,
    "ambient_dimension": MAX_DIMENSION,
    "modulus": MAX_MODULUS,
    "n_nodes": MAX_NODES,
}


def labelled_sample(problem: AnyProblem, n_samples: int, seed: int) -> tuple[Any, Any]:
    """Return the labelled points of a training sample, which come before those without a label."""
    X, y = problem.sample(n_samples, seed)
    return X[:n_samples], y[:n_samples]


def is_drawn(problem: AnyProblem) -> TypeGuard[Problem]:
    """Return True for a classification in the plane whose true labels are known everywhere.

    Decision regions are drawn of these only.
    """
    return isinstance(problem, Problem) and problem.dimension == 2 and problem.task == "classification"


def find_builder(name: str, allow: Collection[str] = ()) -> Builder:
    """Return the builder of a problem: a function that returns it.

    Parameters
    ----------
    name : str
        A key of `PROBLEMS`, "data", or ``package.module:function``.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such function, or it is not allowed. Only allowed modules are imported.
    """
    if name in PROBLEMS:
        return PROBLEMS[name]
    if name == DATA:
        return data_problem
    if kept := find_kept(name):
        return kept
    return _foreign_builder(name, tuple(allow))


@functools.lru_cache(maxsize=64)
def _foreign_builder(name: str, allow: tuple[str, ...]) -> Builder:
    found = find_named("problem", name, [*PROBLEMS, DATA], allow)
    if is_loader(found):
        return LoaderBuilder(found)
    if inspect.isclass(found) and is_estimator_class(found):
        raise ValueError(f"{name} is an estimator, and a problem is needed")
    if is_generator(found) or "n_samples" in inspect.signature(found).parameters:
        return GeneratorBuilder(found)
    built: Builder = found
    return built


def build_problem(name: str, params: Mapping[str, Any], allow: Collection[str] = ()) -> AnyProblem:
    """Return the problem of a name and its parameters.

    Raises
    ------
    ValueError
        If it cannot be built, or is not allowed.
    """
    builder = find_builder(name, allow)
    problem = builder(**params)
    if not isinstance(problem, Problem | DataProblem):
        raise ValueError(f"{name} must return a Problem or DataProblem. Got {type(problem).__name__} instead.")
    return problem


@functools.lru_cache(maxsize=4)
def _kept_problem(name: str, params: str, allow: tuple[str, ...]) -> AnyProblem:
    return build_problem(name, json.loads(params), allow)


def shared_problem(name: str, params: Mapping[str, Any], allow: Collection[str] = ()) -> AnyProblem:
    """Return a problem as `build_problem` does, one that is kept for the next caller.

    A pool of rows or a file is drawn or read once in a process; ``params`` must be those of `canonical_problem`, in
    which a file has its digest.
    """
    return _kept_problem(name, canonical(params), tuple(allow))


@functools.lru_cache(maxsize=256)
def _outline(name: str, params: str, allow: tuple[str, ...]) -> AnyProblem:
    problem = _kept_problem(name, params, allow)
    if isinstance(problem, DataProblem):
        return replace(problem, X=problem.X[:0], y=problem.y[:0])
    return problem


def problem_outline(name: str, params: Mapping[str, Any], allow: Collection[str] = ()) -> AnyProblem:
    """Return a problem as `shared_problem` does, without the rows of its data, for the checks and plans of many."""
    return _outline(name, canonical(params), tuple(allow))


def canonical_problem(
    name: str, params: Mapping[str, Any], allow: Collection[str] = (), folder: str = ""
) -> dict[str, Any]:
    """Return the parameters of a problem in one spelling, as cells store them.

    Parameters
    ----------
    name : str
    params : mapping
    allow : collection of str, default=()
    folder : str, default=""
        Folder to which the path of a file is relative; by default the current one.

    Raises
    ------
    ValueError
        If a file cannot be read.
    """
    spelled = canonical_params(find_builder(name, allow), params)
    if name == DATA:
        path = Path(folder, params["path"]).absolute()
        spelled = {"sha256": file_digest(path), **spelled, "path": str(path)}
    return spelled


def problem_identity(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of canonical parameters that identifies a problem: of a file its content, and not its path."""
    return {key: value for key, value in params.items() if not (name == DATA and key == "path")}


def has_problem_seed(name: str, allow: Collection[str] = ()) -> bool:
    """Return True if a problem's builder draws it by a seed."""
    return PROBLEM_SEED in named_parameters(find_builder(name, allow))


def builder_issues(name: str, allow: Collection[str] = ()) -> list[Issue]:
    """Return the errors in a problem's name: one `Issue`, or none."""
    try:
        find_builder(name, allow)
    except ValueError as error:
        return [Issue((), str(error), name)]
    return []


def problem_issues(name: str, params: Mapping[str, Any], allow: Collection[str] = (), folder: str = "") -> list[Issue]:
    """Return the errors in a problem's parameters, of which lists are axes: unknown names and invalid values."""
    known = named_parameters(find_builder(name, allow))
    issues = [
        Issue((key,), unknown("parameter", key, known, f"the problem {name!r}"), value)
        for key, value in params.items()
        if key not in known
    ]
    of_values = _value_issues(name, {key: value for key, value in params.items() if key in known}, allow, folder)
    return issues + list({(issue.at, issue.message): issue for issue in of_values}.values())


def _value_issues(name: str, params: Mapping[str, Any], allow: Collection[str], folder: str) -> list[Issue]:
    issues = []
    needed = [key for key, parameter in named_parameters(find_builder(name, allow)).items() if _is_needed(parameter)]
    if missing := [key for key in needed if key not in params]:
        return [Issue((key,), "is missing", None) for key in missing]
    for point in (variant.params for variant in variants(name, params)):
        if too_large := _too_large(point):
            issues.append(too_large)
            continue
        try:
            _build(name, point, allow, folder)
        except (ArithmeticError, MemoryError, TypeError, ValueError) as error:
            issues.append(_builder_issue(str(error) or type(error).__name__, point))
        except BaseException as error:  # foreign code can raise anything, and may exit
            issues.append(_builder_issue(cut(exception_text(error), LONGEST), point))
    return issues


def _build(name: str, params: Mapping[str, Any], allow: Collection[str], folder: str) -> None:
    """Build a problem from parameters that may be invalid, and so may have no canonical form."""
    if name in PROBLEMS:
        build_problem(name, params)
    else:
        problem_outline(name, canonical_problem(name, params, allow, folder), allow)


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _too_large(params: Mapping[str, Any]) -> Issue | None:
    for name, most in _LARGEST.items():
        value = params.get(name)
        if isinstance(value, int) and value > most:
            return Issue((name,), f"must be {most:,} or less", value)
    return None


def _builder_issue(message: str, params: Mapping[str, Any]) -> Issue:
    """Return a builder's error as an issue of the parameter that it names."""
    named = re.match(r"The '(\w+)' parameter of ", message)
    if named and named[1] in params:
        return Issue((named[1],), message, params[named[1]])
    return Issue((), message, dict(params))
