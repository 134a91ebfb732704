"""The cells of a study, each identified by a hash of its content.

Nothing here runs, reads or writes anything. The labels of a study are not part of its cells, and each parameter has one
spelling, so studies share the cells that they have in common.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sklearn.base import BaseEstimator

from studies.registry.imports import code_of, find_object, is_foreign
from studies.registry.learners import canonical_name, find, find_prior, make_learner, version_of
from studies.registry.metrics import best_value, supported_metrics, value_name, version_of_metric
from studies.registry.objects import code_of_kept, is_object
from studies.registry.params import Variant, canonical, canonical_params
from studies.registry.problems import (
    PROBLEM_SEED,
    AnyProblem,
    canonical_problem,
    has_problem_seed,
    problem_identity,
    problem_outline,
    shared_problem,
)
from studies.spec.sections import BASELINE, PRIOR_AXIS
from studies.spec.study import Study
from toymanifold import DataProblem

Place = tuple[str, Variant, str, Variant]

_ADDED = ("prior_params", "search", "code", "rows", "test_seed")  # fields that cells of earlier versions do not have


@dataclass(frozen=True)
class Cell:
    """One fit of a learner: on the first `n_samples` points of a problem's sample with seed `seed`.

    All fields are plain data, and all but `allow` and `folder` are part of the identity `key`.

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
        Allowed packages in addition to `PACKAGES`; a choice of the person who runs the study.
    folder : str
        Folder of the study, in which allowed packages may lie.
    prior_params : dict
    search : dict
        Parameters to tune in the fit; see `studies.registry.learners.make_learner`.
    code : dict of str to str
        Identity of the foreign code, by module; see `studies.registry.imports.code_of`.
    rows : tuple of int
        Numbers of training and test rows of a problem of finitely many rows; empty if samples are fresh.
    fresh_problem : bool
        The seed of the cell is that of the problem and of the test points, too; `problem_params` are those of seed 0.
    """

    problem: str
    problem_params: dict[str, Any] = field(hash=False)
    estimator: str
    prior: str | None
    params: dict[str, Any] = field(hash=False)
    n_samples: int
    seed: int
    metrics: tuple[str, ...] = ("fit_seconds", "predict_seconds", "accuracy", "accuracy_uniform")
    allow: tuple[str, ...] = field(default=(), compare=False, repr=False)
    folder: str = field(default="", compare=False, repr=False)
    prior_params: dict[str, Any] = field(default_factory=dict, hash=False)
    search: dict[str, Any] = field(default_factory=dict, hash=False)
    code: dict[str, str] = field(default_factory=dict, hash=False)
    rows: tuple[int, ...] = ()
    fresh_problem: bool = False

    @property
    def params_of_problem(self) -> dict[str, Any]:
        """The parameters of the problem, with its seed."""
        drawn = {PROBLEM_SEED: self.seed} if self.fresh_problem and self.seed else {}
        return {**self.problem_params, **drawn}

    @property
    def test_seed(self) -> int:
        """The seed of the test points."""
        return self.seed if self.fresh_problem else 0

    def build_problem(self) -> AnyProblem:
        """Return the problem."""
        return shared_problem(self.problem, self.params_of_problem, self.allow)

    def build_learner(self) -> BaseEstimator:
        """Return the unfitted learner."""
        return make_learner(
            self.estimator,
            self.build_problem(),
            prior=self.prior,
            prior_params=self.prior_params,
            params=self.params,
            search=self.search,
            seed=self.seed,
            allow=self.allow,
        )

    @property
    def foreign_names(self) -> list[str]:
        """The names of foreign problems, learners, priors and metrics, whose code runs only where it is allowed."""
        names = (self.problem, self.estimator, self.prior, *self.metrics)
        return [name for name in names if name is not None and is_foreign(name) and not is_object(name)]

    @functools.cached_property
    def spec(self) -> str:
        """The cell as canonical JSON, which is the same for equal cells."""
        identity = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        del identity["fresh_problem"]  # which the two seeds say
        identity["test_seed"] = self.test_seed
        identity = {name: value for name, value in identity.items() if value or name not in _ADDED}
        identity["problem_params"] = problem_identity(self.problem, self.params_of_problem)
        identity["metrics"] = {name: version_of_metric(name) for name in self.metrics}
        return canonical({**identity, "version": version_of(self.estimator)})

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

    def __repr__(self) -> str:
        place = f"{self.learner!r}, problem={self.problem!r}"
        return f"{type(self).__name__}({place}, n_samples={self.cell.n_samples}, seed={self.cell.seed})"


def plan_study(study: Study) -> list[PlannedCell]:
    """Return the cells of a study's learners, ordered by problem, learner, sample size and seed."""
    return [
        replace(series, cell=replace(series.cell, n_samples=n_samples, seed=seed))
        for series in plan_series(study)
        for n_samples, seed in itertools.product(study.sizes_of(study.learners[series.family]), study.seed_range)
    ]


