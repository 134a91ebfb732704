"""The base of the nets: parameters, validation and the methods that scikit-learn asks for.

Validation, labels, weights and seeds follow scikit-learn; epochs, callbacks and history follow skorch. A net is trained
by the compiled loop of `estimators.nets.training`, or by skorch if it needs what the loop does not have.
"""

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_feature_names, _check_sample_weight, check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.hashing import are_equal
from estimators.priors import PRIORS, Prior, as_prior, is_layer
from toymanifold.validation import check_choice, check_integer, check_real, check_scale, error_message

if TYPE_CHECKING:
    import pandas as pd
    import skorch

    from estimators.nets.training import Trained

Floats = NDArray[np.floating]
Data = tuple[Floats, NDArray[Any], Floats | None]
"""Raw points, targets of the loss, and weights."""

_ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "square")
DTYPES = ("float32", "float64")
_SCHEDULES = ("constant", "cosine")

_FIXED = (
    "depth",
    "width",
    "activation",
    "prior",
    "standardize",
    "layer_norm",
    "residual",
    "bias",
    "init_scale",
    "dropout",
    "loss",
    "dtype",
)
"""Parameters that a training which goes on cannot change."""


class Net(BaseEstimator, ABC):
    """A fully connected net trained with AdamW; base of `NetClassifier` and `NetRegressor`.

    Prediction is a pass in float64, so that a row's value does not depend on the other rows.

    Parameters
    ----------
    depth : int, default=3
        Hidden layers; 0 is a linear model.
    width : int, default=64
        Units in each hidden layer.
    activation : {"relu", "tanh", "gelu", "silu", "square"}, default="relu"
    prior : str, transformer, Symmetry or None, default=None
        The change of coordinates that the net has as its first layer: a name of `estimators.PRIORS`, a transformer or a
        symmetry; None and "none" are no change. A transformer without a method ``coordinates`` is a step before the
        net, fitted on the training points, as in a pipeline.
    standardize : bool, default=True
        Whether the inputs of the first linear layer (after the prior) are scaled to mean 0 and variance 1 on the
        training points; and the targets of a regression likewise.
    layer_norm : bool, default=False
        Normalise each hidden layer before its activation (Ba et al., Layer Normalization, 2016).
    residual : bool, default=False
        Add to each hidden layer but the first its own input.
    bias : bool, default=True
        Whether linear layers have a constant.
    init_scale : float, default=1.0
        Factor on the initial weights of linear layers, which torch draws with variance 1 / (3 fan_in). For ReLU, a
        factor of sqrt(6) = 2.45 keeps the variance of a signal from layer to layer (He et al. 2015); with a smaller
        one gradients vanish with depth, with a larger one they explode.
    dropout : float, default=0.0
        In [0, 1).
    loss : str or None, default=None
        A name that `NetClassifier` or `NetRegressor` lists; None is the first of them.
    epochs : int, default=200
        Passes over the training points.
    batch_size : int, default=256
        Points in a gradient step; at most the number of training points.
    learning_rate : float, default=1e-3
        Of AdamW.
    max_steps : int or None, default=None
        Gradient steps to train for, instead of `epochs`; the last epoch may be incomplete.
    schedule : {"constant", "cosine"}, default="constant"
        Of the learning rate; "cosine" lowers it step by step to 0 at the end of the training. For others use skorch's
        ``LRScheduler`` callback.
    weight_decay : float, default=0.0
        Decoupled (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019).
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the points, stop when their loss has not fallen for `patience`
        epochs, and keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        In (0, 1).
    patience : int, default=20
    until_fitted : bool, default=False
        Whether to stop after the first epoch at which the classes of all training points are predicted; only of a
        classifier.
    checkpoints : tuple of int, default=()
        Epochs after which weights are kept for `as_of`; epoch 0 has the initial weights.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: with its weights, its order of points and the state of its optimizer.
        Layers, loss, prior and precision must be as they were; all other parameters may change.
    dtype : {"float32", "float64"}, default="float32"
        Of training.
    device : str, default="auto"
        A torch device. "auto" is the CPU, where nets of this size train fastest.
    callbacks : list of skorch callbacks or None, default=None
        With them, with a prior that learns, or on another device, a net is trained by skorch, which takes several times
        as long.
    verbose : int, default=0
        0 is silent; 1 prints each epoch's losses.
    random_state : int, RandomState or None, default=None
        Of initial weights, order of points and dropout. No global generator is read or changed.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The fitted net, made when it is first asked for; its module takes raw inputs, so gradients are with respect to
        them, or the outputs of a prior that is a step before the net. The estimator predicts with the module's weights,
        whoever changes them. Its history has the batches of epochs that skorch trained.
    engine_ : {"compiled", "skorch"}
        What trained the net in the last fit.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` has string column names.
    """

    _losses: tuple[str, ...]  # the first is the default
    _trained: "Trained"
    _skorch: Any  # the skorch net, None until it is asked for
    _step: Any = None  # the fitted prior, if it is not a layer

    def __init__(
        self,
        depth: int = 3,
        width: int = 64,
        activation: str = "relu",
        *,
        prior: Any = None,
        standardize: bool = True,
        layer_norm: bool = False,
        residual: bool = False,
        bias: bool = True,
        init_scale: float = 1.0,
        dropout: float = 0.0,
        loss: str | None = None,
        epochs: int = 200,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        max_steps: int | None = None,
        schedule: str = "constant",
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 20,
        until_fitted: bool = False,
        checkpoints: tuple[int, ...] = (),
        warm_start: bool = False,
        dtype: str = "float32",
        device: str = "auto",
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.depth = depth
        self.width = width
        self.activation = activation
        self.prior = prior
        self.standardize = standardize
        self.layer_norm = layer_norm
        self.residual = residual
        self.bias = bias
        self.init_scale = init_scale
        self.dropout = dropout
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_steps = max_steps
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.until_fitted = until_fitted
        self.checkpoints = checkpoints
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @abstractmethod
    def _encode(self, y: Any, fresh: bool, classes: ArrayLike | None) -> NDArray[Any]:
        """Return validated labels as targets of the loss; a fresh fit learns the encoding, from `classes` if given."""

    @abstractmethod
    def _n_outputs(self, target: NDArray[Any]) -> int:
        """Return the number of the net's outputs."""

    @property
    def net_(self) -> "skorch.NeuralNet":
        """The fitted net as a skorch net."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"this {type(self).__name__} has no net_ before it is fitted")
        if self._skorch is None:
            from estimators.nets import building

            self._skorch = building.build_net(self._trained)
        return self._skorch

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_trained")

    @property
    def history_(self) -> "pd.DataFrame":
        """One row for each epoch: ``epoch``, ``train_loss``, ``valid_loss`` if there is one, ``dur`` in seconds."""
        import pandas as pd

        check_is_fitted(self)
        return pd.DataFrame(self._current().history)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the net, anew unless `warm_start`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Of each point's loss; within a batch they count relative to each other.

        Returns
        -------
        self : Net

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        fresh = not (self.warm_start and self.__sklearn_is_fitted__())
        return self._fit(X, y, sample_weight, fresh=fresh, epochs=self.epochs)

    def _fit(
        self, X: ArrayLike, y: Any, sample_weight: Any, *, fresh: bool, epochs: int, classes: ArrayLike | None = None
    ) -> Self:
        self._check_parameters()
        points, labels = self._validate(X, y, fresh)
        target = self._encode(labels, fresh, classes)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, points, dtype=np.float64, ensure_non_negative=True)
            weight = weight / (weight.max() or 1.0)  # they count relative to each other, and float32 holds them then
        params = self._resolved_params()
        if not fresh:
            self._check_goes_on(params)
        seed = int(check_random_state(self.random_state).randint(2**31)) if fresh else self._trained.seed
        if fresh:
            layer, self._step = self._fitted_prior(points, labels)
        data, valid = self._split(self._after_step(points), target, weight, seed)
        if fresh:
            self._start(layer, data, params, seed)
        self._trained.params = params
        self._train(self._scaled_data(data), None if valid is None else self._scaled_data(valid), epochs)
        return self

    def _fit_from(self, source: Self, X: ArrayLike, y: Any, sample_weight: Any = None, *, freeze: int = 0) -> Self:
        """Train from the values of a fitted net, whose first `freeze` layers, and a prior before them, do not change.

        The standardisation is that of the source. With all layers frozen there is no training.
        """
        from estimators.nets.training import restarted

        self._check_parameters()
        check_integer(freeze, "freeze", f"Pretrained({type(self).__name__})", low=0, high=self.depth + 1)
        params = self.get_params(deep=False)
        self.__dict__.update({name: value for name, value in vars(source).items() if name not in params})
        if not hasattr(source, "feature_names_in_"):
            _check_feature_names(self, X, reset=True)
        seed = int(check_random_state(self.random_state).randint(2**31))
        self._trained, self._skorch = restarted(source._current(), seed, min(freeze, self.depth)), None
        if freeze <= self.depth:
            return self._fit(X, y, sample_weight, fresh=False, epochs=self.epochs)
        self._check_goes_on(self._resolved_params())
        self._encode(self._validate(X, y, False)[1], False, None)
        return self

    def _fitted_prior(self, X: Floats, y: Any) -> tuple[Any, Any]:
        """Return the prior as a layer and as a step before the net, one of them None; fitted if it may learn."""
        prior = as_prior(self.prior, type(self).__name__)
        if prior is not None and not isinstance(prior, Prior):
            prior.fit(X, y)
        return (prior, None) if is_layer(prior) else (None, prior)

    def _after_step(self, points: Floats) -> Floats:
        """Return the inputs of the net's layers."""
        return points if self._step is None else check_array(self._step.transform(points), dtype=FLOATS)

    def _start(self, layer: Any, data: Data, params: dict[str, Any], seed: int) -> None:
        from estimators.nets.training import start

        X, target, weight = data
        self._skorch = None
        self._scale_targets(target, weight)
        n_outputs, n_classes = self._n_outputs(target), self._n_classes()
        self._trained = start(params, layer, X, weight, seed, n_outputs=n_outputs, n_classes=n_classes)

    def _train(self, data: Data, valid: Data | None, epochs: int) -> None:
        from estimators.nets import training

        trained = self._current()
        params = trained.params
        schedule = training.schedule(params, len(data[0]), epochs, int(trained.state.progress[0]))
        if params["max_steps"] is not None:
            epochs = math.ceil(params["max_steps"] / math.ceil(len(data[0]) / schedule.batch_size))
        self.engine_ = self._engine()
        if self.engine_ == "skorch":
            from estimators.nets import building

            self._skorch = building.train(trained, data, valid, schedule, epochs)
        else:
            self._skorch = None
            training.train(trained, data, valid, schedule, epochs)

    def _engine(self) -> str:
        from estimators.compilation import IS_COMPILED

        elsewhere = self.device not in ("auto", "cpu")
        needs_skorch = self.callbacks or elsewhere or self._trained.learnt or not IS_COMPILED
        return "skorch" if needs_skorch else "compiled"

    def _resolved_params(self) -> dict[str, Any]:
        return {**self.get_params(deep=False), "loss": self.loss or self._losses[0]}

    def _check_goes_on(self, params: dict[str, Any]) -> None:
        """Raise if a parameter has changed with which the training cannot go on."""
        for name in _FIXED:
            if not are_equal(params[name], self._trained.params[name]):
                allowed = f"{self._trained.params[name]!r}, as in the fit that goes on"
                raise ValueError(error_message(name, type(self).__name__, allowed, params[name]))

    def _current(self) -> "Trained":
        """Return the net with the weights and the history of the skorch net, which anybody may have changed."""
        if self._skorch is not None:
            from estimators.nets import building

            building.pull(self._trained, self._skorch)
        return self._trained

    def _validate(self, X: ArrayLike, y: Any, fresh: bool) -> tuple[Floats, Any]:
        points, labels = validate_data(self, X, y, dtype=FLOATS, reset=fresh, multi_output=False)
        check_scale(points, "X", type(self).__name__)
        return points, labels

    def _split(
        self, points: Floats, target: NDArray[Any], weight: Floats | None, seed: int
    ) -> tuple[Data, Data | None]:
        """Return the training points and, with early stopping, the validation points."""
        if not self.early_stopping:
            return (points, target, weight), None
        strata = self._strata(target)
        self._check_split(len(points), 1 if strata is None else len(np.unique(strata)))
        train, valid = train_test_split(
            np.arange(len(points)),
            test_size=self.validation_fraction,
            random_state=seed,
            stratify=strata,
        )
        halves = ((points[r], target[r], None if weight is None else weight[r]) for r in (train, valid))
        return next(halves), next(halves)

    def _check_split(self, n: int, least: int) -> None:
        """Raise a ValueError if either part of a split of `n` points has fewer than `least`."""
        n_valid = math.ceil(self.validation_fraction * n)
        if min(n_valid, n - n_valid) < least:
            allowed = f"such that {n} points are split into two parts of {least} or more, one point of each class"
            raise ValueError(
                error_message("validation_fraction", type(self).__name__, allowed, self.validation_fraction)
            )

    def _strata(self, target: NDArray[Any]) -> NDArray[Any] | None:
        """Return the classes by which the split is stratified, if there are any."""
        return target

    def _scale_targets(self, target: NDArray[Any], weight: Floats | None) -> None:
        """Learn the scale of the targets, where they have one."""

    def _scaled(self, target: NDArray[Any]) -> NDArray[Any]:
        return target

    def _scaled_data(self, data: Data) -> Data:
        X, target, weight = data
        return X, self._scaled(target), weight

    def _n_classes(self) -> int | None:
        """Return the number of classes, or None for a regressor."""
        return None

    def as_of(self, epoch: int) -> Self:
        """Return a copy of the net as a training of `epoch` epochs would have left it.

        Needs a constant `schedule` and no `early_stopping`, because both depend on the number of epochs.

        Parameters
        ----------
        epoch : int
            One of the `checkpoints`.

        Returns
        -------
        net : Net

        Raises
        ------
        ValueError
            If the epoch is not among the `checkpoints`, or the training depends on the number of epochs.

        Examples
        --------
        >>> from estimators import NetClassifier
        >>> net = NetClassifier(epochs=3, checkpoints=(0, 1), random_state=0).fit([[0.0], [1.0]], [0, 1])
        >>> [len(net.as_of(epoch).history_) for epoch in net.checkpoints]
        [0, 1]
        """
        check_is_fitted(self)
        snapshots = self._trained.snapshots
        if epoch not in snapshots:
            owner = f"{type(self).__name__}.as_of"
            raise ValueError(error_message("epoch", owner, f"among {tuple(snapshots)}", epoch))
        params = self._trained.params
        if params["early_stopping"] or params["schedule"] != "constant":
            raise ValueError(f"{type(self).__name__}.as_of needs early_stopping=False and schedule='constant'.")
        net = copy.deepcopy(self).set_params(epochs=epoch, checkpoints=tuple(e for e in self.checkpoints if e <= epoch))
        net._skorch = None
        net._trained.state.values[:] = snapshots[epoch]
        del net._trained.history[epoch:]
        return net

    def gradients(self, X: ArrayLike) -> Floats:
        """Return the gradient of each output at each point, in float64: of the logits of classes, or of the values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features, n_outputs)
            As `estimators.agop` takes them.

        Raises
        ------
        ValueError
            If the prior is a step before the net.
        """
        from estimators.diagnostics import input_gradients
        from estimators.nets.building import build_module

        check_is_fitted(self)
        if self._step is not None:
            given = error_message("prior", f"{type(self).__name__}.gradients", "a layer, with coordinates", self.prior)
            raise ValueError(given)
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        return input_gradients(build_module(self._current()), points)

    def _outputs(self, X: ArrayLike) -> Floats:
        """Return the net's outputs (n_samples, n_outputs), of the dtype of `X`."""
        check_is_fitted(self)
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        check_scale(points, "X", type(self).__name__, allow_tiny=True)
        return self._raw_outputs(self._after_step(points)).astype(points.dtype)

    def _raw_outputs(self, points: Floats) -> Floats:
        """Return the outputs in float64."""
        from estimators.compilation import IS_COMPILED

        if IS_COMPILED:
            return self._current().outputs(points)
        from estimators.nets import building

        return building.outputs(self._current(), points)

    def _has_lossy_prior(self) -> bool:
        """Return True if the prior hides most features of scikit-learn's checks, so that a poor score is expected."""
        prior = PRIORS.get(self.prior) if isinstance(self.prior, str) else self.prior
        return isinstance(prior, Prior) and prior.lossy

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_integer(self.depth, "depth", owner, low=0)
        check_integer(self.width, "width", owner, low=1)
        check_choice(self.activation, "activation", owner, _ACTIVATIONS)
        as_prior(self.prior, owner)
        check_real(self.init_scale, "init_scale", owner, low=0, closed="[)")
        check_real(self.dropout, "dropout", owner, low=0, high=1, closed="[)")
        if self.loss is not None:
            check_choice(self.loss, "loss", owner, self._losses)
        check_integer(self.epochs, "epochs", owner, low=0)
        check_integer(self.batch_size, "batch_size", owner, low=1)
        check_real(self.learning_rate, "learning_rate", owner, low=0, closed="()")
        if self.max_steps is not None:
            check_integer(self.max_steps, "max_steps", owner, low=1)
        check_choice(self.schedule, "schedule", owner, _SCHEDULES)
        check_real(self.weight_decay, "weight_decay", owner, low=0, closed="[)")
        check_real(self.validation_fraction, "validation_fraction", owner, low=0, high=1, closed="()")
        check_integer(self.patience, "patience", owner, low=1)
        for epoch in self.checkpoints:
            check_integer(epoch, "checkpoints", owner, low=0)
        check_choice(self.dtype, "dtype", owner, DTYPES)
        check_skorch_options(self.callbacks, self.device, owner)


def check_skorch_options(callbacks: Any, device: str, owner: str) -> None:
    """Raise a ValueError if `callbacks` are not such as skorch takes, or this machine has no such `device`."""
    if callbacks:
        from estimators.nets.building import check_callbacks

        check_callbacks(callbacks, owner)
    if device not in ("auto", "cpu"):
        from estimators.nets.building import check_device

        check_device(device, owner)
