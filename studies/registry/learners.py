"""The learners of studies: names of the catalogue, or any scikit-learn estimator as ``package.module:Class``.

A description can construct estimators and nothing else. Packages outside `PACKAGES` are imported only if the person who
runs the study allows them.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

from studies.registry.errors import Issue, SpecError, cut, exception_text, unknown
from studies.registry.params import Builder, is_open, named_parameters, variants
from studies.registry.problems import TASKS
from toymanifold import Problem, Spiral

if TYPE_CHECKING:
    from estimators import Prior

VERSION = "3"
"""Part of every cell's identity: raised when a change of the code changes the data of fits, or all fits."""

VERSIONS = {"net": "4", "svm-tuned": "4"}
"""Versions in place of `VERSION`, by catalogue name or ``module:Class``: set when a change alters the fits of one."""

PACKAGES = ("sklearn", "estimators", "toymanifold")
"""Packages of which every estimator is allowed."""

MOVED_MODULES = {"estimators.rfm": "estimators.kernels.rfm"}
"""New module paths by those that earlier versions had, since stored cells name the old ones."""

_OURS = re.compile(r"estimators[\w.]*:(\w+?)(?:Classifier|Regressor)", re.ASCII)
_CATALOG_NAMES = {
    "knn-1": "knn",
    "knn-5": "knn",
    "Net": "net",
    "Neighbors": "knn",
    "RandomFeatures": "random-features",
    "Kernel": "kernel",
    "RFM": "rfm",
}

_CLASS = re.compile(r"([A-Za-z]\w*(?:\.[A-Za-z]\w*)*):([A-Za-z]\w*)", re.ASCII)
_LONGEST = 2000  # characters of a foreign message
_TESTS = {"conftest", "tests"}
_GIVEN_ELSEWHERE = {
    "prior": "is a key of the learner, not one of its params",
    "random_state": "is the seed of each cell and cannot be set by a study",
}
_FITS = {"classification": is_classifier, "regression": is_regressor}


def version_of(name: str) -> str:
    """Return the version of an estimator, which is part of the identity of its cells.

    "net" and ``estimators:NetClassifier`` are one estimator and have one version.
    """
    return VERSIONS.get(_catalog_name(name), VERSION)


def is_net(name: str) -> bool:
    """Return True if an estimator is a net of ours."""
    return _catalog_name(name) == "net"


def _catalog_name(name: str) -> str:
    """Return the name in the catalogue of an estimator of ours, and other names as they are."""
    ours = _OURS.fullmatch(name)
    name = ours[1] if ours else name
    return _CATALOG_NAMES.get(name, name)


def find(name: str, task: str, allow: Collection[str] = ()) -> Builder:
    """Return the builder of an estimator: a function or class that constructs it.

    Parameters
    ----------
    name : str
        Name in the catalogue, or ``package.module:Class``.
    task : {"classification", "regression"}
        Task of the estimator, for a name in the catalogue.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such estimator, or it is not allowed. Only allowed modules are imported.
    """
    from estimators import CATALOG  # here, since it imports all learners

    if name in CATALOG:
        return CATALOG[name][task]
    parts = _CLASS.fullmatch(name)
    if parts is None:
        raise ValueError(f"{unknown('estimator', name, CATALOG)}, or package.module:Class")
    module, attribute = parts.groups()
    package, *rooms = module.split(".")
    if package not in (*PACKAGES, *allow):
        raise ValueError(
            f"the package {package!r} is not allowed; allowed are {', '.join((*PACKAGES, *allow))}, and any package by"
            f" --allow {package}"
        )
    if not _TESTS.isdisjoint(rooms):
        raise ValueError(f"the module {module!r} is part of a package's tests, which are not allowed")
    return _class(MOVED_MODULES.get(module, module), attribute, (*PACKAGES, *allow))


def _class(module: str, attribute: str, packages: Collection[str]) -> type[BaseEstimator]:
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except BaseException as error:  # importing a foreign module can raise anything, and may exit
        raise ValueError(f"the module {module!r} cannot be imported: {cut(exception_text(error), _LONGEST)}") from error
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise ValueError(f"{module}:{attribute} is not a scikit-learn estimator")
    if found.__module__.split(".")[0] not in packages or inspect.isabstract(found):
        raise ValueError(f"{module}:{attribute} must be a concrete class that is defined in an allowed package")
    return found


def is_foreign(name: str) -> bool:
    """Return True if an estimator is of none of `PACKAGES`, so that its code runs only where it is allowed."""
    return ":" in name and re.split("[.:]", name)[0] not in PACKAGES


