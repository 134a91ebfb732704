"""The net that predicts real values."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from estimators.base import FLOATS, mean_and_std
from estimators.nets.base import Floats, Net
from toymanifold.validation import check_scale, error_message


class NetRegressor(RegressorMixin, Net):
    """A fully connected regressor trained with AdamW.

    Its parameters are those of `estimators.nets.Net`; `loss` is "squared_error" (the default) or "huber", on
    standardised targets if `standardize`. Targets may have several columns.

    Examples
    --------
    >>> from toymanifold import make_sphere
    >>> X, y = make_sphere(500, target="quadratic", task="regression", random_state=0)
    >>> net = NetRegressor(epochs=100, random_state=0).fit(X, y)
    >>> net.score(*make_sphere(500, target="quadratic", task="regression", random_state=1)) > 0.95
    True
    """

    _losses = ("squared_error", "huber")

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on more points; the scale of the targets stays that of the first call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,) or None, default=None

        Returns
        -------
        self : NetRegressor
        """
        return self._fit(X, y, sample_weight, fresh=not self.__sklearn_is_fitted__(), epochs=1)

    def predict(self, X: ArrayLike) -> Floats:
        """Return the value of each row of `X` (n_samples, n_features), (n_samples,) or (n_samples, n_outputs)."""
        outputs = self._outputs(X)
        values = (outputs * self._target_std + self._target_mean).astype(outputs.dtype)
        return values[:, 0] if self._flat else values

    def gradients(self, X: ArrayLike) -> Floats:
        """Return the gradient of each value at each point, as `Net.gradients` does."""
        return super().gradients(X) * self._target_std

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = self._has_lossy_prior()
        return tags

    def _validate(self, X: ArrayLike, y: Any, fresh: bool) -> tuple[Floats, Any]:
        points, values = validate_data(self, X, y, dtype=FLOATS, reset=fresh, multi_output=True, y_numeric=True)
        owner = type(self).__name__
        check_scale(points, "X", owner)
        check_scale(values, "y", owner, dtype=points.dtype)
        return points, values

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.until_fitted:
            raise ValueError(error_message("until_fitted", "NetRegressor", "False", self.until_fitted))

    def _encode(self, y: Any, fresh: bool, classes: ArrayLike | None) -> Floats:  # noqa: ARG002
        values = np.asarray(y, dtype=np.float64)
        if fresh:
            self._flat = values.ndim == 1
        elif values.shape[1:] != (first := () if self._flat else (len(self._target_mean),)):
            allowed = f"of shape {('n_samples', *first)}, as in the first fit"
            raise ValueError(error_message("y", "NetRegressor", allowed, f"shape {values.shape}"))
        return values.reshape(len(values), -1)

    def _n_outputs(self, target: NDArray[Any]) -> int:
        return target.shape[1]

    def _strata(self, target: NDArray[Any]) -> None:  # noqa: ARG002
        return None

    def _scale_targets(self, target: Floats, weight: Floats | None) -> None:
        mean, std = mean_and_std(target, weight)
        self._target_mean, self._target_std = (
            (mean, std) if self.standardize else (np.zeros_like(mean), np.ones_like(std))
        )

    def _scaled(self, target: Floats) -> Floats:
        return (target - self._target_mean) / self._target_std
