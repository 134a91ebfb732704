"""Priors as changes of coordinates: knowledge of the problem that a learner has before it sees data.

A prior is a stateless transformer: a step of a pipeline before a scikit-learn learner, or a layer inside a net. Both
call `Prior.coordinates`, one function of arrays. The priors form a ladder, from no knowledge to all but the labels:
"none", "polar-sincos", "polar", "phase".
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.polar import from_polar, to_polar
from toymanifold import Spiral
from toymanifold.validation import check_choice, check_scale, error_message

_FLOATS = (np.float64, np.float32)


class Prior(TransformerMixin, BaseEstimator, ABC):
    """Base of the priors: a change of coordinates that learns nothing from data.

    Examples
    --------
    >>> class Radius(Prior):
    ...     def coordinates(self, X, **learnt):
    ...         return (X**2).sum(1)[:, None] ** 0.5
    ...
    ...     def _names(self):
    ...         return ["r"]
    ...
    ...     def _check_parameters(self):
    ...         pass
    >>> Radius().fit_transform([[3.0, 4.0]])
    array([[5.]])
    """

    lossy = False
    """True if different points may have equal coordinates."""

    @abstractmethod
    def coordinates(self, X: Any, **learnt: Any) -> Any:
        """Map an array (n_samples, n_features) of any array library to new coordinates; unchecked.

        Parameters that `learnable` names may be given as arrays of the same library.
        """

    def learnable(self, n_features: int) -> dict[str, NDArray[np.float64]]:  # noqa: ARG002
        """Return the initial values of the parameters that a layer learns, by name."""
        return {}

    @abstractmethod
    def _names(self) -> list[str]:
        """Return the names of the new coordinates."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise if a parameter is not allowed."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002
        """Validate the parameters and `X` (n_samples, n_features >= 2); nothing is learnt."""
        self._check_parameters()
        points = validate_data(self, X, dtype=_FLOATS, ensure_min_features=2)
        check_scale(points, "X", type(self).__name__)
        self.check_features(points.shape[1])
        return self

    def check_features(self, n_features: int) -> None:
        """Raise if points of `n_features` cannot be transformed."""
        if n_features < 2:
            raise ValueError(
                error_message("X", type(self).__name__, "of 2 features at least", f"n_features = {n_features}")
            )

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the new coordinates of `X` (n_samples, n_features) as (n_samples, n_features_out)."""
        check_is_fitted(self, "n_features_in_")
        points = validate_data(self, X, dtype=_FLOATS, reset=False)
        check_scale(points, "X", type(self).__name__, allow_tiny=True)
        new: NDArray[np.floating] = self.coordinates(points)
        return new

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the new coordinates; the names of the input are ignored."""
        check_is_fitted(self, "n_features_in_")
        return np.array(self._names(), dtype=object)

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
        super().fit(X, y)
        if self.center is not None:
            precision = np.result_type(np.asarray(X), np.float32)
            center = np.asarray(self.center, dtype=np.float64)
            check_scale(center, "center", "PolarCoordinates", dtype=precision, allow_tiny=True)
        return self

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
        if polar.ndim != 2 or polar.shape[1] != len(self._names()):
            allowed = f"an array of shape (n_samples, {len(self._names())})"
            raise ValueError(error_message("X", "PolarCoordinates.inverse_transform", allowed, f"shape {polar.shape}"))
        points: NDArray[np.floating] = from_polar(polar, encoding=self.encoding)
        return points if self.center is None else points + np.asarray(self.center, dtype=points.dtype)

    def _check_parameters(self) -> None:
        check_choice(self.encoding, "encoding", "PolarCoordinates", ("raw", "sincos"))
        if self.center is not None and not np.isfinite(np.asarray(self.center, dtype=float)).all():
            raise ValueError(error_message("center", "PolarCoordinates", "None or a finite array", self.center))

    def _names(self) -> list[str]:
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

    def _check_parameters(self) -> None:
        self._spiral()

    def _names(self) -> list[str]:
        return ["phase"]


NO_PRIOR = "none"
"""The name of no prior, for which None stands as well."""

PRIORS: dict[str, Prior] = {
    "polar-sincos": PolarCoordinates(encoding="sincos"),
    "polar": PolarCoordinates(),
    "phase": SpiralPhase(),
}
"""The priors by name, from the least knowledge to the most."""


def as_prior(prior: Any, owner: str) -> Prior | None:
    """Return an unfitted prior.

    Parameters
    ----------
    prior : {"none", "polar-sincos", "polar", "phase"}, Prior or None
    owner : str
        For the error message.

    Returns
    -------
    prior : Prior or None
        None for "none" and None.

    Raises
    ------
    ValueError
        If `prior` is none of these, or its parameters are not allowed.

    Examples
    --------
    >>> as_prior("polar", "f")
    PolarCoordinates()
    """
    if prior is None or (isinstance(prior, str) and prior == NO_PRIOR):
        return None
    if isinstance(prior, str) and prior in PRIORS:
        return clone(PRIORS[prior])
    if isinstance(prior, Prior):
        prior._check_parameters()
        return clone(prior)
    names = ", ".join(map(repr, (NO_PRIOR, *PRIORS)))
    raise ValueError(error_message("prior", owner, f"None, a Prior or one of {names}", prior))
