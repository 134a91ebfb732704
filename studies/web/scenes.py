"""A scene: one problem in the plane, one learner, and its decision region with errors.

A request is plain data within limits. The scene shows the outcome of a study's cell, fitted and measured as any other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from studies.execution.run import MAP_MARGIN, run_cell
from studies.registry.errors import Issue, SpecError, format_issues, issues_of, raise_issues
from studies.registry.learners import find
from studies.registry.params import canonical_params
from studies.registry.problems import PROBLEMS, labelled_sample
from studies.registry.test_sets import map_points
from studies.spec.cells import Cell
from studies.spec.sections import Part
from studies.web.gallery import MOST_POINTS, background_image, points_path, region_image
from toymanifold import spiral_problem

MOST_VISITS = 504_000
"""Largest number of training points times epochs of a net."""

_METRICS = ("fit_seconds", "accuracy", "accuracy_uniform", "accuracy_train")


@dataclass(frozen=True)
class LearnerOption:
    """A learner that may be requested.

    Parameters
    ----------
    title : str
    estimator : str
        Name in the catalogue.
    most : int
        Largest number of training points, with which a scene takes two to three seconds of a busy core.
    controls : tuple of str
        Parameters of the estimator that a `SceneRequest` has.
    params : dict
        Other parameters of the estimator.
    """

    title: str
    estimator: str
    most: int
    controls: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)


LEARNER_OPTIONS = {
    "knn": LearnerOption("k nearest neighbours", "knn-1", 100_000, ("n_neighbors",)),
    "net": LearnerOption(
        "net, 3 hidden layers", "net", 2_520, ("epochs", "width"), {"batch_size": 128, "learning_rate": 0.003}
    ),
    "kernel": LearnerOption("kernel machine", "kernel", 2_000),
    "svm": LearnerOption("SVM, tuned", "svm-tuned", 510),
    "forest": LearnerOption("forest", "forest", 4_000),
}
"""The learners that may be requested, by name."""


class SceneError(RuntimeError):
    """The learner has failed; the message is its error."""


class SceneRequest(Part):
    """The parameters of a scene. Those of other learners than its own are ignored."""

    turns: Annotated[float, Field(ge=1, le=8)] = 4.0
    """Turns of the spiral."""

    flip_probability: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Label noise: the chance that a training label is the wrong one."""

    n_samples: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """Training points."""

    seed: Annotated[int, Field(ge=0, le=999_999)] = 0
    """Seed of the training points and of the learner."""

    learner: Literal["knn", "net", "kernel", "svm", "forest"] = "knn"
    """A name of `LEARNER_OPTIONS`."""

    prior: Literal["none", "polar-sincos", "polar", "phase"] = "none"
    """The prior of the learner."""

    n_neighbors: Annotated[int, Field(ge=1, le=11)] = 1
    """Number of nearest neighbours that vote."""

    epochs: Annotated[int, Field(ge=10, le=500)] = 200
    """Passes of the net over the training points."""

    width: Annotated[int, Field(ge=4, le=64)] = 64
    """Units in each hidden layer of the net."""

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        raise_issues(_too_much(self))
        return self

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Return the request of a query string.

        Raises
        ------
        SpecError
            If a parameter is unknown or not allowed: one line for each.
        """
        try:
            return cls.model_validate(dict(query))
        except ValidationError as error:
            raise SpecError(format_issues(issues_of(error, cls), "not shown")) from error

    @property
    def cell(self) -> Cell:
        """The cell of a study whose outcome is shown."""
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


def _too_much(request: SceneRequest) -> Iterator[Issue]:
    """Yield an issue for a number that would take too long to compute."""
    option, n = LEARNER_OPTIONS[request.learner], request.n_samples
    if n > option.most:
        yield Issue(("n_samples",), f"must be {option.most:,} at most for the learner {request.learner!r}", n)
    elif request.learner == "net" and n * request.epochs > MOST_VISITS:
        yield Issue(("epochs",), f"must be {MOST_VISITS // n:,} at most with {n:,} training points", request.epochs)


@dataclass(frozen=True)
class Scene:
    """The outcome of a request.

    Attributes
    ----------
    error, error_uniform : float
        Share of wrong predictions at fresh points: under the sampling density, and uniformly over the square.
    error_train : float
        Share of wrong predictions of the training labels, noise included.
    fit_seconds : float
    background, region : str
        The density with the true boundary, and the predictions, each the data URI of a PNG.
    points, flipped : str
        The training points of true and of wrong label, as paths of an SVG of ``studies.registry.test_sets.MAP_SIZE``
        units.
    n_shown : int
        Number of training points in these paths: the first.
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


def look(request: SceneRequest) -> Scene:
    """Return the scene of a request: fit, measure and draw.

    Raises
    ------
    SceneError
        If the learner fails.
    """
    cell = request.cell
    outcome = run_cell(cell)
    if outcome.status != "ok" or outcome.decision_map is None:
        raise SceneError(outcome.error)
    problem = spiral_problem(**cell.problem_params)
    half_width = MAP_MARGIN * problem.target.radius
    inside = outcome.decision_map
    truth = problem.label(map_points(half_width)).reshape(inside.shape) == 1
    X, y = labelled_sample(problem, min(cell.n_samples, MOST_POINTS), cell.seed)
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
