"""Kernel ridge regression on values or on labels, exact up to 20,000 points, on Nystroem centers beyond."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import LabelTargets, Machine, ValueTargets, check_bandwidths, check_weight
from estimators.kernels.bandwidths import RULES, Shape, choose_bandwidth
from estimators.kernels.functions import KERNELS, AveragedKernel, Kernel
from estimators.kernels.solvers import Solution, solve_exact, solve_leave_one_out, solve_nystroem
from estimators.worths import worth_to, worth_to_kernel
from toymanifold import Symmetry
from toymanifold.validation import check_choice, check_integer, check_real, error_message, max_abs

Array = NDArray[Any]

SOLVERS = ("auto", "exact", "nystroem")

_EXACT_POINTS = 20_000  # a matrix of 3.2 GB in float64
_BANDWIDTH_POINTS = 1000  # half a million pairs
_ROUNDING = {np.dtype(np.float64): 1e-3, np.dtype(np.float32): 0.1}  # of predictions, as a share of the largest target


class KernelMachine(Machine):
    """Base of the kernel machines: the functions ``k(., X_fit_) dual_coef_``."""

    def __init__(
        self,
        kernel: str = "laplace",
        bandwidth: float | str = "median",
        ridge: float | Sequence[float] = 1e-3,
        *,
        solver: str = "auto",
        n_centers: int = 2000,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.solver = solver
        self.n_centers = n_centers
        self.random_state = random_state

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_choice(self.kernel, "kernel", owner, KERNELS)
        check_choice(self.solver, "solver", owner, SOLVERS)
        check_integer(self.n_centers, "n_centers", owner, low=1)
        check_bandwidth(self.bandwidth, owner)
        check_ridge(self.ridge, owner)
        if self.bandwidth == "marginal-likelihood" and np.ndim(self.ridge) > 0:
            raise ValueError(
                error_message("ridge", owner, "a float for the bandwidth 'marginal-likelihood'", self.ridge)
            )

    def _build_kernel(
        self, metric: Array | None, X: Array, Y: Array, weight: Array | None, random: np.random.RandomState
    ) -> Kernel:
        kernel = self._choose_kernel(metric, X, Y, weight, random)
        self._check_bandwidths(kernel, X)
        return kernel

    def _choose_kernel(
        self, metric: Array | None, X: Array, Y: Array, weight: Array | None, random: np.random.RandomState
    ) -> Kernel:
        shape = self._shape(random)
        if not isinstance(self.bandwidth, str):
            return shape(float(self.bandwidth), metric)
        some = random.permutation(len(X))[:_BANDWIDTH_POINTS]
        few, targets = X[some].astype(np.float64), self._unit * Y[some].astype(np.float64)
        weights = None if weight is None else weight[some].astype(np.float64)
        ridge = float(np.ravel(self.ridge)[0])
        return shape(choose_bandwidth(self.bandwidth, shape, metric, few, targets, ridge, weights), metric)

    def _shape(self, random: np.random.RandomState) -> Shape:  # noqa: ARG002
        """Return the kernel as a function of bandwidth and metric."""
        return KERNELS[self.kernel]

    def _solve(
        self, kernel: Kernel, X: Array, Y: Array, weight: Array | None, random: np.random.RandomState
    ) -> tuple[Array, Solution]:
        """Return the centers and the solution, if rounding leaves digits of its predictions."""
        centers, found = self._solution(kernel, X, Y, weight, random)
        norm = np.linalg.norm(found.coef.astype(np.float64))
        if not np.finfo(X.dtype).eps * kernel.amplitude(centers) ** 2 * norm <= _ROUNDING[X.dtype] * max_abs(Y):
            allowed = "larger: rounding of its large coefficients leaves too few digits of the predictions"
            raise np.linalg.LinAlgError(error_message("ridge", type(self).__name__, allowed, found.ridge))
        return centers, found

    def _solution(
        self, kernel: Kernel, X: Array, Y: Array, weight: Array | None, random: np.random.RandomState
    ) -> tuple[Array, Solution]:
        exact = self.solver == "exact" or (self.solver == "auto" and len(X) <= _EXACT_POINTS)
        if np.ndim(self.ridge) > 0:
            if not exact:
                allowed = f"a float unless the solver is exact (solver='exact', or at most {_EXACT_POINTS:,} points)"
                raise ValueError(error_message("ridge", type(self).__name__, allowed, self.ridge))
            return X, solve_leave_one_out(kernel, X, Y, list(self.ridge), weight)  # type: ignore[arg-type]
        ridge = float(self.ridge)  # type: ignore[arg-type]
        if exact:
            return X, solve_exact(kernel, X, Y, ridge, weight)
        Z = X[random.permutation(len(X))[: self.n_centers]]
        return Z, solve_nystroem(kernel, X, Y, ridge, weight, Z)

    def _keep(self, kernel: Kernel, centers: Array, found: Solution) -> None:
        self.kernel_, self.X_fit_ = kernel, centers
        self.dual_coef_ = found.coef * found.coef.dtype.type(self._unit)
        self.ridge_, self.jitter_ = found.ridge, found.jitter
        self.loo_errors_ = None if found.loo_errors is None else found.loo_errors * self._unit**2
        self.n_iter_ = found.n_iter

    def _check_bandwidths(self, kernel: Kernel, points: Array) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # all of which the check raises for
            check_bandwidths(kernel.to_units(points), type(self).__name__)

    def gradients(self, X: ArrayLike) -> Array:
        """Return the gradient of each function at each point, in closed form.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features, n_targets)
            As `estimators.agop` takes them. The term of a kernel with a kink at a training point is 0 there.

        Raises
        ------
        ValueError
            If they are too large for the precision of the training points.
        """
        points = self._points(X)
        parts = self.kernel_.gradients(points, self.X_fit_, self.dual_coef_)
        with np.errstate(over="ignore"):
            found = np.concatenate([part for _, part in parts]).swapaxes(1, 2)
        if not np.isfinite(found).all():
            raise ValueError(f"the gradients are too large for {points.dtype}; use smaller y, or X on a larger scale")
        return found

    def _values(self, X: ArrayLike) -> Array:
        points = self._points(X)
        return self.kernel_.product(points, self.X_fit_, self.dual_coef_)

    def _points(self, X: ArrayLike) -> Array:
        check_is_fitted(self, "dual_coef_")
        points: Array = validate_data(self, X, dtype=self.X_fit_.dtype, reset=False)
        self._check_bandwidths(self.kernel_, points)
        return points


_ADDED = {"symmetry": None, "copies": 30}  # parameters that pickles of earlier versions do not have


class _FixedMetric(KernelMachine):
    """Base of the regressor and the classifier with a given metric."""

    def __init__(
        self,
        kernel: str = "laplace",
        bandwidth: float | str = "median",
        ridge: float | Sequence[float] = 1e-3,
        *,
        metric: ArrayLike | None = None,
        symmetry: Symmetry | None = None,
        copies: int = 30,
        solver: str = "auto",
        n_centers: int = 2000,
        random_state: Any = None,
    ) -> None:
        super().__init__(kernel, bandwidth, ridge, solver=solver, n_centers=n_centers, random_state=random_state)
        self.metric = metric
        self.symmetry = symmetry
        self.copies = copies

    def __getstate__(self) -> dict[str, Any]:
        """Return the state; without a symmetry that of earlier versions, from which keys of objects are made."""
        state: dict[str, Any] = super().__getstate__()
        is_old = all(state[name] == default for name, default in _ADDED.items())
        return {name: value for name, value in state.items() if not (is_old and name in _ADDED)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**_ADDED, **state})

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner = type(self).__name__
        if self.symmetry is not None and not isinstance(self.symmetry, Symmetry):
            raise TypeError(error_message("symmetry", owner, "None or a toymanifold.Symmetry", self.symmetry))
        check_integer(self.copies, "copies", owner, low=1)

    def _shape(self, random: np.random.RandomState) -> Shape:
        shape = super()._shape(random)
        if self.symmetry is None:
            return shape
        elements = self.symmetry.elements(self.copies, int(random.randint(2**31)))
        return partial(_averaged, shape, self.symmetry, elements)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the functions ``k(., X_fit_) dual_coef_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Real values, one function for each column; or (n_samples,) labels of at least two classes, of any type: one
            function for two classes, one each for more.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative; a weight of 2 is the same as two copies, except that the leave-one-out error of a sequence of
            ridges leaves out a row with all its weight, but one copy of two.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed. They have a scale within `toymanifold.validation.SCALES`.
        LinAlgError
            If the kernel matrix cannot be factorised even with jitter, or the ridge is so small that rounding decides
            on predictions.
        """
        owner = type(self).__name__
        self._check_parameters()
        points, targets = self._data(X, y)
        targets = targets.astype(points.dtype)
        if self.symmetry is not None and points.shape[1] < self.symmetry.min_features:
            allowed = f"of {self.symmetry.min_features} features at least"
            raise ValueError(error_message("X", owner, allowed, f"n_features = {points.shape[1]}"))
        weight = check_weight(sample_weight, points, owner)
        if weight is not None:
            points, targets, weight = points[weight > 0], targets[weight > 0], weight[weight > 0]
        random = check_random_state(self.random_state)
        metric = check_metric(self.metric, points.shape[1], owner)
        kernel = self._build_kernel(metric, points, targets, weight, random)
        self._keep(kernel, *self._solve(kernel, points, targets, weight, random))
        return self


