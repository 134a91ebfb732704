"""Random features, and ridge regression on them down to the ridgeless interpolant."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import FLOATS, LabelTargets, Machine, ValueTargets, check_bandwidths, check_weight
from toymanifold.streams import as_seed
from toymanifold.validation import check_choice, check_integer, check_real, check_scale

Floats = NDArray[np.floating]

KINDS = ("fourier", "relu")

_LOST = 1e-12  # of the trace: four digits above the rounding of a Gram matrix


class RandomFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Random features whose inner products are a kernel on average.

    With N features and bandwidth h, "fourier" gives :math:`\sqrt{2/N} \cos(w_j \cdot x / h + b_j)`, w_j standard
    normal and b_j uniform on a circle, for the Gaussian kernel :math:`\exp(-\|x - x'\|^2 / (2 h^2))`. "relu" gives
    :math:`\sqrt{2/N} \max(w_j \cdot x / h, 0)`, w_j uniform on the sphere of radius :math:`\sqrt{d}`, for the
    arc-cosine kernel of order 1 between x/h and x'/h.

    They are nested: for one int seed, the first m of N features are the features of N = m, up to the factor
    :math:`\sqrt{2/N}`.

    Parameters
    ----------
    n_features : int, default=100
        N.
    kind : {"fourier", "relu"}, default="fourier"
        "relu" has no bias, so that every function of it is linear along each ray; unless the points are on a sphere,
        append a constant coordinate first, as ``PolynomialFeatures(1)`` does.
    bandwidth : float or None, default=None
        Length h by which points are divided. None is sqrt(d / 2), which for standardised coordinates is the default of
        the Gaussian kernel in scikit-learn.
    random_state : int, RandomState, Generator or None, default=None
        Of weights and phases.

    Attributes
    ----------
    weights_ : ndarray of shape (n_features, n_inputs)
        w, in rows.
    phases_ : ndarray of shape (n_features,)
        b; of "fourier" only.
    bandwidth_ : float
        h.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    References
    ----------
    Rahimi and Recht, Random features for large-scale kernel machines, NIPS 2007. Cho and Saul, Kernel methods for deep
    learning, NIPS 2009. Mei and Montanari, The generalization error of random features regression, 2019,
    arXiv:1908.05355.

    Examples
    --------
    >>> Z = RandomFeatures(100_000, random_state=0).fit_transform([[0.0, 0.0], [1.0, 1.0]])
    >>> (Z @ Z.T).round(2)  # exp(-1) = 0.37 off the diagonal
    array([[1.  , 0.37],
           [0.37, 1.  ]])
    """

    def __init__(
        self, n_features: int = 100, kind: str = "fourier", *, bandwidth: float | None = None, random_state: Any = None
    ) -> None:
        self.n_features = n_features
        self.kind = kind
        self.bandwidth = bandwidth
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002
        """Draw the features; of `X` (n_samples, n_features_in) only the number of columns is used."""
        self._check_parameters()
        points = validate_data(self, X, dtype=FLOATS)
        check_scale(points, "X", "RandomFeatures")
        dimension = points.shape[1]
        self.bandwidth_ = math.sqrt(dimension / 2) if self.bandwidth is None else self.bandwidth
        weights, phases = np.random.default_rng(as_seed(self.random_state, "RandomFeatures")).spawn(2)
        self.weights_ = weights.standard_normal((self.n_features, dimension))
        if self.kind == "relu":
            self.weights_ *= math.sqrt(dimension) / np.linalg.norm(self.weights_, axis=1, keepdims=True)
        else:
            self.phases_ = phases.uniform(0, 2 * math.pi, self.n_features)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the features of `X` (n_samples, n_features_in) as (n_samples, n_features)."""
        check_is_fitted(self)
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # all of which the check raises for
            check_bandwidths(points / points.dtype.type(self.bandwidth_), "RandomFeatures")
        features = self._arguments(points)
        if self.kind == "relu":
            np.maximum(features, 0, out=features)
        else:
            np.cos(features, out=features)
        features *= math.sqrt(2 / len(self.weights_))
        return features

    def _gradients(self, points: Floats, coef: Floats) -> Floats:
        """Return the gradients (n_samples, n_features_in, n_functions) of the functions features(X) coef."""
        arguments = self._arguments(points)
        slopes = (arguments > 0) * 1.0 if self.kind == "relu" else -np.sin(arguments)
        slopes *= math.sqrt(2 / len(self.weights_))
        weights = self.weights_ / self.bandwidth_
        return np.stack([(slopes * column) @ weights for column in coef.T], axis=2)

    def _arguments(self, points: Floats) -> Floats:
        """Return the arguments (n_samples, n_features) of the maximum or the cosine."""
        arguments: Floats = points @ (self.weights_.T / self.bandwidth_).astype(points.dtype)
        if self.kind == "fourier":
            arguments += self.phases_.astype(arguments.dtype)
        return arguments

    @property
    def _n_features_out(self) -> int:
        return len(self.weights_)

    def _check_parameters(self) -> None:
        owner = "RandomFeatures"
        check_integer(self.n_features, "n_features", owner, low=1)
        check_choice(self.kind, "kind", owner, KINDS)
        if self.bandwidth is not None:
            check_real(self.bandwidth, "bandwidth", owner, low=0, closed="()")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def ridge_coefficients(Z: Floats, Y: Floats, ridge: float) -> Floats:
    r"""Return the C that minimises :math:`\|Z C - Y\|^2 + \lambda \|C\|^2`, or its limit at 0.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    Y : ndarray of shape (n_samples, n_outputs)
    ridge : float
        lambda. The smaller of the two Gram matrices is factorised. At 0, and below 1e-12 of their trace, where the
        ridge would be lost in rounding, the singular values of Z are used instead, of which those below
        max(Z.shape) * eps of the largest count as 0. At 0 this is the pseudo-inverse: C has the smallest norm of all
        solutions.

    Returns
    -------
    C : ndarray of shape (n_features, n_outputs)

    Examples
    --------
    >>> ridge_coefficients(np.array([[1.0, 1.0]]), np.array([[1.0]]), ridge=0)
    array([[0.5],
           [0.5]])
    """
    n_samples, n_features = Z.shape
    if ridge < _LOST * np.vdot(Z, Z) or ridge == 0:
        return _by_singular_values(Z, Y, ridge)
    if n_features <= n_samples:
        return _by_cholesky(Z.T @ Z, Z.T @ Y, ridge)
    return Z.T @ _by_cholesky(Z @ Z.T, Y, ridge)


def _by_singular_values(Z: Floats, Y: Floats, ridge: float) -> Floats:
    U, s, Vt = linalg.svd(Z, full_matrices=False)
    kept = s > max(Z.shape) * np.finfo(Z.dtype).eps * s[0]
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    C: Floats = Vt.T @ (s / (s**2 + ridge) * (Y.T @ U)).T
    return C


def _by_cholesky(gram: Floats, Y: Floats, ridge: float) -> Floats:
    gram.flat[:: len(gram) + 1] += ridge
    C: Floats = linalg.cho_solve(linalg.cho_factor(gram, overwrite_a=True), Y)
    return C


class _RandomFeaturesModel(Machine):
    """Ridge regression on random features, in float64, as coefficients of smooth features are too large for float32.

    Predictions have the dtype of `X`.
    """

    def __init__(
        self,
        n_features: int = 100,
        kind: str = "fourier",
        *,
        bandwidth: float | None = None,
        ridge: float = 1e-3,
        random_state: Any = None,
    ) -> None:
        self.n_features = n_features
        self.kind = kind
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Draw the features and solve for their coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Real values; or (n_samples,) labels of at least two classes, of any type.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Of each squared error; non-negative.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        owner = type(self).__name__
        ridge = check_real(self.ridge, "ridge", owner, low=0, closed="[)")
        points, targets = self._data(X, y)
        features = RandomFeatures(self.n_features, self.kind, bandwidth=self.bandwidth, random_state=self.random_state)
        self.features_ = features.set_output(transform="default")
        Z, Y = self.features_.fit_transform(points.astype(np.float64)), targets.astype(np.float64)
        weight = check_weight(sample_weight, Z, owner)
        if weight is not None:
            root = np.sqrt(weight)[:, None]
            Z, Y = root * Z, root * Y
        self.coef_ = self._unit * ridge_coefficients(Z, Y, ridge)
        return self

    def gradients(self, X: ArrayLike) -> Floats:
        """Return the gradient of each function at each point, in closed form and in float64.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features_in, n_targets)
            As `estimators.agop` takes them.
        """
        check_is_fitted(self, "coef_")
        points = validate_data(self, X, dtype=np.float64, reset=False)
        return self.features_._gradients(points, self.coef_)

    def _values(self, X: ArrayLike) -> Floats:
        check_is_fitted(self, "coef_")
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        values: Floats = self.features_.transform(points.astype(np.float64)) @ self.coef_
        return values.astype(points.dtype)


class RandomFeaturesRegressor(ValueTargets, _RandomFeaturesModel):
    """Ridge regression on random features, without intercept; with ``ridge=0`` the interpolant of minimum norm.

    As the number of features grows, it approaches kernel ridge regression with the same ``ridge``.

    Parameters
    ----------
    n_features, kind, bandwidth, random_state
        As for `RandomFeatures`.
    ridge : float, default=1e-3
        Penalty on the squared norm of the coefficients; 0 is their pseudo-inverse solution (`ridge_coefficients`).

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_targets)
    features_ : RandomFeatures
        Fitted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> X, y = [[-1.0], [0.0], [1.0]], [1.0, 0.0, 1.0]
    >>> RandomFeaturesRegressor(ridge=0, random_state=0).fit(X, y).predict(X).round(6) + 0.0
    array([1., 0., 1.])
    """


class RandomFeaturesClassifier(LabelTargets, _RandomFeaturesModel):
    """Ridge regression of labels on random features: +-1 for two classes, one-hot for more; the largest value decides.

    Parameters
    ----------
    n_features, kind, bandwidth, ridge, random_state
        As for `RandomFeaturesRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_features, 1) or (n_features, n_classes)
        One column for two classes.
    features_ : RandomFeatures
        Fitted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> model = RandomFeaturesClassifier(500, bandwidth=0.1, random_state=0).fit(*make_spiral(2000, random_state=0))
    >>> model.score(*make_spiral(500, random_state=1)) > 0.85
    True
    """