def plan_baseline(study: Study) -> list[PlannedCell]:
    """Return the cells of a study's baseline, which predicts the most frequent class, or the mean.

    It is measured on each problem at every sample size of a learner, by the metrics that have a best value. There is
    none on a problem without such a metric, nor in a study with a learner called `BASELINE`.
    """
    n_learners = sum(1 for _ in _learners(study))
    return [
        PlannedCell(BASELINE, replace(first, n_samples=n_samples, seed=seed), problem.label, BASELINE, problem.axes)
        for first, (label, problem) in zip(_plan(study)[n_learners:], _baselines(study), strict=True)
        if first.metrics
        for n_samples, seed in itertools.product(study.baseline_sizes(label), study.seed_range)
    ]


def plan_run(study: Study) -> list[PlannedCell]:
    """Return all cells that a run of a study measures: those of its learners, then those of the baseline."""
    return [*plan_study(study), *plan_baseline(study)]


def plan_series(study: Study) -> list[PlannedCell]:
    """Return a cell of each learner on each problem of a study with its labels, without sample size and seed."""
    places = list(_learners(study))
    return [
        PlannedCell(learner.label, first, problem.label, family, axes)
        for first, (_, problem, family, learner) in zip(_plan(study)[: len(places)], places, strict=True)
        for axes in [{**problem.axes, **{study.column(key): value for key, value in learner.axes.items()}}]
    ]


def _plan(study: Study) -> Sequence[Cell]:
    if study.plan is None:
        study.use_plan(first_cells(study))
    return study.plan or ()


def first_cells(study: Study) -> list[Cell]:
    """Return a cell of each learner on each problem of a study, then of each baseline, without sample size and seed.

    It is the part of the plan for which learners are imported and problems are built.
    """
    places = {(label, problem.label): (label, problem) for label, problem, *_ in _learners(study)}
    on = {key: _with_problem(study, *place) for key, place in places.items()}
    of_learners = [
        _with_learner(*on[label, problem.label], study, family, learner)
        for label, problem, family, learner in _learners(study)
    ]
    return [*of_learners, *(_of_baseline(on[label, problem.label][0], study) for label, problem in _baselines(study))]


def _with_problem(study: Study, label: str, problem: Variant) -> tuple[Cell, str]:
    """Return a cell of a problem that has no learner yet, and the problem's task."""
    name, allow = study.problems[label].problem, study.allow
    is_fresh = study.fresh_problems and has_problem_seed(name, allow)
    drawn = {PROBLEM_SEED: 0} if is_fresh else {}
    params = canonical_problem(name, {**problem.params, **drawn}, allow, study.folder)
    built = problem_outline(name, params, allow)
    rows = (built.n_train_rows, built.n_test_rows) if isinstance(built, DataProblem) else ()
    metrics = supported_metrics(built, study.metrics, allow)
    empty = Cell(name, params, "", None, {}, 0, 0, metrics, allow, study.folder, rows=rows, fresh_problem=is_fresh)
    return empty, built.task


def _of_baseline(cell: Cell, study: Study) -> Cell:
    """Return the cell of the baseline on the problem of a cell, with the metrics that have a best value."""
    losses = tuple(name for name in cell.metrics if best_value(value_name(name)) is not None)
    return _with_code(replace(cell, estimator="dummy", metrics=losses), study)


def _with_learner(cell: Cell, task: str, study: Study, family: str, learner: Variant) -> Cell:
    """Return a cell with its learner, in the spelling in which cells store it, and with the identity of its code."""
    spec, given = study.learners[family], dict(learner.params)
    prior = given.pop("prior")
    of_prior = {key.removeprefix(PRIOR_AXIS): given.pop(key) for key in list(given) if key.startswith(PRIOR_AXIS)}
    name, params = canonical_name(spec.estimator, given)
    described = replace(
        cell,
        estimator=name,
        prior=None if prior == "none" else prior,
        params=canonical_params(find(name, task, study.allow), params),
        prior_params=canonical_params(find_prior(prior, study.allow), of_prior) if of_prior else {},
        search=spec.search.model_dump(exclude_none=True) if spec.search else {},
    )
    return _with_code(described, study)


def _with_code(cell: Cell, study: Study) -> Cell:
    """Return a cell with the identity of the foreign code that it names."""
    found = [code_of(find_object(foreign, study.allow)) for foreign in cell.foreign_names]
    found += [code_of_kept(kept) for kept in (cell.problem, cell.estimator) if is_object(kept)]
    return replace(cell, code={key: identity for each in found for key, identity in each.items()})


def _learners(study: Study) -> Iterator[Place]:
    """Yield each learner on each problem: the problem's label and variant, and the learner's."""
    for label, problem_spec in study.problems.items():
        for problem in problem_spec.variants(label):
            for family, spec in study.learners.items():
                if label in study.problems_of(spec):
                    for learner in spec.variants(family):
                        yield label, problem, family, learner


def _baselines(study: Study) -> Iterator[tuple[str, Variant]]:
    """Yield the label and variant of each problem that has a baseline."""
    for label, spec in study.problems.items():
        if study.baseline_sizes(label):
            yield from ((label, problem) for problem in spec.variants(label))