class KernelRegressor(ValueTargets, _FixedMetric):
    """Kernel ridge regression: least squares plus `ridge` times the squared norm in the kernel's space.

    No intercept is fitted. Everything is in the precision of the training points, float64 or float32.

    Parameters
    ----------
    kernel : {"laplace", "gaussian", "arc-cosine", "ntk"}, default="laplace"
        See `estimators.kernels.functions`.
    bandwidth : float, "median" or "marginal-likelihood", default="median"
        The length scale of the kernel. "median" is the median distance between training points. "marginal-likelihood"
        maximises the likelihood of the targets under a Gaussian process with this kernel and metric, whose noise has
        the variance `ridge` in units of the signal's (`log_marginal_likelihood`); it is searched within a factor of 100
        of the median, and needs a single ridge. Both rules use at most 1,000 random training points.
    ridge : float or sequence of float, default=1e-3
        The penalty. Of a sequence, even of length one, the ridge with the least leave-one-out error is used, which is
        computed in closed form: one Cholesky factorisation for one ridge, one eigendecomposition for more.
    metric : array-like of shape (n_features, n_features) or (n_features,), or None, default=None
        A Mahalanobis matrix M, or its diagonal, in place of the Euclidean metric; positive semi-definite.
    symmetry : Symmetry or None, default=None
        Group over whose images of the points the kernel is averaged, so that all functions are invariant.
    copies : int, default=30
        Number of images of each point. A finite group of at most so many elements gives all; any other the same random
        elements for all points. A kernel takes `copies` times as long, and the square of it unless the images are all
        those of a finite group of isometries and there is no metric.
    solver : {"auto", "exact", "nystroem"}, default="auto"
        "exact" factorises the kernel matrix of all points. "nystroem" uses a random subset of them as centers, with
        preconditioned conjugate gradients (Rudi, Carratino and Rosasco, FALKON, NeurIPS 2017), in bounded memory.
        "auto" is exact up to 20,000 points.
    n_centers : int, default=2000
        Centers of the Nystroem solver; at most the number of points.
    random_state : int, RandomState or None, default=None
        Of the centers, of the points for the bandwidth, and of random images.

    Attributes
    ----------
    kernel_ : Kernel or AveragedKernel
        A function of two arrays, with its bandwidth and metric.
    X_fit_ : ndarray of shape (n_centers, n_features)
        The centers: the training points of positive weight, or some of them.
    dual_coef_ : ndarray of shape (n_centers, n_targets)
    ridge_ : float
        The ridge used.
    loo_errors_ : ndarray of shape (n_ridges,) or None
        Mean squared leave-one-out error of each ridge of a sequence.
    jitter_ : float
        Added to the diagonal of the kernel matrix against rounding errors; almost always 0 for the exact solver, which
        warns if it is not.
    n_iter_ : int or None
        Iterations of the Nystroem solver.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = self.symmetry is not None  # on data without it
        return tags


class KernelClassifier(LabelTargets, _FixedMetric):
    """Kernel ridge regression on labels: of +-1 for two classes, one-hot for more; the largest value decides.

    Parameters
    ----------
    kernel, bandwidth, ridge, metric, symmetry, copies, solver, n_centers, random_state
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = self.symmetry is not None  # on data without it
        return tags


