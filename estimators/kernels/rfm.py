"""Recursive feature machines: a kernel machine that learns its metric from its own gradients."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from estimators.base import LabelTargets, ValueTargets
from estimators.kernels.functions import Kernel, metric_root
from estimators.kernels.ridge import KernelMachine
from estimators.kernels.solvers import Solution
from toymanifold.validation import check_choice, check_integer, check_real

Array = NDArray[Any]

VARIANTS = ("tabular", "grokking")

_WORSE = 1.1  # times the least validation error so far, at which the recursion ends, as in the authors' own code (xrfm)


class Round(NamedTuple):
    """One fit of the recursion."""

    metric: Array
    """The metric M of the fit, (d, d) or its diagonal (d,)."""
    validation_error: float
    """Mean squared error at the points held out; nan if there are none."""


class _RecursiveFeatureMachine(KernelMachine):
    """Base of the regressor and the classifier: the recursion."""

    def __init__(
        self,
        kernel: str = "laplace",
        bandwidth: float | str = "median",
        ridge: float = 1e-3,
        *,
        variant: str = "tabular",
        diagonal: bool = False,
        n_rounds: int = 5,
        validation_fraction: float = 0.2,
        solver: str = "auto",
        n_centers: int = 2000,
        random_state: Any = None,
    ) -> None:
        super().__init__(kernel, bandwidth, ridge, solver=solver, n_centers=n_centers, random_state=random_state)
        self.variant = variant
        self.diagonal = diagonal
        self.n_rounds = n_rounds
        self.validation_fraction = validation_fraction

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner = type(self).__name__
        check_choice(self.variant, "variant", owner, VARIANTS)
        check_integer(self.n_rounds, "n_rounds", owner, low=0)
        check_real(self.validation_fraction, "validation_fraction", owner, low=0, high=1, closed="[)")
        check_real(self.ridge, "ridge", owner, low=0, closed="[)")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run the recursion on part of the points, and refit to all with the metric of least validation error.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Real values, one function for each column; or (n_samples,) labels of at least two classes, of any type: one
            function for two classes, one each for more.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        LinAlgError
            If the kernel matrix cannot be factorised even with jitter, or the ridge is so small that rounding decides
            on predictions.
        """
        self._check_parameters()
        points, targets = self._data(X, y)
        targets = targets.astype(points.dtype)
        random = check_random_state(self.random_state)
        order = random.permutation(len(points))
        held_out, fitted = np.split(order, [int(self.validation_fraction * len(points))])
        history: list[Round] = []
        for kernel, centers, found in self._recurse(points[fitted], targets[fitted], random):
            error = self._unit**2 * _error(kernel, centers, found, points[held_out], targets[held_out])
            history.append(Round(kernel.metric, error))  # type: ignore[arg-type]
            if error > _WORSE * min(round_.validation_error for round_ in history):
                break
        self.history_ = history
        self.best_round_ = len(history) - 1
        if len(held_out):
            self.best_round_ = int(np.argmin([round_.validation_error for round_ in history]))
            kernel = replace(kernel, metric=history[self.best_round_].metric)
            centers, found = self._solve(kernel, points, targets, None, random)
        self.feature_matrix_ = kernel.metric
        self._keep(kernel, centers, found)
        return self

    def _recurse(self, X: Array, Y: Array, random: np.random.RandomState) -> Iterator[tuple[Kernel, Array, Solution]]:
        """Alternate a kernel fit with a new metric, the average gradient outer product of the fit; yield each fit."""
        metric = np.ones(X.shape[1]) if self.diagonal else np.eye(X.shape[1])
        kernel = self._build_kernel(metric, X, Y, None, random)
        grokking = self.variant == "grokking"
        for _ in range(self.n_rounds):
            centers, found = self._solve(kernel, X, Y, None, random)
            yield kernel, centers, found
            matrix = kernel_agop(kernel, X, centers, found.coef, centered=grokking, diagonal=self.diagonal)
            if matrix.max() <= 0:  # a constant function has no directions to learn from
                return
            metric = matrix / matrix.max()  # the bandwidth keeps its meaning along the coordinate that matters most
            kernel = replace(kernel, metric=metric_root(metric) if grokking else metric)
        yield kernel, *self._solve(kernel, X, Y, None, random)


