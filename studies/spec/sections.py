"""The parts of a study's description: problems, learners, sample sizes, questions, pictures."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from studies.registry.errors import Issue, issues_of, raise_issues, unknown
from studies.registry.imports import is_foreign
from studies.registry.learners import estimator_issues, prior_issues, unknown_params, unknown_prior_params
from studies.registry.params import Variant, canonical, n_points, plain, variants, without_numpy
from studies.registry.plots import check_arguments
from studies.registry.problems import TASKS, builder_issues, problem_issues

MAX_CELLS = 1_000_000
"""Largest number of cells of a study."""

MAX_ENTRIES = 1_000
"""Largest number of entries of a table or list."""

MAX_POINTS = 1_000
"""Largest number of combinations of the axes of a problem or learner."""

MAX_SAMPLES = 10**9
"""Largest sample size."""

PRIOR_AXIS = "prior__"
"""Prefix of a prior's parameters among the axes of a learner."""

BASELINE = "baseline"
"""Label of the baseline, which every study measures besides its learners, unless one of them has this label."""

_ABSOLUTE = re.compile(r"\d+(\.\d+)?( \S+){0,2}")  # a number and its unit, such as "percentage points"

COLUMNS = ("problem", "learner", "family", "n_samples", "seed", "metric", "value")
"""Columns of a table of results, without those of the axes."""


def as_list(value: Any) -> list[Any]:
    """Return lists and tuples as a list, and any other value as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def allowed_packages(info: ValidationInfo) -> tuple[str, ...]:
    """Return the packages allowed by the caller who reads the study."""
    return tuple((info.context or {}).get("allow", ()))


def folder_of(info: ValidationInfo) -> str:
    """Return the folder of the study's file, or "" for the current one."""
    return str((info.context or {}).get("folder", ""))


def are_known(info: ValidationInfo) -> bool:
    """Return True if problems and learners need no check, since the plan of the study is known."""
    return bool((info.context or {}).get("known"))


def _checked_params(params: dict[str, Any], check: Callable[[dict[str, Any]], list[Issue]]) -> dict[str, Any]:
    """Return `params` as plain data; raise if they are not, or have invalid axes, or if `check` finds issues."""
    data, issues = {}, []
    for key, value in params.items():
        try:
            data[key] = plain(value)
        except ValueError as error:
            issues.append(Issue((key,), str(error), value))
    for key in [key for key, value in data.items() if isinstance(value, list) and not _is_axis(value)]:
        issues.append(Issue((key,), "must have one or more values, each once, since a list is an axis", data.pop(key)))
    if (points := n_points(data)) > MAX_POINTS:
        issues.append(Issue((), f"must have {MAX_POINTS:,} combinations of axes or fewer, not {points:,}", params))
        raise_issues(issues)
    raise_issues([*issues, *check(data)])
    return data


def _too_many(data: Any) -> list[Issue]:
    """Return an issue for each table or list with too many entries, which would take long to check one by one."""
    parts = [((), data), *(((key,), value) for key, value in data.items())] if isinstance(data, Mapping) else []
    return [
        Issue(at, f"must have {MAX_ENTRIES:,} or fewer entries, not {len(value):,}", value)
        for at, value in parts
        if isinstance(value, list | Mapping) and len(value) > MAX_ENTRIES
    ][:MAX_ENTRIES]


def _is_axis(values: list[Any]) -> bool:
    return 0 < len(values) == len({canonical(value) for value in values})


def _known_prior(prior: str, info: ValidationInfo) -> str:
    raise_issues([] if are_known(info) else prior_issues(prior, allowed_packages(info)))
    return prior


