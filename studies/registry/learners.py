"""The learners of studies: an estimator, the prior in front of it, and the search for its parameters.

An estimator is a name of the catalogue, or a class or function as ``package.module:name``; so is a prior. All code is
imported by `studies.registry.imports`.
"""

import functools
import inspect
import itertools
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from sklearn.base import BaseEstimator, clone, is_classifier

from studies.registry.errors import Issue, cut, exception_text, unknown
from studies.registry.imports import (
    LONGEST,
    find_named,
    is_estimator_class,
    is_generator,
    is_loader,
    is_named,
    is_symmetry_class,
)
from studies.registry.metrics import METRICS
from studies.registry.nodes import check_reach, is_graph_for
from studies.registry.objects import find_kept
from studies.registry.params import Builder, is_open, named_parameters, variants
from studies.registry.problems import TASKS, AnyProblem
from toymanifold import DataProblem, Spiral, Symmetry
from toymanifold.validation import error_message

VERSION = "3"
"""Part of every cell's identity: raised when a change of the code changes the data of fits, or all fits."""

VERSIONS = {"net": "4", "pretrained": "4", "svm-tuned": "4"}
"""Versions in place of `VERSION`, by catalogue name or ``module:Class``: set when a change alters the fits of one."""

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

_GIVEN_ELSEWHERE = {
    "prior": "is a key of the learner, not one of its params",
    "random_state": "is the seed of each cell and cannot be set by a study",
}
_SEEDED = {"random_state": _GIVEN_ELSEWHERE["random_state"]}
_FILES = {
    "input": "names files to read, and cannot be set by a study",
    "memory": "names a folder from which pickles are loaded, and cannot be set by a study",
}
_TASKS = {"classifier": "classification", "regressor": "regression"}


def version_of(name: str) -> str:
    """Return the version of an estimator, which is part of the identity of its cells.

    "net" and ``estimators:NetClassifier`` are one estimator and have one version.
    """
    return VERSIONS.get(catalog_name(name), VERSION)


def is_net(name: str) -> bool:
    """Return True if an estimator is a net of ours, pretrained or not."""
    return catalog_name(name) in ("net", "pretrained")


def catalog_name(name: str) -> str:
    """Return the name in the catalogue of an estimator of this project: "net" for ``estimators:NetClassifier``."""
    ours = _OURS.fullmatch(name)
    name = ours[1] if ours else name
    return _CATALOG_NAMES.get(name, name)


def find(name: str, task: str, allow: Collection[str] = ()) -> Builder:
    """Return the builder of an estimator: a function or class that constructs it.

    Parameters
    ----------
    name : str
        Name in the catalogue, ``package.module:Class``, or ``package.module:function`` of an allowed package.
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
    if kept := find_kept(name):
        return kept
    found: Builder = find_named("estimator", name, CATALOG, allow, form="Class")
    is_function = inspect.isfunction(found) and not is_generator(found) and not is_loader(found)
    if not is_function and (not is_estimator_class(found) or inspect.isabstract(found)):
        raise ValueError(f"{name} must be a concrete class of scikit-learn estimators, or a function that returns one")
    return found


def find_prior(name: str, allow: Collection[str] = ()) -> Builder:
    """Return the builder of a prior: a class of transformers, or a function that returns one.

    That of a symmetry has the parameters of `estimators.Invariance` too, such as the form.

    Parameters
    ----------
    name : str
        Name of a prior, ``package.module:Class``, or ``package.module:function`` of an allowed package. The class may
        also be a `toymanifold.Symmetry`.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such prior, or it is not allowed.
    """
    from estimators import PRIORS

    if name in PRIORS:
        return _named_prior(name)
    found: Builder = find_named("prior", name, ["none", *PRIORS], allow, form="Class")
    if is_symmetry_class(found):
        return _invariance(found)
    if is_estimator_class(found) and not callable(getattr(found, "transform", None)):
        raise ValueError(f"{name} is not a transformer, so it cannot be a prior")
    return found


@functools.cache
def _invariance(symmetry: type[Symmetry]) -> Builder:
    from estimators.priors import invariance_builder

    return invariance_builder(symmetry)


@functools.cache
def _named_prior(name: str) -> Builder:
    from estimators import PRIORS
    from estimators.priors import NAMED_SYMMETRIES

    if name in NAMED_SYMMETRIES:
        return _invariance(NAMED_SYMMETRIES[name])
    return functools.partial(type(PRIORS[name]), **PRIORS[name].get_params())


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
    problem: AnyProblem,
    *,
    prior: str | None = None,
    prior_params: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    seed: int = 0,
    allow: Collection[str] = (),
) -> BaseEstimator:
    """Return the unfitted learner of a cell.

    Parameters
    ----------
    name : str
        As in `find`.
    problem : Problem or DataProblem
        The problem to learn, which determines the task and the exact phase prior.
    prior : str or None, default=None
        As in `find_prior`.
    prior_params, params : mapping or None, default=None
        Parameters of the prior and of the learner.
    search : mapping or None, default=None
        Parameters to tune in the fit, by cross-validation on the training points: ``params``, ``cv``, ``scoring``.
    seed : int, default=0
        Value of every ``random_state``.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.

    Raises
    ------
    ValueError, TypeError
        If the learner cannot be constructed for this problem.
    """
    from estimators import with_prior
    from estimators.unlabelled import last_step

    learner = find(name, problem.task, allow)(**(params or {}))
    change = _make_prior(prior, prior_params or {}, problem, allow)
    learner = _searched_with_prior(learner, change, search) if search else with_prior(learner, change)
    check_reach(problem, learner)
    seeds = {key: seed for key in learner.get_params() if key.split("__")[-1] == "random_state"}
    if is_graph_for(problem, learner):
        of_nodes = last_step(learner)
        if of_nodes.graph is not None:
            allowed = "None on a problem that has a graph"
            raise ValueError(error_message("graph", type(of_nodes).__name__, allowed, of_nodes.graph))
        of_nodes.set_params(graph=problem.graph)
    return learner.set_params(**seeds)


def _make_prior(
    name: str | None, params: Mapping[str, Any], problem: AnyProblem, allow: Collection[str]
) -> BaseEstimator | str | None:
    """Return a prior as `with_prior` takes it; "phase" is the phase of the problem's spiral."""
    from estimators import PRIORS, SpiralPhase

    if name is None or name == "none" or (name in PRIORS and name != "phase" and not params):
        return name
    if name != "phase":
        made: BaseEstimator = find_prior(name, allow)(**params)
        return made
    spiral = problem.target
    if not isinstance(spiral, Spiral) or problem.embedding is not None:
        raise ValueError("the prior 'phase' is defined only for a spiral in the plane")
    return SpiralPhase(turns=spiral.turns, fill=spiral.fill, tip=spiral.tip, radius=spiral.radius)