def _averaged(shape: Shape, symmetry: Symmetry, elements: Array, bandwidth: float, metric: Array | None) -> Any:
    return AveragedKernel(shape(bandwidth, metric), symmetry, elements)


def check_bandwidth(bandwidth: Any, owner: str) -> None:
    """Raise unless a bandwidth is a rule or a positive number."""
    if not isinstance(bandwidth, str):
        check_real(bandwidth, "bandwidth", owner, low=0, closed="()")
    elif bandwidth not in RULES:
        allowed = f"{', '.join(map(repr, RULES))} or a positive float"
        raise ValueError(error_message("bandwidth", owner, allowed, bandwidth))


def check_ridge(ridge: Any, owner: str) -> None:
    """Raise unless a ridge is a non-negative number or a sequence of positive ones."""
    if np.ndim(ridge) == 0:
        check_real(ridge, "ridge", owner, low=0, closed="[)")
        return
    if np.size(ridge) == 0:
        raise ValueError(error_message("ridge", owner, "a float or a sequence of at least one", ridge))
    for one in ridge:
        check_real(one, "ridge", owner, low=0, closed="()")


def check_metric(metric: Any, n_features: int, owner: str) -> Array | None:
    """Return a metric as a float64 array (d,) or (d, d), symmetric and positive semi-definite; None stays None."""
    if metric is None:
        return None
    M = np.asarray(metric, dtype=np.float64)
    allowed = f"None or a positive semi-definite array of shape ({n_features},) or ({n_features}, {n_features})"
    if M.shape not in ((n_features,), (n_features, n_features)):
        raise ValueError(error_message("metric", owner, allowed, f"shape {M.shape}"))
    if not np.isfinite(M).all() or (M.ndim == 2 and not np.allclose(M, M.T, atol=1e-8 * max_abs(M))):
        raise ValueError(error_message("metric", owner, allowed, metric))
    eigenvalues = M if M.ndim == 1 else np.linalg.eigvalsh(M)
    if eigenvalues.min() < -1e-8 * eigenvalues.max():
        raise ValueError(error_message("metric", owner, allowed, metric))
    return M


for _kind in (KernelClassifier, KernelRegressor):
    worth_to.register(_kind, worth_to_kernel)
