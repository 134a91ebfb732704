"""A scene: one problem in the plane, one learner, and what came of it, to look at.

A question is plain data within limits. Its answer is that of a study's cell, fitted and measured as any other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from studies.execution.run import MAP_MARGIN, run_cell
from studies.registry.errors import Issue, SpecError, format_issues, issues_of, raise_issues
from studies.registry.learners import find
from studies.registry.params import canonical_params
from studies.registry.problems import PROBLEMS
from studies.registry.test_sets import map_points
from studies.spec.cells import Cell
from studies.spec.sections import Part
from studies.web.gallery import MOST_POINTS, background_image, points_path, region_image

MOST_VISITS = 640_000
"""Of a net to training points, which is their number times the epochs."""

_METRICS = ("fit_seconds", "accuracy", "accuracy_uniform", "accuracy_train")


@dataclass(frozen=True)
class LearnerOption:
    """A learner that may be asked for.

    Parameters
    ----------
    title : str
    estimator : str
        Of the catalogue.
    most : int
        Training points: so many that a scene takes two seconds at most, on one core.
    controls : tuple of str
        Its parameters that are those of a `Question`.
    params : dict
        Its other parameters.
    """

    title: str
    estimator: str
    most: int
    controls: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)


LEARNER_OPTIONS = {
    "knn": LearnerOption("k nearest neighbours", "knn-1", 100_000, ("n_neighbors",)),
    "net": LearnerOption(
        "net, 3 hidden layers", "net", 3_200, ("epochs", "width"), {"batch_size": 128, "learning_rate": 0.003}
    ),
    "kernel": LearnerOption("kernel machine", "kernel", 2_000),
    "svm": LearnerOption("SVM, tuned", "svm-tuned", 1_000),
    "forest": LearnerOption("forest", "forest", 10_000),
}
"""The learners that may be asked for, by name."""


class SceneError(RuntimeError):
    """The learner has failed; the message says how."""


class Question(Part):
    """What is to be seen. Only the parameters of its own learner count."""

    turns: Annotated[float, Field(ge=1, le=8)] = 4.0
    """Of the spiral."""

    flip_probability: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Label noise: the chance that a training label is the wrong one."""

    n_samples: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """Training points."""

    seed: Annotated[int, Field(ge=0, le=999_999)] = 0
    """Of the training points and of the learner."""

    learner: Literal["knn", "net", "kernel", "svm", "forest"] = "knn"
    """A name of `LEARNER_OPTIONS`."""

    prior: Literal["none", "polar-sincos", "polar", "phase"] = "none"
    """What the learner is told of the problem."""

    n_neighbors: Annotated[int, Field(ge=1, le=11)] = 1
    """Who vote, of the nearest neighbours."""

    epochs: Annotated[int, Field(ge=10, le=500)] = 200
    """Passes of the net over the training points."""

    width: Annotated[int, Field(ge=4, le=64)] = 64
    """Units in each hidden layer of the net."""

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        raise_issues(_too_much(self))
        return self

    @classmethod
    def read(cls, told: Mapping[str, str]) -> Self:
        """Return the question of a query string.

        Raises
        ------
        SpecError
            If it is none: one line for each thing that is wrong.
        """
        try:
            return cls.model_validate(dict(told))
        except ValidationError as error:
            raise SpecError(format_issues(issues_of(error, cls), "not shown")) from error

    @property
    def cell(self) -> Cell:
        """The cell of a study whose outcome is the answer."""
        option = LEARNER_OPTIONS[self.learner]
        params = {**option.params, **{name: getattr(self, name) for name in option.controls}}
        return Cell(
            "spiral",
            canonical_params(PROBLEMS["spiral"], {"turns": self.turns, "flip_probability": self.flip_probability}),
            option.estimator,
            None if self.prior == "none" else self.prior,
            canonical_params(find(option.estimator, "classification"), params),
            self.n_samples,
            self.seed,
            _METRICS,
        )


def _too_much(question: Question) -> Iterator[Issue]:
    """Yield what would take too long to be waited for."""
    option, n = LEARNER_OPTIONS[question.learner], question.n_samples
    if n > option.most:
        yield Issue(("n_samples",), f"must be {option.most:,} at most for the learner {question.learner!r}", n)
    elif question.learner == "net" and n * question.epochs > MOST_VISITS:
        yield Issue(("epochs",), f"must be {MOST_VISITS // n:,} at most with {n:,} training points", question.epochs)


@dataclass(frozen=True)
class Scene:
    """What came of a question.

    Attributes
    ----------
    error, error_uniform : float
        Share of wrong answers at fresh points: under the sampling density, and uniformly over the square.
    error_train : float
        Share of the training labels, noise and all, that the learner does not give back.
    fit_seconds : float
    background, region : str
        The density with the true boundary, and where the learner says inside, each the data URI of a PNG.
    points, flipped : str
        The training points of true and of wrong label, as paths of an SVG of ``studies.points.MAP_SIZE`` units.
    n_shown : int
        How many of the training points are in these paths: the first.
    """

    error: float
    error_uniform: float
    error_train: float
    fit_seconds: float
    background: str
    region: str
    points: str
    flipped: str
    n_shown: int


def look(question: Question) -> Scene:
    """Return the answer to a question: fit, measure and draw.

    Raises
    ------
    SceneError
        If the learner fails.
    """
    cell = question.cell
    outcome = run_cell(cell)
    if outcome.status != "ok" or outcome.decision_map is None:
        raise SceneError(outcome.error)
    problem = cell.build_problem()
    half_width = MAP_MARGIN * problem.target.radius
    inside = outcome.decision_map
    truth = problem.label(map_points(half_width)).reshape(inside.shape) == 1
    X, y = problem.sample(min(cell.n_samples, MOST_POINTS), cell.seed)
    flipped = y != problem.label(X)
    return Scene(
        error=1 - outcome.values["accuracy"],
        error_uniform=1 - outcome.values["accuracy_uniform"],
        error_train=1 - outcome.values["accuracy_train"],
        fit_seconds=outcome.values["fit_seconds"],
        background=background_image(problem, half_width),
        region=region_image(inside, truth),
        points=points_path(X[~flipped], half_width),
        flipped=points_path(X[flipped], half_width),
        n_shown=len(X),
    )
