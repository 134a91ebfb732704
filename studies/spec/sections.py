"""The parts of a study's description: problems, learners, sample sizes, questions."""

from collections.abc import Callable, Iterator, Mapping
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

from estimators import PRIORS
from studies.registry.errors import Issue, refuse, reworded, unknown
from studies.registry.learners import unknown_params, wrong_estimator
from studies.registry.params import Variant, canonical, n_points, plain, variants
from studies.registry.plots import check_arguments
from studies.registry.problems import PROBLEMS, TASKS, wrong_params

MAX_CELLS = 1_000_000
"""Of a study."""

MAX_POINTS = 1_000
"""Of the axes of one problem or learner."""

MAX_SAMPLES = 10**9
"""Of a cell."""


COLUMNS = ("problem", "learner", "family", "n_samples", "seed", "metric", "value")
"""Of a table of results, beside those of the axes."""


def listed(value: Any) -> list[Any]:
    """Return a list of one for what is no list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def allowed(info: ValidationInfo) -> tuple[str, ...]:
    """Return the packages that whoever reads the study allows."""
    return tuple((info.context or {}).get("allow", ()))


def _checked(params: dict[str, Any], known: Callable[[dict[str, Any]], list[Issue]]) -> dict[str, Any]:
    """Return `params` as plain data; refuse what is none, bad axes, and what is wrong with the others once `known`."""
    data, wrong = {}, []
    for key, value in params.items():
        try:
            data[key] = plain(value)
        except ValueError as error:
            wrong.append(Issue((key,), str(error), value))
    for key in [key for key, value in data.items() if isinstance(value, list) and not _is_axis(value)]:
        wrong.append(Issue((key,), "is an axis, which must have values and none of them twice", data.pop(key)))
    if (points := n_points(data)) > MAX_POINTS:
        refuse([*wrong, Issue((), f"makes {points:,} combinations of its axes, of at most {MAX_POINTS:,}", params)])
    refuse([*wrong, *known(data)])
    return data


def _is_axis(values: list[Any]) -> bool:
    return 0 < len(values) == len({canonical(value) for value in values})


def _known_prior(prior: str) -> str:
    ladder = ["none", *PRIORS]
    if prior not in ladder:
        refuse([Issue((), unknown("prior", prior, ladder), prior)])
    return prior


def _sizes(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = Sizes.model_validate(value)
    return value.values() if isinstance(value, Sizes) else value


def _increasing(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(sizes)) < len(sizes):
        refuse([Issue((), "must hold no size twice", sizes)])
    return tuple(sorted(sizes))


def reduced_params(params: dict[str, Any], kept: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return `params`, with only the values of their axes that are kept, where there are some."""
    thin = {
        key: [value for value in params[key] if value in kept[key]] for key in kept if isinstance(params.get(key), list)
    }
    return {**params, **{key: values for key, values in thin.items() if values}}


Count = Annotated[int, Field(strict=True, ge=1, le=MAX_CELLS)]
Size = Annotated[int, Field(strict=True, ge=2, le=MAX_SAMPLES)]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=100)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=100)]
Prior = Annotated[str, BeforeValidator(lambda prior: "none" if prior is None else prior), AfterValidator(_known_prior)]
Priors = Annotated[tuple[Prior, ...], BeforeValidator(listed), Field(min_length=1)]
SampleSizes = Annotated[tuple[Size, ...], BeforeValidator(_sizes), Field(min_length=1), AfterValidator(_increasing)]


class Part(BaseModel):
    """Base of a study and its parts: frozen, and refused as a whole with all that is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say all that is wrong in our words, and what only the whole shows."""
        wrong = cls._unknown_references(data)
        try:
            made = handler(data)
        except ValidationError as error:
            wrong = [*reworded(error, cls), *wrong]
        refuse(wrong)
        return made

    @classmethod
    def _unknown_references(cls, data: Any) -> list[Issue]:  # noqa: ARG003
        """Return the references in unchecked `data` to what is not there."""
        return []


