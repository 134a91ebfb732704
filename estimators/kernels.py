"""Kernel machines: ridge regression on values or on labels, exact to some 20,000 points, on Nystroem centers beyond."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, check_array, check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.kernel_functions import KERNELS, Kernel, median_distance
from estimators.kernel_solvers import Solution, solve_exact, solve_iteratively, solve_leave_one_out, solve_nystroem
from toymanifold.validation import check_choice, check_integer, check_real, refusal

Array = NDArray[Any]

SOLVERS = ("auto", "exact", "cg", "nystroem")

_FLOATS = (np.float64, np.float32)
_EXACT_POINTS = 20_000  # a matrix of 3.2 GB in float64
_MEDIAN_POINTS = 1000  # half a million pairs


class _KernelMachine(BaseEstimator):
    """What the regressor and the classifier share: a solution in `kernel_`, `X_fit_` and `dual_coef_`."""

    def __init__(
        self,
        kernel: str = "laplace",
        bandwidth: float | str = "median",
        ridge: float | Sequence[float] = 1e-3,
        *,
        metric: ArrayLike | None = None,
        solver: str = "auto",
        n_centers: int = 2000,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.metric = metric
        self.solver = solver
        self.n_centers = n_centers
        self.random_state = random_state

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_choice(self.kernel, "kernel", owner, KERNELS)
        check_choice(self.solver, "solver", owner, SOLVERS)
        check_integer(self.n_centers, "n_centers", owner, low=1)
        if self.bandwidth != "median":
            check_bandwidth(self.bandwidth, owner)
        check_ridge(self.ridge, owner)
        if self.solver == "cg" and np.ndim(self.ridge) == 0 and self.ridge == 0:
            raise ValueError(refusal("ridge", owner, "positive for the solver 'cg'", self.ridge))

    def _fit_targets(self, X: Array, Y: Array, sample_weight: ArrayLike | None) -> None:
        """Fit the function k(., X_fit_) dual_coef_ to targets `Y` (n_samples, n_targets)."""
        owner = type(self).__name__
        weight = check_weight(sample_weight, X, owner)
        if weight is not None:
            X, Y, weight = X[weight > 0], Y[weight > 0], weight[weight > 0]
        random = check_random_state(self.random_state)
        self.kernel_ = self._build_kernel(X, weight, random)
        self.X_fit_, found = self._solve(X, Y, weight, random)
        self.dual_coef_ = found.coef
        self.ridge_, self.jitter_ = found.ridge, found.jitter
        self.loo_errors_, self.n_iter_ = found.loo_errors, found.n_iter

    def _build_kernel(self, X: Array, weight: Array | None, random: np.random.RandomState) -> Kernel:
        metric = check_metric(self.metric, X.shape[1], type(self).__name__)
        shape = KERNELS[self.kernel]
        if self.bandwidth != "median":
            return shape(float(self.bandwidth), metric)
        some = random.permutation(len(X))[:_MEDIAN_POINTS]
        units = shape(1.0, metric).to_units(X[some].astype(np.float64))
        return shape(median_distance(units, None if weight is None else weight[some]), metric)

    def _solve(self, X: Array, Y: Array, weight: Array | None, random: np.random.RandomState) -> tuple[Array, Solution]:
        """Return the centers and the solution."""
        exact = self.solver == "exact" or (self.solver == "auto" and len(X) <= _EXACT_POINTS)
        if np.ndim(self.ridge) > 0:
            if not exact:
                allowed = f"a float where the solver is not exact (solver='exact', or at most {_EXACT_POINTS:,} points)"
                raise ValueError(refusal("ridge", type(self).__name__, allowed, self.ridge))
            return X, solve_leave_one_out(self.kernel_, X, Y, list(self.ridge), weight)  # type: ignore[arg-type]
        ridge = float(self.ridge)  # type: ignore[arg-type]
        if exact:
            return X, solve_exact(self.kernel_, X, Y, ridge, weight)
        centers = random.permutation(len(X))[: self.n_centers]
        if self.solver == "cg":
            return X, solve_iteratively(self.kernel_, X, Y, ridge, weight, centers)
        Z = X[centers]
        return Z, solve_nystroem(self.kernel_, X, Y, ridge, weight, Z)

    def _values(self, X: ArrayLike) -> Array:
        """Return the fitted functions at `X` as (n_samples, n_targets)."""
        check_is_fitted(self, "dual_coef_")
        points = validate_data(self, X, dtype=self.X_fit_.dtype, reset=False)
        return self.kernel_.product(points, self.X_fit_, self.dual_coef_)


class KernelRegressor(RegressorMixin, _KernelMachine):
    """Kernel ridge regression: least squares plus `ridge` times the squared norm in the kernel's space.

    No intercept is fitted. Everything is in the precision of the training points, float64 or float32.

    Parameters
    ----------
    kernel : {"laplace", "gaussian", "arc-cosine", "ntk"}, default="laplace"
        See `estimators.kernel_functions`.
    bandwidth : float or "median", default="median"
        The length at which points count as apart; "median" is the median distance between training points (of 1,000
        of them, where there are more).
    ridge : float or sequence of float, default=1e-3
        The penalty. Of a sequence, even of length one, the leave-one-out error of each is computed in closed form and
        the best is taken: one Cholesky factorisation for one ridge, one eigendecomposition for many.
    metric : array-like of shape (n_features, n_features) or (n_features,), or None, default=None
        A Mahalanobis matrix M in place of the Euclidean one, full or its diagonal; positive semi-definite.
    solver : {"auto", "exact", "cg", "nystroem"}, default="auto"
        "exact" factorises the kernel matrix of all points. "cg" solves the same system by preconditioned conjugate
        gradients: several times faster where the ridge is not small. "nystroem" uses a random subset of them as
        centers, with preconditioned conjugate gradients (Rudi, Carratino and Rosasco, FALKON, NeurIPS 2017), in bounded
        memory.
        "auto" is exact up to 20,000 points.
    n_centers : int, default=2000
        Centers of the Nystroem solver, or of the preconditioner of "cg"; never more than there are points.
    random_state : int, RandomState or None, default=None
        Of the centers, and of the points for the median.

    Attributes
    ----------
    kernel_ : Kernel
        A function of two arrays, with its bandwidth and metric.
    X_fit_ : ndarray of shape (n_centers, n_features)
        The centers: the training points of positive weight, or some of them.
    dual_coef_ : ndarray of shape (n_centers, n_targets)
    ridge_ : float
        The one chosen.
    loo_errors_ : ndarray of shape (n_ridges,) or None
        Mean squared leave-one-out error of each ridge of a sequence.
    jitter_ : float
        Added to the diagonal of the kernel matrix for want of precision; 0 almost always for the exact solver, which
        warns when it is not.
    n_iter_ : int or None
        Iterations, of the solvers that iterate.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` has string column names.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(0, 6, 50)[:, None]
    >>> machine = KernelRegressor("gaussian", bandwidth=1.0, ridge=[1e-6, 1e-3, 1.0]).fit(X, np.sin(X).ravel())
    >>> machine.ridge_
    1e-06
    >>> machine.predict([[np.pi / 2]])
    array([1.000])
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the function.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative; a weight of 2 is the same as two copies.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        LinAlgError
            If the kernel matrix cannot be factorised even with jitter.
        """
        self._check_parameters()
        points, targets = validate_data(self, X, y, dtype=_FLOATS, multi_output=True, y_numeric=True)
        self._ravel = targets.ndim == 1
        self._fit_targets(points, targets.reshape(len(points), -1).astype(points.dtype), sample_weight)
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the function at `X` (n_samples, n_features), in the shape of the training targets."""
        values = self._values(X)
        return values.ravel() if self._ravel else values

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KernelClassifier(ClassifierMixin, _KernelMachine):
    """Kernel ridge regression on labels: of +-1 for two classes, one-hot for more; the largest value decides.

    Parameters
    ----------
    kernel, bandwidth, ridge, metric, solver, n_centers, random_state
        As for `KernelRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    kernel_, X_fit_, dual_coef_, ridge_, loo_errors_, jitter_, n_iter_, n_features_in_, feature_names_in_
        As for `KernelRegressor`; the targets are the columns of the labels.

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(1000, random_state=0)
    >>> machine = KernelClassifier(bandwidth=0.1).fit(X, y)
    >>> machine.score(*make_spiral(500, random_state=1)) > 0.9
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit one function to two classes, or one each to more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels of at least two classes, of any type.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative; a weight of 2 is the same as two copies.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        LinAlgError
            If the kernel matrix cannot be factorised even with jitter.
        """
        self._check_parameters()
        points, labels = validate_data(self, X, y, dtype=_FLOATS)
        targets, self.classes_ = label_targets(labels, type(self).__name__)
        self._fit_targets(points, targets.astype(points.dtype), sample_weight)
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the functions at `X`: (n_samples,), positive for the second of two classes, else one a class."""
        values = self._values(X)
        return values.ravel() if len(self.classes_) == 2 else values

    def predict(self, X: ArrayLike) -> Array:
        """Return the class of each row of `X` (n_samples, n_features)."""
        return decide(self.decision_function(X), self.classes_)