def _sizes(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = Sizes.model_validate(value)
    return value.values() if isinstance(value, Sizes) else value


def _increasing(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(sizes)) < len(sizes):
        raise_issues([Issue((), "must contain each size once", sizes)])
    return tuple(sorted(sizes))


def _taken_columns(params: Mapping[str, Any]) -> list[Issue]:
    """Return the axes of a problem with the name of another column of the results."""
    message = "cannot be an axis, since results have a column of this name; describe a problem for each value"
    return [
        Issue((key,), message, value)
        for key, value in params.items()
        if key in COLUMNS and isinstance(value, list) and len(value) > 1
    ]


def reduced_params(params: dict[str, Any], kept: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return `params` with axes reduced to the values in `kept`; an axis without any of these stays whole."""
    reduced = {
        key: [value for value in params[key] if value in kept[key]] for key in kept if isinstance(params.get(key), list)
    }
    return {**params, **{key: values for key, values in reduced.items() if values}}


Count = Annotated[int, Field(strict=True, ge=1, le=MAX_CELLS)]
Size = Annotated[int, Field(strict=True, ge=2, le=MAX_SAMPLES)]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=100)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=100)]
Prior = Annotated[str, BeforeValidator(lambda prior: "none" if prior is None else prior), AfterValidator(_known_prior)]
Priors = Annotated[tuple[Prior, ...], BeforeValidator(as_list), Field(min_length=1)]
SampleSizes = Annotated[tuple[Size, ...], BeforeValidator(_sizes), Field(min_length=1), AfterValidator(_increasing)]


class Part(BaseModel):
    """Base of a study and its parts: frozen, with all errors of a description raised together."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="wrap")
    @classmethod
    def _collect_issues(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Raise the errors of the fields, with this project's messages, together with unknown references."""
        data = without_numpy(data)
        raise_issues(_too_many(data))
        issues = cls._unknown_references(data)
        try:
            part = handler(data)
        except ValidationError as error:
            issues = [*issues_of(error, cls), *issues]
        raise_issues(issues)
        return part

    @classmethod
    def _unknown_references(cls, data: Any) -> list[Issue]:  # noqa: ARG003
        """Return the references in unchecked `data` to undefined labels."""
        return []


class ProblemSpec(Part):
    """A problem, or several that differ along axes."""

    problem: str
    """Name of the problem, from the table below, or `package.module:function`."""

    params: Annotated[dict[str, Any], Field(validate_default=True)] = {}
    """Its parameters; a list is an axis."""

    @field_validator("problem")
    @classmethod
    def _check_problem(cls, problem: str, info: ValidationInfo) -> str:
        raise_issues([] if are_known(info) else builder_issues(problem, allowed_packages(info)))
        return problem

    @field_validator("params")
    @classmethod
    def _check_params(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        problem = None if are_known(info) else info.data.get("problem")
        allow, folder = allowed_packages(info), folder_of(info)
        return _checked_params(
            params,
            lambda data: (
                _taken_columns(data) or ([] if problem is None else problem_issues(problem, data, allow, folder))
            ),
        )

    def variants(self, label: str) -> Iterator[Variant]:
        """Yield the problem at each point of its axes."""
        return variants(label, self.params)


class Search(Part):
    """The search for a learner's parameters in each fit, by cross-validation on the training points."""

    params: dict[str, list[Any]]
    """Values to try of each parameter."""

    cv: Annotated[int, Field(strict=True, ge=2, le=100)] = 5
    """Number of folds, shuffled by the seed and, for classes, of equal shares of each."""

    scoring: str | None = None
    """Scorer of scikit-learn by its name; by default the learner's own score."""

    @field_validator("params")
    @classmethod
    def _check_params(cls, params: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return _checked_params(params, lambda _: [])

    @field_validator("scoring")
    @classmethod
    def _check_scoring(cls, scoring: str | None) -> str | None:
        from sklearn.metrics import get_scorer_names  # here, since it loads all metrics

        names = get_scorer_names()
        if scoring is not None and scoring not in names:
            raise_issues([Issue((), unknown("scorer", scoring, names), scoring)])
        return scoring


class LearnerSpec(Part):
    """A learner, or several that differ along axes."""

    estimator: str
    """A name of the catalogue, or an estimator as `package.module:Class`, or a function that returns one."""

    prior: Priors = ("none",)
    """Its prior knowledge: `none`, `polar`, `antipodal` or another name, or a transformer; a list is an axis."""

    prior_params: dict[str, Any] = {}
    """Parameters of the prior, if it is the only one; a list is an axis."""

    params: dict[str, Any] = {}
    """Parameters of the estimator; a list is an axis."""

    search: Search | None = None
    """Parameters to tune in each fit, by cross-validation on its training points."""

    sizes: SampleSizes | None = None
    """Its own sample sizes, instead of the study's, in the same form."""

    max_samples: Size | None = None
    """Its largest sample size."""

    problems: tuple[str, ...] | None = None
    """Labels of the problems that it learns; all by default."""

    @field_validator("estimator")
    @classmethod
    def _check_estimator(cls, estimator: str, info: ValidationInfo) -> str:
        raise_issues([] if are_known(info) else estimator_issues(estimator, allowed_packages(info)))
        return estimator

    @field_validator("params")
    @classmethod
    def _check_params(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        estimator = None if are_known(info) else info.data.get("estimator")
        return _checked_params(
            params,
            lambda data: [] if estimator is None else unknown_params(estimator, data, TASKS, allowed_packages(info)),
        )

    @field_validator("prior_params")
    @classmethod
    def _check_prior_params(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        priors = () if are_known(info) else info.data.get("prior", ())
        if params and len(priors) > 1:
            raise_issues([Issue((), "need one prior, since several have different parameters", params)])
        return _checked_params(
            params,
            lambda data: [
                issue for prior in priors for issue in unknown_prior_params(prior, data, allowed_packages(info))
            ],
        )

    @property
    def grid(self) -> dict[str, Any]:
        """The prior, its parameters and those of the estimator, in which each list is an axis."""
        of_prior = {f"{PRIOR_AXIS}{key}": value for key, value in self.prior_params.items()}
        return {"prior": list(self.prior), **of_prior, **self.params}

    def variants(self, label: str) -> Iterator[Variant]:
        """Yield the learner at each point of its axes."""
        return variants(label, self.grid)


class Sizes(Part):
    """Sample sizes evenly spaced on a logarithmic scale, both ends included."""

    start: Size
    """Smallest size."""

    stop: Size
    """Largest size."""

    per_decade: Annotated[int, Field(strict=True, ge=1, le=100)] = 2
    """Number of sizes for each factor of ten."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.stop < self.start:
            raise_issues([Issue(("stop",), f"must be {self.start} or more, which is start", self.stop)])
        return self

    def values(self) -> list[int]:
        """Return the sizes in increasing order."""
        steps = np.arange(int(np.log10(self.stop / self.start) * self.per_decade + 1e-9) + 1)
        return sorted({*(int(n) for n in np.rint(self.start * 10 ** (steps / self.per_decade))), self.stop})


class Point(Part):
    """One side of a comparison."""

    learner: str
    """Label of a learner with the values of its axes: `net, width=16`."""

    n_samples: int
    """One of its sample sizes."""


class Worth(Part):
    """Two learners of which the first has a prior that the second does not have."""

    prior: str
    """Label of the learner with the prior, with the values of its axes."""

    of: str
    """Label of the learner without it, whose number of samples is counted."""

    n_samples: int | None = None
    """Sample size at which they are compared; by default that of a question, or the largest with a bounded interval."""


@dataclass(frozen=True)
class Margin:
    """The difference up to which two losses count as equal.

    Attributes
    ----------
    value : float
    unit : str or None
        Unit of an absolute margin; None of a relative one, which is a share.
    """

    value: float
    unit: str | None = None

    @property
    def is_relative(self) -> bool:
        """True if the margin is a share of the loss with which another is compared."""
        return self.unit is None

    def __str__(self) -> str:
        return f"{100 * self.value:g} %" if self.unit is None else f"{self.value:g} {self.unit}".rstrip()


class Question(Part):
    """A question to answer: a comparison of `a` with `b`, or the worth of a prior."""

    ask: str = ""
    """The question in words; needed for a comparison."""

    a: Point | None = None
    """The side that may have the lower error."""

    b: Point | None = None
    """The side with which it is compared."""

    margin: float | str = 0.2
    """Difference up to which they count as equal: a share of the error of `b`, or absolute, such as `"2 points"`."""

    worth: Worth | None = None
    """Instead of `a` and `b`: how many times the data is a prior worth?"""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        given = [name for name in ("ask", "a", "b") if getattr(self, name)]
        if self.worth and set(given) - {"ask"}:
            raise_issues([Issue(("worth",), "must stand without a and b", self.worth.model_dump())])
        missing = [name for name in ("ask", "a", "b") if name not in given]
        raise_issues(
            [] if self.worth else [Issue((name,), "is needed, or worth in its place", None) for name in missing]
        )
        return self

    @field_validator("margin")
    @classmethod
    def _check_margin(cls, margin: float | str) -> float | str:
        if not (_ABSOLUTE.fullmatch(margin) if isinstance(margin, str) else 0 <= margin < 1):
            raise ValueError('must be a share from 0 to 1, or an absolute difference with its unit, such as "2 points"')
        return margin

    @property
    def tolerance(self) -> Margin:
        """The margin, with its unit if it is absolute."""
        if isinstance(self.margin, str):
            value, _, unit = self.margin.partition(" ")
            return Margin(float(value), "percentage points" if unit == "points" else unit)
        return Margin(self.margin)

    @property
    def ends(self) -> tuple[Point, ...]:
        """The two sides of a comparison; none of the worth of a prior."""
        return (self.a, self.b) if self.a and self.b else ()

    @property
    def learners(self) -> tuple[str, ...]:
        """Labels of the two learners."""
        return (self.worth.prior, self.worth.of) if self.worth else tuple(end.learner for end in self.ends)

    @property
    def text(self) -> str:
        """The question in words."""
        if self.ask or self.worth is None:
            return self.ask
        return f"How many times the data is {self.worth.prior} worth beside {self.worth.of}?"


class PictureSpec(Part):
    """A picture to draw: its name, its title and its arguments."""

    model_config = ConfigDict(extra="allow")

    plot: str
    """Name of the picture; see [pictures.md](pictures.md); or `package.module:function`."""

    title: str = ""
    """What the picture shows, in a sentence; by default it is made from the plot's name and arguments."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The picture's arguments, as plain data."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _to_plain_data(cls, data: Any) -> Any:
        try:
            return plain(data) if isinstance(data, Mapping) else data
        except ValueError as error:
            raise_issues([Issue((), str(error), data)])

    @model_validator(mode="after")
    def _check_arguments(self, info: ValidationInfo) -> Self:
        if not (are_known(info) and is_foreign(self.plot)):
            check_arguments(self.plot, self.arguments, allowed_packages(info))
        return self


class Quick(Part):
    """The reduced study of a first look; its cells are cells of the full study."""

    seeds: Count = 3
    """Largest number of seeds."""

    shrink: Count = 10
    """Divisor of each learner's largest sample size."""

    axes: dict[str, list[Any]] = {}
    """Values to keep of an axis, by its parameter: `{ width = [8, 64] }`."""