class ProblemSpec(Part):
    """A problem, or several that differ along axes."""

    problem: str
    """Name of the problem, of those below."""

    params: dict[str, Any] = {}
    """Its parameters; a list is an axis."""

    @field_validator("problem")
    @classmethod
    def _known(cls, problem: str) -> str:
        if problem not in PROBLEMS:
            refuse([Issue((), unknown("problem", problem, PROBLEMS), problem)])
        return problem

    @field_validator("params")
    @classmethod
    def _taken(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        problem = info.data.get("problem")
        return _checked(params, lambda data: [] if problem is None else wrong_params(problem, data))

    def variants(self, label: str) -> Iterator[Variant]:
        """Yield the problem at each point of its axes."""
        return variants(label, self.params)


class LearnerSpec(Part):
    """A learner, or several that differ along axes."""

    estimator: str
    """A name of the catalogue, or any scikit-learn estimator as `package.module:Class`."""

    prior: Priors = ("none",)
    """What it is told of the problem: `none`, `polar-sincos`, `polar` or `phase`; a list is an axis."""

    params: dict[str, Any] = {}
    """Parameters of the estimator; a list is an axis."""

    sizes: SampleSizes | None = None
    """Its own sample sizes, in place of the study's; in the same form."""

    max_samples: Size | None = None
    """The largest sample that it gets."""

    problems: tuple[str, ...] | None = None
    """Labels of the problems that it learns; without it, all."""

    @field_validator("estimator")
    @classmethod
    def _found(cls, estimator: str, info: ValidationInfo) -> str:
        refuse(wrong_estimator(estimator, allowed(info)))
        return estimator

    @field_validator("params")
    @classmethod
    def _taken(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        estimator = info.data.get("estimator")
        return _checked(
            params, lambda data: [] if estimator is None else unknown_params(estimator, data, TASKS, allowed(info))
        )

    def variants(self, label: str) -> Iterator[Variant]:
        """Yield the learner at each point of its axes, of which the prior is the first."""
        return variants(label, {"prior": list(self.prior), **self.params})


class Sizes(Part):
    """Sample sizes evenly spaced in the logarithm, both ends included."""

    start: Size
    """The smallest."""

    stop: Size
    """The largest."""

    per_decade: Annotated[int, Field(strict=True, ge=1, le=100)] = 2
    """Sizes for each factor of ten."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop < self.start:
            refuse([Issue(("stop",), f"must not lie below start, {self.start}", self.stop)])
        return self

    def values(self) -> list[int]:
        """Return the sizes in increasing order."""
        steps = np.arange(int(np.log10(self.stop / self.start) * self.per_decade + 1e-9) + 1)
        return sorted({*(int(n) for n in np.rint(self.start * 10 ** (steps / self.per_decade))), self.stop})


class Point(Part):
    """One end of a comparison."""

    learner: str
    """Label of a learner, with the values of its axes: `net, width=16`."""

    n_samples: int
    """One of its sample sizes."""


class Question(Part):
    """A comparison to report: whether the error of `a` is lower than that of `b`."""

    ask: str
    """The question in words."""

    a: Point
    """The one that may be better."""

    b: Point
    """The one that it is compared with."""


class PictureSpec(Part):
    """A picture to draw: its name, and whatever arguments that one takes."""

    model_config = ConfigDict(extra="allow")

    plot: str
    """Name of the picture, of those in [pictures.md](pictures.md)."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The picture's own arguments, as plain data."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        try:
            return plain(data) if isinstance(data, Mapping) else data
        except ValueError as error:
            refuse([Issue((), str(error), data)])

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        check_arguments(self.plot, self.arguments)
        return self


class Quick(Part):
    """How the study shrinks for a first look; what remains is part of the whole."""

    seeds: Count = 2
    """Seeds at most."""

    shrink: Count = 10
    """By how much each learner's largest sample is divided."""

    axes: dict[str, list[Any]] = {}
    """The values that are left of an axis, by its parameter: `{ width = [8, 64] }`."""