def make_importable(folder: Path, packages: Iterable[str]) -> None:
    """Append a folder to ``sys.path`` if it contains one of some allowed packages; nothing in it can hide another.

    Raises
    ------
    SpecError
        If such a package is installed, too.
    """
    for package in packages:
        found = PathFinder.find_spec(package, [str(folder)]) if package.isidentifier() else None
        if found is None:
            continue
        installed = sys.modules[package].__spec__ if package in sys.modules else find_spec(package)
        if installed is None:
            sys.path.append(str(folder))
        elif found.origin and installed.origin != found.origin:
            raise SpecError(
                f"the package {package!r} is both at {found.origin}, beside the study, and at {installed.origin}, where"
                " it would be imported from; rename one"
            )


def canonical_name(name: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an estimator's name and parameters as cells store them.

    "knn" with one neighbor is "knn-1", otherwise "knn-5": the names that cells of earlier versions have.
    """
    if name != "knn":
        return name, dict(params)
    if params.get("n_neighbors") == 1:
        return "knn-1", {key: value for key, value in params.items() if key != "n_neighbors"}
    return "knn-5", dict(params)


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
        As in `find`.
    problem : Problem
        The problem to learn, which determines the task and the exact phase prior.
    prior : str or None, default=None
    params : mapping or None, default=None
    seed : int, default=0
        Value of every ``random_state``.
    allow : collection of str, default=()
        As in `find`.

    Raises
    ------
    ValueError, TypeError
        If the learner cannot be constructed for this problem.
    """
    from estimators import with_prior

    learner = with_prior(find(name, problem.task, allow)(**(params or {})), _resolved_prior(prior, problem))
    seeds = {key: seed for key in learner.get_params() if key.split("__")[-1] == "random_state"}
    return learner.set_params(**seeds)


def _resolved_prior(prior: str | None, problem: Problem) -> "str | Prior | None":
    """Return a prior as `with_prior` takes it: its name, or for "phase" the phase of the problem's spiral."""
    from estimators import SpiralPhase

    spiral = problem.target
    if prior != "phase":
        return prior
    if not isinstance(spiral, Spiral) or problem.embedding is not None:
        raise ValueError("the prior 'phase' is defined only for a spiral in the plane")
    return SpiralPhase(turns=spiral.turns, fill=spiral.fill, tip=spiral.tip, radius=spiral.radius)


def estimator_issues(name: str, allow: Collection[str] = ()) -> list[Issue]:
    """Return the errors in an estimator's name: one `Issue`, or none."""
    try:
        for task in TASKS:
            find(name, task, allow)
    except ValueError as error:
        return [Issue((), str(error), name)]
    return []


def unknown_params(
    name: str, params: Mapping[str, Any], tasks: Iterable[str] = TASKS, allow: Collection[str] = ()
) -> list[Issue]:
    """Return the errors in the names of an estimator's parameters.

    A parameter is unknown if the estimator of no task has it; the prior and the random state are set in other ways.
    """
    builders = [find(name, task, allow) for task in tasks]
    known = set().union(*map(named_parameters, builders)) - _GIVEN_ELSEWHERE.keys()
    parts = known if any(map(is_open, builders)) else ()  # as skorch's `module`, whose parameters are `module__...`
    return [
        Issue((key,), _GIVEN_ELSEWHERE.get(key) or unknown("parameter", key, sorted(known), repr(name)), value)
        for key, value in params.items()
        if key not in known and not ("__" in key and key.split("__")[0] in parts)
    ]


def learner_issues(
    name: str, priors: Collection[str], params: Mapping[str, Any], problem: Problem, allow: Collection[str]
) -> list[Issue]:
    """Return the errors of a learner, valid by itself, on a problem: in its parameters, priors or class."""
    if unknown_names := unknown_params(name, params, [problem.task], allow):
        return [issue._replace(at=("params", *issue.at)) for issue in unknown_names]
    issues = []
    for prior in priors:
        try:
            _resolved_prior(prior, problem)
        except ValueError as error:
            issues.append(Issue(("prior",), str(error), prior))
    return issues or _class_issues(name, next(variants(name, params)).params, problem, allow)


def _class_issues(name: str, params: Mapping[str, Any], problem: Problem, allow: Collection[str]) -> list[Issue]:
    task = problem.task
    try:
        fits = _FITS[task](make_learner(name, problem, params=params, allow=allow))
    except BaseException as error:  # constructing a foreign class can raise anything, and may exit
        return [Issue(("estimator",), f"cannot be constructed: {cut(exception_text(error), _LONGEST)}", name)]
    return [] if fits else [Issue(("estimator",), f"must be for {task}, the task of the problem", name)]