class RFMRegressor(ValueTargets, _RecursiveFeatureMachine):
    """Recursive feature machine: kernel ridge regression in a metric learned from its own gradients.

    Alternate a fit in the metric M with M = AGOP, the average over the training points of the outer product of the
    function's gradient, so that the kernel stretches the directions along which the function varies (Radhakrishnan,
    Beaglehole, Pandit and Belkin, Mechanism for feature learning in neural networks and backpropagation-free machine
    learning models, Science 2024). The metric of the round with the least validation error is kept, and the function
    is refitted to all points. No intercept is fitted.

    Parameters
    ----------
    kernel, bandwidth, ridge, solver, n_centers
        As for `KernelRegressor`, with a single ridge. The bandwidth is chosen in the first round, whose metric is
        Euclidean.
    variant : {"tabular", "grokking"}, default="tabular"
        "tabular" has M = AGOP. "grokking" has M = AGOP^(1/2) of gradients less their mean (Mallinar et al., Emergence
        in non-neural models: grokking modular arithmetic via average gradient outer product, 2024). In both, the AGOP
        is first divided by its largest entry.
    diagonal : bool, default=False
        Learn only the diagonal of M: a scale for each feature.
    n_rounds : int, default=5
        Updates of the metric; 0 is a kernel machine. They end early if the validation error is a tenth above the least
        so far.
    validation_fraction : float, default=0.2
        Share of the points, in [0, 1), held out to choose the round. If no point is held out, the last round is kept.
    random_state : int, RandomState or None, default=None
        Of the split, the Nystroem centers and the points for the bandwidth.

    Attributes
    ----------
    feature_matrix_ : ndarray of shape (n_features, n_features) or (n_features,)
        The metric M of the round kept.
    kernel_, X_fit_, dual_coef_, jitter_, n_iter_
        Of the fit to all points in this metric, as for `KernelRegressor`.
    history_ : list of Round
        Metric and validation error of each round; the first metric is the identity.
    best_round_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 10))
    >>> machine = RFMRegressor(random_state=0).fit(X, np.sin(2 * X[:, 3]))
    >>> int(machine.feature_matrix_.diagonal().argmax())
    3
    """


class RFMClassifier(LabelTargets, _RecursiveFeatureMachine):
    """Recursive feature machine on labels: of +-1 for two classes, one-hot for more; the largest value decides.

    Parameters
    ----------
    kernel, bandwidth, ridge, variant, diagonal, n_rounds, validation_fraction, solver, n_centers, random_state
        As for `RFMRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    feature_matrix_, kernel_, X_fit_, dual_coef_, history_, best_round_, n_features_in_, feature_names_in_
        As for `RFMRegressor`; errors are squared errors of the columns of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 10))
    >>> machine = RFMClassifier(random_state=0).fit(X, X[:, 3] > 0)
    >>> int(machine.feature_matrix_.diagonal().argmax())
    3
    """


def kernel_agop(
    kernel: Kernel, X: Array, Z: Array, coef: Array, *, centered: bool = False, diagonal: bool = False
) -> Array:
    """Return the average gradient outer product over `X` of the functions k(., Z) coef, summed over functions.

    It equals `estimators.agop` of their gradients, but holds them a block at a time.

    Parameters
    ----------
    kernel : Kernel
    X : ndarray of shape (n, d)
    Z : ndarray of shape (m, d)
    coef : ndarray of shape (m, n_functions)
    centered : bool, default=False
        Subtract from each function's gradients their mean.
    diagonal : bool, default=False
        Return only the diagonal.

    Returns
    -------
    matrix : ndarray of shape (d, d), or (d,) if `diagonal`
        In float64.
    """
    outer = "ick,ick->k" if diagonal else "ick,icl->kl"
    total: Array = np.zeros(())
    mean: Array = np.zeros(())
    for _, block in kernel.gradients(X, Z, coef):
        gradients = block.astype(np.float64)
        total = total + np.einsum(outer, gradients, gradients, optimize=True) / len(X)
        mean = mean + gradients.sum(axis=0, keepdims=True) / len(X)
    return total - np.einsum(outer, mean, mean) if centered else total


def _error(kernel: Kernel, Z: Array, found: Solution, X: Array, Y: Array) -> float:
    """Return the mean squared error at `X`, nan if there are no points."""
    return float(np.mean((kernel.product(X, Z, found.coef) - Y) ** 2)) if len(X) else np.nan
