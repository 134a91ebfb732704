"""A study becomes cells; a cell is its own content hash.

Pure: nothing here runs, reads or writes anything. What a cell is called in a study (its label) is no part of it, and a
parameter has one spelling, so studies share the cells that they have in common.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from studies.registry.learners import VERSION, find
from studies.registry.metrics import METRICS, supported_metrics
from studies.registry.params import Variant, canonical, resolved
from studies.registry.problems import PROBLEMS, build_problem
from studies.spec.sections import LearnerSpec
from studies.spec.study import Study


@dataclass(frozen=True)
class Cell:
    """One learner, fitted once: on the first `n_samples` points of seed `seed` of a problem.

    All of it is plain data, and all of it but `allow` is part of the identity `key`.

    Parameters
    ----------
    problem : str
    problem_params : dict
    estimator : str
    prior : str or None
    params : dict
    n_samples, seed : int
    metrics : tuple of str
        What is measured.
    allow : tuple of str
        Packages, beyond scikit-learn and ours, from which `estimator` may be taken: given by whoever runs it.
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

    @functools.cached_property
    def spec(self) -> str:
        """The cell as canonical JSON: the same for equal cells, whatever order a description had."""
        identity = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        versions = {name: METRICS[name].version for name in self.metrics}
        return canonical({**identity, "metrics": versions, "version": VERSION})

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of `spec`, in hexadecimal."""
        return hashlib.sha256(self.spec.encode()).hexdigest()


@dataclass(frozen=True)
class Planned:
    """A cell and what it is called in the study.

    Parameters
    ----------
    learner : str
        The label of its learner, with the values of its axes: "net, width=16".
    cell : Cell
    problem : str
        The label of its problem, likewise.
    family : str
        The label that the study gives to the learner and its like: "net".
    axes : dict
        The values of the axes of problem and learner, by the name of their column.
    """

    learner: str
    cell: Cell
    problem: str = ""
    family: str = ""
    axes: dict[str, Any] = field(default_factory=dict, hash=False)


def plan_study(study: Study) -> list[Planned]:
    """Return the cells of a study: problem by problem, learner by learner, each by size and seed."""
    return [
        planned
        for name, spec in study.problems.items()
        for problem in spec.variants(name)
        for planned in _plan_problem(study, name, problem)
    ]


def _plan_problem(study: Study, label: str, problem: Variant) -> Iterator[Planned]:
    name = study.problems[label].problem
    built = build_problem(name, problem.params)
    task, metrics, params = (
        built.task,
        supported_metrics(built, study.metrics),
        resolved(PROBLEMS[name], problem.params),
    )
    for family, spec in study.learners.items():
        for learner in spec.variants(family) if label in study.problems_of(spec) else ():
            axes = {study.column(key): value for key, value in learner.axes.items()}
            first = Cell(name, params, spec.estimator, *_told(study, spec, task, learner), 0, 0, metrics, study.allow)
            for n_samples, seed in itertools.product(study.sizes_of(spec), range(study.seeds)):
                cell = replace(first, n_samples=n_samples, seed=seed)
                yield Planned(learner.label, cell, problem.label, family, {**problem.axes, **axes})


def _told(study: Study, spec: LearnerSpec, task: str, learner: Variant) -> tuple[str | None, dict[str, Any]]:
    """Return the prior and the parameters of a learner."""
    params = dict(learner.params)
    prior = params.pop("prior")
    return None if prior == "none" else prior, resolved(find(spec.estimator, task, study.allow), params)