def label_targets(y: Array, owner: str) -> tuple[Array, Array]:
    """Return labels as (targets, classes): +-1 in one column for two classes, a one-hot column each for more."""
    check_classification_targets(y)
    binarizer = LabelBinarizer()
    targets = binarizer.fit_transform(y)
    classes: Array = binarizer.classes_
    if len(classes) < 2:
        raise ValueError(f"y of {owner} must hold at least 2 classes. Got 1 class: {classes[0]!r}.")
    return (2 * targets - 1 if len(classes) == 2 else targets), classes


def decide(values: Array, classes: Array) -> Array:
    """Return the class of each row of values: by sign if they are (n_samples,), else by the largest."""
    chosen = values > 0 if values.ndim == 1 else values.argmax(axis=1)
    labels: Array = classes[chosen.astype(np.intp)]
    return labels


def check_bandwidth(bandwidth: Any, owner: str) -> float:
    """Return a bandwidth that is a number."""
    if isinstance(bandwidth, str):
        raise ValueError(refusal("bandwidth", owner, "'median' or a positive float", bandwidth))
    return check_real(bandwidth, "bandwidth", owner, low=0, closed="()")


def check_ridge(ridge: Any, owner: str) -> None:
    """Raise unless a ridge is a non-negative number or a sequence of positive ones."""
    if np.ndim(ridge) == 0:
        check_real(ridge, "ridge", owner, low=0, closed="[)")
        return
    if np.size(ridge) == 0:
        raise ValueError(refusal("ridge", owner, "a float or a sequence of at least one", ridge))
    for one in ridge:
        check_real(one, "ridge", owner, low=0, closed="()")


