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

from studies.registry.learners import canonical_name, find, make_learner, version_of
from studies.registry.metrics import METRICS, supported_metrics
from studies.registry.params import Variant, canonical, canonical_params
from studies.registry.problems import PROBLEMS, build_problem
from studies.spec.sections import LearnerSpec
from studies.spec.study import Study
from toymanifold import Problem

Place = tuple[str, Variant, str, Variant]


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
    rows : tuple of int
        Numbers of training and test rows of a problem of finitely many rows; empty if samples are fresh.
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
    rows: tuple[int, ...] = ()

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
        values = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        identity = {name: value for name, value in values.items() if name != "rows" or value}
        versions = {name: METRICS[name].version for name in self.metrics}
        return canonical({**identity, "metrics": versions, "version": version_of(self.estimator)})

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
    if study.plan is None:
        study.use_plan(first_cells(study))
    return [
        PlannedCell(learner.label, replace(first, n_samples=n_samples, seed=seed), problem.label, family, axes)
        for first, (_, problem, family, learner) in zip(study.plan or (), _learners(study), strict=True)
        for axes in [{**problem.axes, **{study.column(key): value for key, value in learner.axes.items()}}]
        for n_samples, seed in itertools.product(study.sizes_of(study.learners[family]), range(study.seeds))
    ]


def first_cells(study: Study) -> list[Cell]:
    """Return a cell of each learner on each problem of a study, without sample size and seed.

    It is the part of the plan for which learners are imported and problems are built.
    """
    return [
        Cell(name, params, *_learner(study, study.learners[family], task, learner), 0, 0, metrics, study.allow)
        for (label, _), group in itertools.groupby(_learners(study), lambda place: (place[0], place[1].label))
        for name, params, task, metrics, learners in [_on_problem(study, label, list(group))]
        for family, learner in learners
    ]


def _on_problem(study: Study, label: str, places: list[Place]) -> tuple[Any, ...]:
    """Return a problem's name, parameters, task and metrics, and its learners."""
    name, problem = study.problems[label].problem, places[0][1]
    built = build_problem(name, problem.params)
    learners = [(family, learner) for *_, family, learner in places]
    params = canonical_params(PROBLEMS[name], problem.params)
    return name, params, built.task, supported_metrics(built, study.metrics), learners


def _learners(study: Study) -> Iterator[Place]:
    """Yield each learner on each problem: the problem's label and variant, and the learner's."""
    for label, problem_spec in study.problems.items():
        for problem in problem_spec.variants(label):
            for family, spec in study.learners.items():
                if label in study.problems_of(spec):
                    for learner in spec.variants(family):
                        yield label, problem, family, learner


def _learner(study: Study, spec: LearnerSpec, task: str, learner: Variant) -> tuple[str, str | None, dict[str, Any]]:
    """Return a learner's estimator, prior and parameters as a cell stores them."""
    given = dict(learner.params)
    prior = given.pop("prior")
    name, params = canonical_name(spec.estimator, given)
    return name, None if prior == "none" else prior, canonical_params(find(name, task, study.allow), params)
