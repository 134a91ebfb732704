"""What is to be measured: a frozen description, from Python or from TOML.

A study is learners x sample sizes x seeds on one problem. Everything in it is plain data, so that a cell of it can be
hashed, stored and sent to another process.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from estimators import CATALOG, PRIORS
from studies.metrics import PROBLEMS

LIBRARY = resources.files("studies") / "library"


class SpecError(ValueError):
    """A study's description is not allowed; the message says where and why."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemSpec(_Frozen):
    """A problem by the name of its builder in `toymanifold` and the builder's arguments."""

    name: str = "spiral"
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, PROBLEMS, "problem")
        return self


class LearnerSpec(_Frozen):
    """A learner by its name in `estimators.catalog` and its arguments, up to a largest sample."""

    estimator: str
    prior: str | None = None
    params: dict[str, Any] = {}
    max_samples: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.estimator, CATALOG, "estimator")
        if self.prior is not None:
            _check_name(self.prior, PRIORS, "prior")
        return self


class Sizes(_Frozen):
    """Sample sizes evenly spaced in the logarithm, from `start` to `stop`, both included."""

    start: Annotated[int, Field(ge=2)]
    stop: Annotated[int, Field(ge=2)]
    per_decade: Annotated[int, Field(ge=1)] = 2

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop < self.start:
            raise ValueError(f"stop, {self.stop}, lies below start, {self.start}")
        return self

    def values(self) -> list[int]:
        """Return the sizes in increasing order."""
        steps = np.arange(int(np.log10(self.stop / self.start) * self.per_decade + 1e-9) + 1)
        return sorted({*(int(n) for n in np.rint(self.start * 10 ** (steps / self.per_decade))), self.stop})


class Point(_Frozen):
    """One end of a comparison: a learner of the study at a sample size."""

    learner: str
    n_samples: int


class Question(_Frozen):
    """A comparison to report: whether the error of `a` is lower than that of `b`."""

    ask: str
    a: Point
    b: Point


class Quick(_Frozen):
    """How the study shrinks for a first look; what remains is part of the whole."""

    seeds: Annotated[int, Field(ge=1)]
    shrink: Annotated[int, Field(ge=1)]


class Study(_Frozen):
    """Learners x sample sizes x seeds on one problem.

    Parameters
    ----------
    name, question : str
        The study's short name, and what it answers.
    problem : ProblemSpec
    learners : dict of str to LearnerSpec
        By the label under which they are shown.
    sizes : Sizes
    seeds : int
        Seeds 0 to seeds - 1; a seed fixes the sample and the learner's own randomness, so learners are paired by seed.
    gallery : tuple of int
        Sample sizes whose decision regions are drawn.
    questions : tuple of Question
        Comparisons to report.
    quick : Quick
        What ``--quick`` does.
    """

    name: str
    question: str
    problem: ProblemSpec = Field(default_factory=ProblemSpec)
    learners: dict[str, LearnerSpec] = Field(min_length=1)
    sizes: Sizes
    seeds: Annotated[int, Field(ge=1)]
    gallery: tuple[int, ...] = ()
    questions: tuple[Question, ...] = ()
    quick: Quick

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for question in self.questions:
            for point in (question.a, question.b):
                _check_name(point.learner, self.learners, "learner")
        return self

    @classmethod
    def from_toml(cls, path: Path | Any) -> Self:
        """Read a study from a TOML file.

        Raises
        ------
        SpecError
            If the file is no TOML or no study: one line for each thing that is wrong.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise SpecError(f"{path}: {error}") from error
        except ValidationError as error:
            lines = [f"{path}: {'.'.join(map(str, e['loc'])) or 'study'}: {e['msg']}" for e in error.errors()]
            raise SpecError("\n".join(lines)) from error

    def quickened(self) -> Self:
        """Return the part of the study that ``--quick`` runs: fewer seeds, and the largest samples left out."""
        learners = {
            label: learner.model_copy(
                update={"max_samples": (learner.max_samples or self.sizes.stop) // self.quick.shrink}
            )
            for label, learner in self.learners.items()
        }
        return self.model_copy(update={"learners": learners, "seeds": min(self.seeds, self.quick.seeds)})


def built_in() -> dict[str, Study]:
    """Return the built-in studies by name."""
    studies = [Study.from_toml(file) for file in LIBRARY.iterdir() if file.name.endswith(".toml")]
    return {study.name: study for study in sorted(studies, key=lambda study: study.name)}


def _check_name(name: str, allowed: Any, what: str) -> None:
    if name not in allowed:
        raise ValueError(f"no {what} is called {name!r}; there are {', '.join(map(repr, allowed))}")