def check_metric(metric: Any, n_features: int, owner: str) -> Array | None:
    """Return a metric as a float64 array (d,) or (d, d), symmetric and positive semi-definite; None stays None."""
    if metric is None:
        return None
    M = np.asarray(metric, dtype=np.float64)
    allowed = f"None or a positive semi-definite array of shape ({n_features},) or ({n_features}, {n_features})"
    if M.shape not in ((n_features,), (n_features, n_features)):
        raise ValueError(refusal("metric", owner, allowed, f"shape {M.shape}"))
    if not np.isfinite(M).all() or (M.ndim == 2 and not np.allclose(M, M.T)):
        raise ValueError(refusal("metric", owner, allowed, metric))
    eigenvalues = M if M.ndim == 1 else np.linalg.eigvalsh(M)
    if eigenvalues.min() < -1e-8 * eigenvalues.max():
        raise ValueError(refusal("metric", owner, allowed, metric))
    return M


def check_weight(sample_weight: Any, X: Array, owner: str) -> Array | None:
    """Return weights as an array (n_samples,) of the type of `X`, non-negative and not all zero; None stays None."""
    if sample_weight is None:
        return None
    weight: Array = check_array(sample_weight, dtype=X.dtype, ensure_2d=False, input_name="sample_weight")
    if weight.ndim != 1:
        raise ValueError("Sample weights must be 1D array or scalar")
    check_consistent_length(weight, X)
    if weight.min() < 0 or weight.max() == 0:
        raise ValueError(refusal("sample_weight", owner, "non-negative and not all zero", sample_weight))
    return weight
