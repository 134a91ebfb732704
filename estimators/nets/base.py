"""The base of the nets: parameters, validation and the methods that scikit-learn asks for.

The estimators hold a skorch net, ``net_``, and do not inherit from one: validation, labels, weights and seeds follow
scikit-learn, epochs, callbacks and history skorch. `fit` imports torch, so that a net is constructed without it.
"""

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.priors import PRIORS, Prior, as_prior
from toymanifold.validation import check_choice, check_integer, check_real, error_message

if TYPE_CHECKING:
    import pandas as pd
    import skorch
    import torch

    from estimators.nets.training import Points, Training

Floats = NDArray[np.floating]

_DTYPES = ("float32", "float64")
_SCHEDULES = ("constant", "cosine")


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
    prior : {"none", "polar-sincos", "polar", "phase"}, Prior or None, default=None
        The change of coordinates that the net has as its first layer; None and "none" are no change.
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
    schedule : {"constant", "cosine"}, default="constant"
        Of the learning rate; "cosine" lowers it to 0 over the epochs. For others use skorch's ``LRScheduler`` callback.
    weight_decay : float, default=0.0
        Decoupled (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019).
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the points, stop when their loss has not fallen for `patience`
        epochs, and keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        In (0, 1).
    patience : int, default=20
    checkpoints : tuple of int, default=()
        Epochs after which weights are kept for `as_of`; epoch 0 has the initial weights.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit.
    dtype : {"float32", "float64"}, default="float32"
        Of training.
    device : str, default="auto"
        A torch device; "auto" is the GPU where there is one, else the CPU.
    callbacks : list of skorch callbacks or None, default=None
        Passed to skorch.
    verbose : int, default=0
        0 is silent; 1 prints each epoch's losses.
    random_state : int, RandomState or None, default=None
        Of initial weights, shuffles and dropout. Torch's global generator does not change.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The fitted net; its module takes raw inputs, so gradients are with respect to them.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` has string column names.
    """

    _losses: tuple[str, ...]  # the first is the default

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
        schedule: str = "constant",
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 20,
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
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
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
    def _build(self, X: Floats, weight: Floats | None, device: "torch.device") -> "skorch.NeuralNet":
        """Return an untrained skorch net for data like `X`."""

    @property
    def history_(self) -> "pd.DataFrame":
        """One row for each epoch: ``epoch``, ``train_loss``, ``valid_loss`` if there is one, ``dur`` in seconds."""
        import pandas as pd

        check_is_fitted(self, "net_")
        return pd.DataFrame([{k: v for k, v in epoch.items() if k != "batches"} for epoch in self.net_.history])

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
        fresh = not (self.warm_start and hasattr(self, "net_"))
        return self._fit(X, y, sample_weight, fresh=fresh, epochs=self.epochs)

    def _fit(
        self, X: ArrayLike, y: Any, sample_weight: Any, *, fresh: bool, epochs: int, classes: ArrayLike | None = None
    ) -> Self:
        from estimators.nets.training import train

        training = self.prepare(X, y, sample_weight, fresh=fresh, epochs=epochs, classes=classes)
        train([training])
        if training.error is not None:
            raise training.error
        return self

    def prepare(
        self,
        X: ArrayLike,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        fresh: bool = True,
        epochs: int | None = None,
        classes: ArrayLike | None = None,
    ) -> "Training":
        """Do all of a fit that comes before training: `fit` is this and `estimators.nets.training.train`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        fresh : bool, default=True
            Whether to begin with a new net.
        epochs : int or None, default=None
            None is the parameter `epochs`.
        classes : array-like of shape (n_classes,) or None, default=None
            All classes of a fresh classifier; None is those of `y`.

        Returns
        -------
        training : Training
        """
        import torch

        from estimators.nets import building
        from estimators.nets.training import Training

        self._check_parameters()
        points, labels = self._validate(X, y, fresh)
        target = self._encode(labels, fresh, classes)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, points, dtype=np.float64, ensure_non_negative=True)
        if fresh:
            self._rng = check_random_state(self.random_state)
        device = building.resolve_device(self.device, type(self).__name__)
        seed = int(self._rng.randint(2**31))
        train, valid = self._split(points, target, weight, seed)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            if fresh:
                self._scale_targets(train[1], train[2])
                self.net_ = self._build(train[0], train[2], device)
            generator = torch.Generator()
            generator.set_state(torch.get_rng_state())
        return Training(
            self.net_,
            building.loss_gradient(self._loss_name()),
            self._points(*train),
            None if valid is None else self._points(*valid),
            self.epochs if epochs is None else epochs,
            generator,
        )

    def _validate(self, X: ArrayLike, y: Any, fresh: bool) -> tuple[Floats, Any]:
        points, labels = validate_data(self, X, y, dtype=FLOATS, reset=fresh, multi_output=False)
        return points, labels

    def _split(
        self, points: Floats, target: NDArray[Any], weight: Floats | None, seed: int
    ) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
        """Return the training points and, with early stopping, the validation points."""
        everything = (points, target, weight)
        if not self.early_stopping:
            return everything, None
        train, valid = train_test_split(
            np.arange(len(points)),
            test_size=self.validation_fraction,
            random_state=seed,
            stratify=self._strata(target),
        )
        held = [tuple(None if part is None else part[rows] for part in everything) for rows in (train, valid)]
        return held[0], held[1]

    def _strata(self, target: NDArray[Any]) -> NDArray[Any] | None:
        """Return the classes by which the split is stratified, if there are any."""
        return target

    def _scale_targets(self, target: NDArray[Any], weight: Floats | None) -> None:
        """Learn the scale of the targets, where they have one."""

    def _scaled(self, target: NDArray[Any]) -> NDArray[Any]:
        return target

    def _points(self, X: Floats, target: NDArray[Any], weight: Floats | None) -> "Points":
        from estimators.nets import building

        return building.as_tensors(X, self._scaled(target), weight, self.dtype)

    def _loss_name(self) -> str:
        return self.loss or self._losses[0]

    def _building_params(self) -> dict[str, Any]:
        return {**self.get_params(deep=False), "loss": self._loss_name()}

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
        check_is_fitted(self, "net_")
        states = dict(self.net_.callbacks_)["snapshots"].states_ if len(self.checkpoints) else {}
        if epoch not in states:
            raise ValueError(error_message("epoch", f"{type(self).__name__}.as_of", f"among {tuple(states)}", epoch))
        if self.early_stopping or self.schedule != "constant":
            raise ValueError(f"{type(self).__name__}.as_of needs early_stopping=False and schedule='constant'.")
        net = copy.deepcopy(self).set_params(epochs=epoch, checkpoints=tuple(e for e in self.checkpoints if e <= epoch))
        net.net_.module_.load_state_dict(states[epoch])
        del net.net_.history[epoch:]
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
        """
        from estimators.diagnostics import input_gradients

        check_is_fitted(self, "net_")
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        return input_gradients(self.net_.module_, points)

    def _outputs(self, X: ArrayLike) -> Floats:
        """Return the net's outputs (n_samples, n_outputs), of the dtype of `X`."""
        from estimators.nets import building

        check_is_fitted(self, "net_")
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        return building.outputs(self.net_, points)

    def _has_lossy_prior(self) -> bool:
        """Whether the prior hides most features of scikit-learn's checks, so that a poor score is to be expected."""
        prior = PRIORS.get(self.prior) if isinstance(self.prior, str) else self.prior
        return isinstance(prior, Prior) and prior.lossy

    def _check_parameters(self) -> None:
        from estimators.nets.modules import ACTIVATIONS

        owner = type(self).__name__
        check_integer(self.depth, "depth", owner, low=0)
        check_integer(self.width, "width", owner, low=1)
        check_choice(self.activation, "activation", owner, ACTIVATIONS)
        as_prior(self.prior, owner)
        check_real(self.init_scale, "init_scale", owner, low=0, closed="[)")
        check_real(self.dropout, "dropout", owner, low=0, high=1, closed="[)")
        if self.loss is not None:
            check_choice(self.loss, "loss", owner, self._losses)
        check_integer(self.epochs, "epochs", owner, low=0)
        check_integer(self.batch_size, "batch_size", owner, low=1)
        check_real(self.learning_rate, "learning_rate", owner, low=0, closed="()")
        check_choice(self.schedule, "schedule", owner, _SCHEDULES)
        check_real(self.weight_decay, "weight_decay", owner, low=0, closed="[)")
        check_real(self.validation_fraction, "validation_fraction", owner, low=0, high=1, closed="()")
        check_integer(self.patience, "patience", owner, low=1)
        for epoch in self.checkpoints:
            check_integer(epoch, "checkpoints", owner, low=0)
        check_choice(self.dtype, "dtype", owner, _DTYPES)