def _searched_with_prior(learner: BaseEstimator, prior: Any, search: Mapping[str, Any]) -> BaseEstimator:
    """Return a learner to be searched, with a prior before the search if it is a step, else within it."""
    from sklearn.pipeline import make_pipeline

    from estimators import Augmented, Symmetrized, with_prior
    from estimators.nets import Net

    whole = with_prior(learner, prior)
    if whole is learner:
        return _searched(learner, search)
    if isinstance(whole, Augmented | Symmetrized):
        params = {f"estimator__{key}": values for key, values in search["params"].items()}
        return _searched(whole, {**search, "params": params})
    searched = _searched(learner, search)
    return make_pipeline(prior, searched) if isinstance(learner, Net) else with_prior(searched, prior)


def _searched(learner: BaseEstimator, search: Mapping[str, Any]) -> BaseEstimator:
    """Return a learner whose parameters are chosen by cross-validation on its training points."""
    from sklearn.model_selection import GridSearchCV

    from estimators.catalog import ShuffledFolds

    folds = ShuffledFolds(search["cv"], stratified=is_classifier(learner))
    return GridSearchCV(learner, search["params"], cv=folds, scoring=search.get("scoring"), error_score="raise")


def estimator_issues(name: str, allow: Collection[str] = ()) -> list[Issue]:
    """Return the errors in an estimator's name: one `Issue`, or none."""
    try:
        for task in TASKS:
            find(name, task, allow)
    except ValueError as error:
        return [Issue((), str(error), name)]
    return []


def prior_issues(name: str, allow: Collection[str] = ()) -> list[Issue]:
    """Return the errors in a prior's name: one `Issue`, or none."""
    if name == "none":
        return []
    try:
        find_prior(name, allow)
    except ValueError as error:
        return [Issue((), str(error), name)]
    return []


def unknown_params(
    name: str, params: Mapping[str, Any], tasks: Iterable[str] = TASKS, allow: Collection[str] = ()
) -> list[Issue]:
    """Return the errors in the names of an estimator's parameters.

    A parameter is unknown if the estimator of no task has it; the prior and the random state are set in other ways.
    """
    return _unknown([find(name, task, allow) for task in tasks], params, name, _GIVEN_ELSEWHERE)


def unknown_prior_params(name: str, params: Mapping[str, Any], allow: Collection[str] = ()) -> list[Issue]:
    """Return the errors in the names of a prior's parameters."""
    if name == "none":
        return [Issue((), "must be empty without a prior", dict(params))] if params else []
    if name == "phase":
        return [Issue((), "must be empty: the phase is that of the problem's spiral", dict(params))] if params else []
    return _unknown([find_prior(name, allow)], params, name, _SEEDED)


def _unknown(
    builders: list[Builder], params: Mapping[str, Any], name: str, elsewhere: Mapping[str, str]
) -> list[Issue]:
    elsewhere = {**elsewhere, **(_FILES if any(map(_is_of_sklearn, builders)) else {})}
    known = set().union(*map(named_parameters, builders)) - elsewhere.keys()
    return [
        Issue((key,), elsewhere.get(key) or unknown("parameter", key, sorted(known), repr(name)), value)
        for key, value in params.items()
        if key not in known and not (key not in elsewhere and _is_taken(key, value, builders, known))
    ]


