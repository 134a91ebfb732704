"""The cells of a study, each identified by a hash of its content.

Nothing here runs, reads or writes anything. The labels of a study are not part of its cells, and each parameter has one
spelling, so studies share the cells that they have in common.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sklearn.base import BaseEstimator

from studies.registry.learners import VERSION, canonical_name, find, make_learner
from studies.registry.metrics import METRICS, supported_metrics
from studies.registry.params import Variant, canonical, canonical_params
from studies.registry.problems import PROBLEMS, build_problem
from studies.spec.sections import LearnerSpec
from studies.spec.study import Study
from toymanifold import Problem


@dataclass(frozen=True)
class Cell:
    """One fit of a learner: on the first `n_samples` points of a problem's sample with seed `seed`.

    All fields are plain data, and all but `allow` are part of the identity `key`.

    Parameters
    ----------
    problem : str
    problem_params : dict
    estimator : str
    prior : str or None
    params : dict
    n_samples, seed : int
    metrics : tuple of str
        Metrics to measure.
    allow : tuple of str
        Allowed packages of `estimator` in addition to `PACKAGES`; a choice of the person who runs the study.
    """

    problem: str
    problem_params: dict[str, Any] = field(hash=False)
    estimator: str
    prior: str | None
    params: dict[str, Any] = field(hash=False)
    n_samples: int
    seed: int
    metrics: tuple[str, ...] = ("fit_seconds", "predict_seconds", "accuracy", "accuracy_uniform", "accuracy_sparse")
    allow: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def build_problem(self) -> Problem:
        """Return the problem."""
        return build_problem(self.problem, self.problem_params)

    def build_learner(self) -> BaseEstimator:
        """Return the unfitted learner."""
        problem = self.build_problem()
        return make_learner(
            self.estimator, problem, prior=self.prior, params=self.params, seed=self.seed, allow=self.allow
        )

    @functools.cached_property
    def spec(self) -> str:
        """The cell as canonical JSON, which is the same for equal cells."""
        identity = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        versions = {name: METRICS[name].version for name in self.metrics}
        return canonical({**identity, "metrics": versions, "version": VERSION})

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of `spec`, in hexadecimal."""
        return hashlib.sha256(self.spec.encode()).hexdigest()


@dataclass(frozen=True)
class PlannedCell:
    """A cell with its labels in a study.

    Parameters
    ----------
    learner : str
        Label of the learner with the values of its axes: "net, width=16".
    cell : Cell
    problem : str
        Label of the problem with the values of its axes.
    family : str
        Label of the learner in the study, without values: "net".
    axes : dict
        Values of the axes of problem and learner, by the name of their column.
    """

    learner: str
    cell: Cell
    problem: str = ""
    family: str = ""
    axes: dict[str, Any] = field(default_factory=dict, hash=False)


def plan_study(study: Study) -> list[PlannedCell]:
    """Return the cells of a study, ordered by problem, learner, sample size and seed."""
    return [
        planned
        for name, spec in study.problems.items()
        for problem in spec.variants(name)
        for planned in _plan_problem(study, name, problem)
    ]


def _plan_problem(study: Study, label: str, problem: Variant) -> Iterator[PlannedCell]:
    name = study.problems[label].problem
    built = build_problem(name, problem.params)
    task, metrics = built.task, supported_metrics(built, study.metrics)
    params = canonical_params(PROBLEMS[name], problem.params)
    for family, spec in study.learners.items():
        for learner in spec.variants(family) if label in study.problems_of(spec) else ():
            axes = {study.column(key): value for key, value in learner.axes.items()}
            first = Cell(name, params, *_learner(study, spec, task, learner), 0, 0, metrics, study.allow)
            for n_samples, seed in itertools.product(study.sizes_of(spec), range(study.seeds)):
                cell = replace(first, n_samples=n_samples, seed=seed)
                yield PlannedCell(learner.label, cell, problem.label, family, {**problem.axes, **axes})


def _learner(study: Study, spec: LearnerSpec, task: str, learner: Variant) -> tuple[str, str | None, dict[str, Any]]:
    """Return a learner's estimator, prior and parameters as a cell stores them."""
    given = dict(learner.params)
    prior = given.pop("prior")
    name, params = canonical_name(spec.estimator, given)
    return name, None if prior == "none" else prior, canonical_params(find(name, task, study.allow), params)
