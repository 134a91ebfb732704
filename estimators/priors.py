"""Priors as changes of coordinates: knowledge of the problem that a learner has before it sees data.

Any transformer is a prior: a step of a pipeline before a learner, or a layer inside a net if it has ``coordinates``, a
function of arrays of any library. Some priors that have names form a ladder, from no knowledge to all but the labels:
"none", "polar-sincos", "polar", "phase". The others are symmetries, which have three forms beside coordinates.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.polar import from_polar, to_polar
from estimators.worths import PredictedWorth, symmetry_worth
from toymanifold import Screw, Spiral, Symmetry
from toymanifold.symmetries import SYMMETRIES
from toymanifold.validation import check_choice, check_integer, check_scale, error_message


class Prior(TransformerMixin, BaseEstimator, ABC):
    """Base of the priors: a change of coordinates that learns nothing from data.

    A prior of one's own needs `coordinates`; all else is optional.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> class Radius(Prior):
    ...     def coordinates(self, X):
    ...         return (X**2).sum(1)[:, None] ** 0.5
    >>> Radius().fit_transform([[3.0, 4.0]])
    array([[5.]])
    """

    lossy = False
    """True if different points may have equal coordinates."""

    min_features = 1
    """Number of features that points must have at least."""

    keeps_lengths = False
    """True if the coordinates have the scale of the points, so that no scaler follows them before a learner."""

    @abstractmethod
    def coordinates(self, X: Any, **learnt: Any) -> Any:
        """Map an array (n_samples, n_features) of any array library to new coordinates; unchecked.

        Each row is mapped by itself, to (n_samples, n_features_out). Parameters that `learnable` names may be given as
        arrays of the same library; a prior that learns none need not take any.
        """

    def coordinate_names(self) -> list[str]:
        """Return the names of the new coordinates: x0, x1, and so on."""
        return [f"x{k}" for k in range(self._n_features_out)]

    def check_parameters(self) -> None:
        """Raise if a parameter is not allowed; here, all are."""

    def check_features(self, n_features: int) -> None:
        """Raise if points of `n_features` cannot be transformed."""
        if n_features < self.min_features:
            allowed = f"of {self.min_features} features at least"
            raise ValueError(error_message("X", type(self).__name__, allowed, f"n_features = {n_features}"))

    def learnable(self, n_features: int) -> dict[str, NDArray[np.float64]]:  # noqa: ARG002
        """Return the initial values of the parameters that a layer learns, by name; here, none."""
        return {}

    def predicted_worth(
        self,
        problem: Any,  # noqa: ARG002
        learner: BaseEstimator,  # noqa: ARG002
        n_samples: float,  # noqa: ARG002
    ) -> PredictedWorth | None:
        """Return how many times the data the prior is worth to a learner by theory; here None, as there is none.

        Studies report it beside the measured worth.

        Parameters
        ----------
        problem : Problem or DataProblem
        learner : BaseEstimator
            The learner without the prior.
        n_samples : float
            Number of training points of the learner with the prior.

        Returns
        -------
        worth : PredictedWorth or None
        """
        return None

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002
        """Validate the parameters and `X` (n_samples, n_features); nothing is learnt."""
        self.check_parameters()
        points = validate_data(self, X, dtype=FLOATS, ensure_min_features=self.min_features)
        check_scale(points, "X", type(self).__name__)
        self.check_features(points.shape[1])
        self._n_features_out = int(checked_coordinates(self, points[:1]).shape[1])
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the new coordinates of `X` (n_samples, n_features) as (n_samples, n_features_out)."""
        check_is_fitted(self, "n_features_in_")
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        check_scale(points, "X", type(self).__name__, allow_tiny=True)
        new: NDArray[np.floating] = self.coordinates(points)
        return new

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the new coordinates; the names of the input are ignored."""
        check_is_fitted(self, "n_features_in_")
        return np.array(self.coordinate_names(), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class PolarCoordinates(Prior):
    """Radius and hyperspherical angles about the origin.

    Parameters
    ----------
    encoding : {"raw", "sincos"}, default="raw"
        An angle is given as itself, with a cut where it jumps by 2 pi, or as cosine and sine, without a cut. In the raw
        angle a spiral is a straight line but for the cut, in cosine and sine it is not: docs/priors.md compares them.
    center : array-like of shape (n_features,) or None, default=None
        The point from which radius and angles are measured; None is the origin.
    learn_center : bool, default=False
        Whether a net learns the centre, starting from `center`. Only a layer can; `fit` raises if it is True.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> PolarCoordinates().fit_transform([[0.0, 2.0]])
    array([[2.    , 1.5708]])
    """

    min_features = 2

    def __init__(self, encoding: str = "raw", *, center: ArrayLike | None = None, learn_center: bool = False) -> None:
        self.encoding = encoding
        self.center = center
        self.learn_center = learn_center

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Validate the parameters and `X` (n_samples, n_features >= 2); nothing is learnt."""
        if self.learn_center:
            raise ValueError(
                error_message("learn_center", "PolarCoordinates", "False outside a net", self.learn_center)
            )
        self.check_parameters()
        if self.center is not None:
            precision = np.float32 if np.asarray(X).dtype == np.float32 else np.float64
            center = np.asarray(self.center, dtype=np.float64)
            check_scale(center, "center", "PolarCoordinates", dtype=precision, allow_tiny=True)
        return super().fit(X, y)

    def check_features(self, n_features: int) -> None:
        """Raise if there is only one feature, or the centre has another dimension."""
        super().check_features(n_features)
        if self.center is not None and np.shape(self.center) != (n_features,):
            allowed = f"an array of shape ({n_features},)"
            raise ValueError(error_message("center", "PolarCoordinates", allowed, self.center))

    def coordinates(self, X: Any, *, center: Any = None, **_: Any) -> Any:
        """Map an array (n_samples, d) of any array library to polar coordinates about `center`; unchecked."""
        if center is None and self.center is None:
            return to_polar(X, encoding=self.encoding)
        if center is None:
            center = array_namespace(X).asarray(np.asarray(self.center), dtype=X.dtype, device=device(X))
        return to_polar(X - center, encoding=self.encoding)

    def learnable(self, n_features: int) -> dict[str, NDArray[np.float64]]:
        """Return the initial centre, if `learn_center`."""
        if not self.learn_center:
            return {}
        return {"center": np.zeros(n_features) if self.center is None else np.asarray(self.center, dtype=np.float64)}

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the Cartesian points (n_samples, d) of polar coordinates (n_samples, n_features_out)."""
        check_is_fitted(self, "n_features_in_")
        polar = np.asarray(X)
        if polar.ndim != 2 or polar.shape[1] != len(self.coordinate_names()):
            allowed = f"an array of shape (n_samples, {len(self.coordinate_names())})"
            raise ValueError(error_message("X", "PolarCoordinates.inverse_transform", allowed, f"shape {polar.shape}"))
        points: NDArray[np.floating] = from_polar(polar, encoding=self.encoding)
        return points if self.center is None else points + np.asarray(self.center, dtype=points.dtype)

    def check_parameters(self) -> None:
        """Raise if the encoding is unknown, or the centre is not finite."""
        check_choice(self.encoding, "encoding", "PolarCoordinates", ("raw", "sincos"))
        if self.center is not None and not np.isfinite(np.asarray(self.center, dtype=float)).all():
            raise ValueError(error_message("center", "PolarCoordinates", "None or a finite array", self.center))

    def coordinate_names(self) -> list[str]:
        """Return r and the angles, or their cosines and sines."""
        angles = [f"theta{k}" for k in range(1, self.n_features_in_)]
        if self.encoding == "sincos":
            angles = [f"cos({angle})" for angle in angles] + [f"sin({angle})" for angle in angles]
        return ["r", *angles]


class SpiralPhase(Prior):
    """The spiral's own phase: the one coordinate in which inside/outside is an interval.

    It is the coordinate of a learner that knows everything but the labels. See `toymanifold.Spiral.phase`.

    Parameters
    ----------
    turns, fill, tip, radius : float
        Of the spiral, which lies in the plane of the first two features; other features are ignored.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(500, random_state=0)
    >>> bool(((SpiralPhase().fit_transform(X).ravel() <= 0.5) == y).all())
    True
    """

    lossy = True
    min_features = 2

    def __init__(self, turns: float = 4.0, fill: float = 0.5, tip: float = math.pi / 2, radius: float = 1.0) -> None:
        self.turns = turns
        self.fill = fill
        self.tip = tip
        self.radius = radius

    def coordinates(self, X: Any, **_: Any) -> Any:
        """Map an array (n_samples, d >= 2) of any array library to the phase (n_samples, 1); unchecked."""
        return self._spiral().phase(X)[:, None]

    def _spiral(self) -> Spiral:
        return Spiral(turns=self.turns, fill=self.fill, tip=self.tip, radius=self.radius)

    def check_parameters(self) -> None:
        """Raise if there is no such spiral."""
        self._spiral()

    def coordinate_names(self) -> list[str]:
        """Return the name of the phase."""
        return ["phase"]


FORMS = ("coordinates", "augmentation", "kernel", "outputs")
"""The ways in which a learner has a symmetry."""

_ONLY_COORDINATES = "'coordinates' for a transformer; make_learner and with_prior take the others"


class Invariance(Prior):
    """The prior that labels do not change under a symmetry, in one of four forms.

    `make_learner` and `with_prior` take all of them. As a transformer and as a layer of a net there is only the first.

    Parameters
    ----------
    symmetry : Symmetry
        Group of the points.
    form : {"coordinates", "augmentation", "kernel", "outputs"}, default="coordinates"
        The learner sees the coordinates of the quotient; it is fitted to `copies` images of each point (`Augmented`);
        its kernel is averaged over the images (`KernelRegressor`, `KernelClassifier`); or it is fitted without the
        symmetry, and its predictions are averaged over the images (`Symmetrized`).
    copies : int, default=30
        Number of images, for all forms but the first. A finite group of at most so many elements has all of them.
    random_state : int, RandomState or None, default=None
        Of random images; those of a kernel are drawn by the machine's own.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from estimators import Invariance, make_learner
    >>> from toymanifold import SignFlips
    >>> Invariance(SignFlips(2)).fit_transform([[3.0, -4.0]])
    array([[3., 4.]])
    >>> knn = make_learner("knn", n_neighbors=1, prior=Invariance(SignFlips(2), "augmentation"))
    >>> knn.fit([[3.0, 4.0], [9.0, 9.0]], [0, 1]).predict([[-3.0, -3.0]])
    array([0])
    """

    lossy = True
    keeps_lengths = True

    def __init__(
        self, symmetry: Symmetry, form: str = "coordinates", *, copies: int = 30, random_state: Any = None
    ) -> None:
        self.symmetry = symmetry
        self.form = form
        self.copies = copies
        self.random_state = random_state

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least."""
        return self.symmetry.min_features

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Validate the parameters and `X` (n_samples, n_features); nothing is learnt."""
        self.check_parameters()
        if self.form != "coordinates":
            raise ValueError(error_message("form", "Invariance", _ONLY_COORDINATES, self.form))
        return super().fit(X, y)

    def coordinates(self, X: Any, **_: Any) -> Any:
        """Map an array (n_samples, n_features) of any array library to invariants of the symmetry; unchecked."""
        return self.symmetry.coordinates(X)

    def predicted_worth(self, problem: Any, learner: BaseEstimator, n_samples: float) -> PredictedWorth | None:
        """Return what the symmetry is worth to a learner by theory, or None; see `Prior.predicted_worth`.

        Theory is about a `Problem` whose labels and density the symmetry keeps, of maps that keep distances. To the
        nearest neighbour k maps that leave no point of a sphere where it is are worth k times the data, if images of a
        point are further apart than neighbours, and any others at most so much. To a kernel machine without noise they
        are worth at most k times, and to least squares its risk is known.
        """
        return symmetry_worth(learner, self.symmetry, self.form, self.copies, problem, n_samples)

    def check_parameters(self) -> None:
        """Raise if a parameter is not allowed, or the symmetry does not have the coordinates of the form."""
        if not isinstance(self.symmetry, Symmetry):
            raise TypeError(error_message("symmetry", "Invariance", "a toymanifold.Symmetry", self.symmetry))
        check_choice(self.form, "form", "Invariance", FORMS)
        check_integer(self.copies, "copies", "Invariance", low=1)
        if self.form == "coordinates" and not self.symmetry.has_coordinates:
            allowed = f"another than 'coordinates', which {type(self.symmetry).__name__} does not have"
            raise ValueError(error_message("form", "Invariance", allowed, self.form))


NO_PRIOR = "none"
"""The name of no prior, for which None stands as well."""

NAMED_SYMMETRIES: dict[str, type[Symmetry]] = {**SYMMETRIES, "screw": Screw}
"""The symmetries that are priors by name."""

PRIORS: dict[str, Prior] = {
    "polar-sincos": PolarCoordinates(encoding="sincos"),
    "polar": PolarCoordinates(),
    "phase": SpiralPhase(),
    **{name: Invariance(symmetry()) for name, symmetry in NAMED_SYMMETRIES.items()},
}
"""The priors by name: the ladder from the least knowledge to the most, and symmetries."""

KNOWLEDGE: dict[str, tuple[str, str]] = {
    "polar-sincos": ("There is a centre.", "labels that depend on the distance from it, or on the direction"),
    "polar": (
        "There is a centre, and going round it is one direction.",
        "spirals, and labels that depend on the distance or the direction",
    ),
    "phase": ("How far into the band of the spiral a point is: all but the labels.", "the spiral"),
    "antipodal": ("x and -x have one label.", "even functions, such as quadratic forms"),
    "sign-flips": ("The signs of k coordinates do not matter.", "functions of their absolute values"),
    "cyclic-turns": ("Turns of planes by 1/k of a full one do not matter.", "figures of k equal parts"),
    "joint-turns": (
        "Turns of planes by any common angle do not matter.",
        "functions of points of complex spaces, up to a phase",
    ),
    "cyclic-shifts": ("The place at which k coordinates begin does not matter.", "periodic signals"),
    "rotations": ("Of k coordinates only the norm matters.", "functions of a distance"),
    "screw": ("Moving along the arms of a spiral does not matter.", "a spiral of the same pitch"),
}
"""The knowledge of a learner with each of `PRIORS`, and the problems for which it holds."""


def as_prior(prior: Any, owner: str) -> Any:
    """Return an unfitted prior that is a transformer.

    Parameters
    ----------
    prior : str, transformer, Symmetry or None
        A name is "none" or one of `PRIORS`. A transformer is an object with the methods ``fit`` and ``transform``. A
        symmetry is an `Invariance` of the form "coordinates".
    owner : str
        For the error message.

    Returns
    -------
    prior : transformer or None
        None for "none" and None.

    Raises
    ------
    ValueError
        If `prior` is none of these, its parameters are not allowed, or it is an `Invariance` of another form.

    Examples
    --------
    >>> as_prior("polar", "f")
    PolarCoordinates()
    """
    found = as_any_prior(prior, owner)
    if isinstance(found, Invariance) and found.form != "coordinates":
        raise ValueError(error_message("prior", owner, f"of the form {_ONLY_COORDINATES}", prior))
    return found


def as_any_prior(prior: Any, owner: str) -> Any:
    """Return an unfitted prior as `as_prior` does, but also an `Invariance` of any form."""
    if prior is None or (isinstance(prior, str) and prior == NO_PRIOR):
        return None
    if isinstance(prior, str) and prior in PRIORS:
        return clone(PRIORS[prior])
    if isinstance(prior, Symmetry):
        prior = Invariance(prior)
    if isinstance(prior, type) or not (hasattr(prior, "fit") and hasattr(prior, "transform")):
        names = ", ".join(map(repr, (NO_PRIOR, *PRIORS)))
        raise ValueError(error_message("prior", owner, f"None, a transformer, a Symmetry or one of {names}", prior))
    if isinstance(prior, Prior):
        prior.check_parameters()
    return clone(prior, safe=False)  # a transformer without get_params is copied


def invariance_builder(symmetry: Callable[..., Symmetry]) -> Callable[..., Invariance]:
    """Return a function of the parameters of a symmetry and of an `Invariance` that returns the `Invariance`.

    Parameters
    ----------
    symmetry : type of Symmetry
        A class, or a function that returns a symmetry.

    Returns
    -------
    build : callable
        With the signature of both, without `symmetry`.

    Examples
    --------
    >>> from toymanifold import CyclicTurns
    >>> invariance_builder(CyclicTurns)(order=4, form="augmentation")
    Invariance(form='augmentation', symmetry=CyclicTurns(order=4, n_coordinates=2))
    """
    own = inspect.signature(symmetry).parameters
    of_prior = {key: value for key, value in inspect.signature(Invariance).parameters.items() if key != "symmetry"}

    def build(**params: Any) -> Invariance:
        of_symmetry = {key: params.pop(key) for key in list(params) if key in own}
        return Invariance(symmetry(**of_symmetry), **params)

    keywords = {**own, **of_prior}.values()
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in keywords]
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return build


def is_layer(prior: Any) -> bool:
    """Return True if a prior can be a layer of a net: it has ``coordinates`` for arrays of any library."""
    return hasattr(prior, "coordinates")


def checked_coordinates(prior: Any, X: Any) -> Any:
    """Return the coordinates of points (n_samples, n_features), or raise if they are not a table of as many rows."""
    new = prior.coordinates(X)
    allowed = f"{type(prior).__name__}.coordinates must return an array of shape ({len(X)}, n_features_out)"
    if not hasattr(new, "shape"):
        raise TypeError(f"{allowed} for {len(X)} rows. Got a {type(new).__name__} instead.")
    if np.ndim(new) != 2 or len(new) != len(X) or new.shape[1] == 0:
        raise ValueError(f"{allowed} for {len(X)} rows. Got shape {tuple(new.shape)} instead.")
    return new
