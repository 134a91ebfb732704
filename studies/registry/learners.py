"""The learners of studies: names of the catalogue, or any scikit-learn estimator as ``package.module:Class``.

A description can construct estimators and nothing else. Modules outside scikit-learn and ours are not even imported,
unless whoever runs the study allows them.
"""

import importlib
import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

from estimators import CATALOG, Prior, SpiralPhase, with_prior
from studies.registry.errors import Issue, brief, unknown
from studies.registry.params import Builder, accepted, variants
from studies.registry.problems import TASKS
from toymanifold import Problem, Spiral

VERSION = "3"
"""Part of every cell's identity: raised when a change of code alters what is fitted, or on what."""

PACKAGES = ("sklearn", "estimators", "toymanifold")
"""From which any estimator may be taken."""

_CLASS = re.compile(r"([A-Za-z]\w*(?:\.[A-Za-z]\w*)*):([A-Za-z]\w*)", re.ASCII)
_TESTS = {"conftest", "tests"}
_TOLD = {
    "prior": "is a key of the learner itself, beside params",
    "random_state": "is the seed of each cell, and not for a study to give",
}
_FITS = {"classification": is_classifier, "regression": is_regressor}


def find(name: str, task: str, allow: Collection[str] = ()) -> Builder:
    """Return what constructs the estimator of a name.

    Parameters
    ----------
    name : str
        Of the catalogue, or ``package.module:Class``.
    task : {"classification", "regression"}
        Which of the two a name of the catalogue stands for.
    allow : collection of str, default=()
        Packages beyond `PACKAGES`.

    Raises
    ------
    ValueError
        If the name is no estimator's, or not allowed. Nothing is imported but allowed modules.
    """
    if name in CATALOG:
        return CATALOG[name][task]
    parts = _CLASS.fullmatch(name)
    if parts is None:
        raise ValueError(f"{unknown('estimator', name, CATALOG)}; any other is named as package.module:Class")
    module, attribute = parts.groups()
    package, *rooms = module.split(".")
    if package not in (*PACKAGES, *allow):
        raise ValueError(
            f"{brief(name)} is in the package {package!r}, which this study may not use: of {', '.join(PACKAGES)} and"
            f" what is allowed by --allow {package}"
        )
    if not _TESTS.isdisjoint(rooms):
        raise ValueError(f"{brief(name)} is in a package's tests")
    return _class(module, attribute, (*PACKAGES, *allow))


def _class(module: str, attribute: str, packages: Collection[str]) -> type[BaseEstimator]:
    try:
        rooms = vars(importlib.import_module(module))
    except Exception as error:  # whatever a foreign module does when it is imported
        raise ValueError(f"the module {module!r} cannot be imported: {type(error).__name__}: {error}") from error
    found = rooms.get(attribute)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise ValueError(f"{module}:{attribute} is no scikit-learn estimator")
    if found.__module__.split(".")[0] not in packages or inspect.isabstract(found):
        raise ValueError(f"{module}:{attribute} is not a class of its own that can be constructed")
    return found


def make_learner(
    name: str,
    problem: Problem,
    *,
    prior: str | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    allow: Collection[str] = (),
) -> BaseEstimator:
    """Return the unfitted learner of a cell.

    Parameters
    ----------
    name : str
        As in `find`, whose `allow` is this.
    problem : Problem
        What is to be learnt: it decides the task, and the exact prior.
    prior : str or None, default=None
    params : mapping or None, default=None
    seed : int, default=0
        Given to every ``random_state``.
    allow : collection of str, default=()

    Raises
    ------
    ValueError, TypeError
        If there is no such learner of this problem.
    """
    learner = with_prior(find(name, problem.task, allow)(**(params or {})), _told(prior, problem))
    seeds = {key: seed for key in learner.get_params() if key.split("__")[-1] == "random_state"}
    return learner.set_params(**seeds)


def _told(prior: str | None, problem: Problem) -> str | Prior | None:
    """Return a prior by name; the phase is that of the problem's own spiral."""
    spiral = problem.target
    if prior != "phase":
        return prior
    if not isinstance(spiral, Spiral) or problem.embedding is not None:
        raise ValueError("the prior 'phase' is known of a spiral in the plane only")
    return SpiralPhase(turns=spiral.turns, fill=spiral.fill, tip=spiral.tip, radius=spiral.radius)


def wrong_estimator(name: str, allow: Collection[str] = ()) -> list[Issue]:
    """Return why there is no estimator of a name; nothing if there is."""
    try:
        for task in TASKS:
            find(name, task, allow)
    except ValueError as error:
        return [Issue((), str(error), name)]
    return []


def unknown_params(
    name: str, params: Mapping[str, Any], tasks: Iterable[str] = TASKS, allow: Collection[str] = ()
) -> list[Issue]:
    """Return which parameters an estimator has in none of `tasks`, or gets from the study in another way."""
    known = set().union(*(accepted(find(name, task, allow)) for task in tasks)) - _TOLD.keys()
    return [
        Issue((key,), _TOLD.get(key) or unknown(f"parameter of {name!r}", key, sorted(known)), value)
        for key, value in params.items()
        if key not in known
    ]


def wrong_on_problem(
    name: str, priors: Collection[str], params: Mapping[str, Any], problem: Problem, allow: Collection[str]
) -> list[Issue]:
    """Return why learners, each right by itself, cannot learn a problem."""
    strange = unknown_params(name, params, [problem.task], allow)
    if strange:
        return [Issue(("params", *found.at), found.message, found.value) for found in strange]
    wrong = []
    for prior in priors:
        try:
            _told(prior, problem)
        except ValueError as error:
            wrong.append(Issue(("prior",), str(error), prior))
    return wrong or _wrong_class(name, next(variants(name, params)).params, problem, allow)


def _wrong_class(name: str, params: Mapping[str, Any], problem: Problem, allow: Collection[str]) -> list[Issue]:
    task = problem.task
    try:
        fits = _FITS[task](make_learner(name, problem, params=params, allow=allow))
    except Exception as error:  # whatever a foreign class does when it is constructed
        return [Issue(("estimator",), f"cannot be constructed: {error}", name)]
    return [] if fits else [Issue(("estimator",), f"is no learner of a {task}, as the problem is", name)]