def _is_of_sklearn(builder: Builder) -> bool:
    """Return True if the parameters of an estimator are those of a class of scikit-learn, which a subclass may keep."""
    return inspect.isclass(builder) and str(builder.__init__.__module__).startswith("sklearn.")


def _is_taken(key: str, value: Any, builders: Iterable[Builder], known: Collection[str]) -> bool:
    """Return True if an estimator that takes any keywords has a parameter that it does not list.

    Parts of skorch's nets, such as `module`, have parameters ``module__...``. Other keywords are parameters if an
    instance lists them, unless they look like a mistake, since lightgbm lists whatever it is given.
    """
    first = value[0] if isinstance(value, list) and value else value
    for builder in filter(is_open, builders):
        if "__" in key and key.split("__")[0] in known:
            return True
        with suppress(BaseException):  # foreign code can raise anything
            if not get_close_matches(key, known) and key in builder(**{key: first}).get_params(deep=False):
                return True
    return False


def learner_issues(
    name: str,
    priors: Collection[str],
    params: Mapping[str, Any],
    problem: AnyProblem,
    allow: Collection[str],
    *,
    prior_params: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
) -> list[Issue]:
    """Return the errors of a learner, valid by itself, on a problem: in its parameters, priors, search or class."""
    if unknown_names := unknown_params(name, params, [problem.task], allow):
        return [issue._replace(at=("params", *issue.at)) for issue in unknown_names]
    if issues := _class_issues(name, next(variants(name, params)).params, problem, allow):
        return issues
    learner = find(name, problem.task, allow)(**next(variants(name, params)).params)
    points = [variant.params for variant in variants(name, prior_params or {})]
    for prior, point in itertools.product(priors, points):
        if issues := _prior_issues(prior, point, learner, problem, allow):
            return issues
    return _search_issues(name, next(variants(name, params)).params, search, problem, allow)


def _class_issues(name: str, params: Mapping[str, Any], problem: AnyProblem, allow: Collection[str]) -> list[Issue]:
    task = problem.task
    try:
        fits = _fits(make_learner(name, problem, params=params, allow=allow), task)
    except BaseException as error:  # constructing a foreign class can raise anything, and may exit
        return [Issue(("estimator",), f"cannot be constructed: {cut(exception_text(error), LONGEST)}", name)]
    if fits:
        return []
    other = "regression" if task == "classification" else "classification"
    hint = f"; a problem of data is one of {other} with task = {other!r}" if isinstance(problem, DataProblem) else ""
    return [Issue(("estimator",), f"must be for {task}, the task of the problem{hint}", name)]


def _fits(learner: BaseEstimator, task: str) -> bool:
    """Return whether an estimator is one for a task; it may have a ``predict`` and not say for which."""
    kind = learner.__sklearn_tags__().estimator_type if hasattr(learner, "__sklearn_tags__") else None
    return hasattr(learner, "predict") if kind is None else _TASKS.get(kind) == task


def _prior_issues(
    name: str, params: Mapping[str, Any], learner: BaseEstimator, problem: AnyProblem, allow: Collection[str]
) -> list[Issue]:
    """Return the errors of a prior of a learner on a problem: one `Issue`, or none."""
    from estimators import with_prior
    from estimators.priors import as_any_prior

    try:
        change = as_any_prior(_make_prior(name, params, problem, allow), "a study")
        check_reach(problem, with_prior(clone(learner), change))
    except BaseException as error:  # constructing a foreign class can raise anything, and may exit
        reason = " ".join(cut(exception_text(error), LONGEST).split())
        if isinstance(error, TypeError) and is_named(name):
            reason += "; a function that is named as a prior returns a transformer, as of sklearn.preprocessing"
        return [Issue(("prior",), f"cannot be constructed: {reason}" if is_named(name) else str(error), name)]
    return []


def _search_issues(
    name: str,
    params: Mapping[str, Any],
    search: Mapping[str, Any] | None,
    problem: AnyProblem,
    allow: Collection[str],
) -> list[Issue]:
    """Return the errors of a search: a scorer for other labels, and parameters that the learner does not have."""
    from estimators import uses_unlabelled

    if not search:
        return []
    scoring = search.get("scoring")
    if scoring is not None and not METRICS[scoring].supports(problem):
        reason = f"must be a scorer for {problem.task} with the labels of the problem"
        return [Issue(("search", "scoring"), reason, scoring)]
    learner = make_learner(name, problem, params=params, allow=allow)
    if is_graph_for(problem, learner) or (problem.n_unlabelled and uses_unlabelled(learner)):
        return [
            Issue(("search",), "must be left out: cross-validation would see the labelled points only", dict(search))
        ]
    parts = {"": learner, **learner.get_params()}
    known = sorted(parts.keys() - {""})
    return [
        Issue(("search", "params", key), message, values)
        for key, values in search["params"].items()
        for part, _, last in [key.rpartition("__")]
        for files in [_FILES.get(last) if _is_of_sklearn(type(parts.get(part))) else None]
        for message in [files or unknown("parameter", key, known, repr(name))]
        if files or key not in known
    ]
