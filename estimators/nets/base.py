"""Neural nets: scikit-learn outside, skorch inside.

The estimators hold a skorch net, ``net_``, and inherit none: validation, labels, weights and seeds are scikit-learn's
affair, epochs, callbacks and history skorch's.
"""

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import skorch
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from skorch.callbacks import EarlyStopping, LRScheduler
from torch import Tensor, nn

from estimators.diagnostics import input_gradients
from estimators.nets.losses import LOSSES, nearest_probabilities
from estimators.nets.modules import ACTIVATIONS, MLP, PriorLayer, Standardize
from estimators.priors import PRIORS, Prior, as_prior
from estimators.nets.training import Points, Run, Snapshots, train
from toymanifold.validation import check_choice, check_integer, check_real, error_message

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.floating]

_FLOATS = (np.float64, np.float32)
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_SCHEDULES = ("constant", "cosine")
_ROWS_AT_ONCE = 8192  # of a forward pass at prediction: its activations stay in cache


class Net(BaseEstimator, ABC):
    """A fully connected net trained with AdamW; base of `NetClassifier` and `NetRegressor`.

    Prediction is a float64 pass, so that it does not depend on which rows come together.

    Parameters
    ----------
    depth : int, default=3
        Hidden layers; 0 is a linear model.
    width : int, default=64
        Units in each hidden layer.
    activation : {"relu", "tanh", "gelu", "silu", "square"}, default="relu"
    prior : None, {"polar-sincos", "polar", "phase"} or Prior, default=None
        What the net is told of the problem: a layer in front that changes coordinates.
    standardize : bool, default=True
        Whether the inputs of the first linear layer (after the prior) are brought to mean 0 and variance 1, as
        measured on the training points; and the targets of a regression likewise.
    layer_norm : bool, default=False
        Normalise each hidden layer before its activation (Ba et al., Layer Normalization, 2016).
    residual : bool, default=False
        Add to each hidden layer but the first its own input.
    bias : bool, default=True
        Whether linear layers have a constant.
    init_scale : float, default=1.0
        Factor on the initial weights of linear layers, which torch draws with variance 1 / (3 fan_in). For ReLU, a
        factor of sqrt(6) = 2.45 keeps the variance of a signal from layer to layer (He et al. 2015); less makes
        gradients vanish with depth, more makes them explode.
    dropout : float, default=0.0
        In [0, 1).
    loss : str or None, default=None
        A classifier's or a regressor's; None is the first that it names.
    epochs : int, default=200
        Passes over the training points.
    batch_size : int, default=256
        Points a gradient step; never more than there are.
    learning_rate : float, default=1e-3
        Of AdamW.
    schedule : {"constant", "cosine"}, default="constant"
        Of the learning rate; "cosine" brings it to 0 over the epochs. Others by skorch's ``LRScheduler`` callback.
    weight_decay : float, default=0.0
        Decoupled (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019).
    early_stopping : bool, default=False
        Whether to hold back `validation_fraction` of the points, stop when their loss has not fallen for `patience`
        epochs, and keep the best epoch's weights.
    validation_fraction : float, default=0.1
        In (0, 1).
    patience : int, default=20
    checkpoints : tuple of int, default=()
        Epochs after which weights are kept, for the ``staged_`` methods; 0 is the initial ones.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    dtype : {"float32", "float64"}, default="float32"
        Of training.
    device : str, default="auto"
        A torch device; "auto" is the GPU where there is one, else the CPU.
    callbacks : list of skorch callbacks or None, default=None
        Handed to skorch.
    verbose : int, default=0
        0 is silent; 1 prints each epoch's losses.
    random_state : int, RandomState or None, default=None
        Of initial weights, shuffles and dropout. Torch's global generator is left as it was.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The fitted net; its module takes raw inputs, so gradients are with respect to them.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` has string column names.
    """

    _losses: tuple[str, ...]  # the first is the default
    _skorch_class: type[skorch.NeuralNet]

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
    def _encode(self, y: Any, fresh: bool) -> NDArray[Any]:
        """Turn validated labels into what the loss takes; on a fresh fit, learn how."""

    @abstractmethod
    def _n_outputs(self) -> int:
        """Return the outputs of the net."""

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

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        fresh = not (self.warm_start and hasattr(self, "net_"))
        return self._fit(X, y, sample_weight, fresh, self.epochs)

    def _fit(self, X: ArrayLike, y: Any, sample_weight: Any, fresh: bool, epochs: int) -> Self:
        run = self.prepare(X, y, sample_weight, fresh=fresh, epochs=epochs)
        train([run])
        if run.error is not None:
            raise run.error
        return self

    def prepare(
        self,
        X: ArrayLike,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        fresh: bool = True,
        epochs: int | None = None,
    ) -> Run:
        """Do all of a fit that comes before training: `fit` is this and `estimators.nets.training.train`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        fresh : bool, default=True
            Whether to begin with a new net.
        epochs : int or None, default=None
            None is as many as `epochs` says.
        """
        self._check_parameters()
        points, labels = self._validate(X, y, fresh)
        target = self._encode(labels, fresh)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, points, dtype=np.float64, ensure_non_negative=True)
        if fresh:
            self._rng = check_random_state(self.random_state)
        device = _device(self.device, type(self).__name__)
        seed = int(self._rng.randint(2**31))
        train, valid = self._split(points, target, weight, seed)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            if fresh:
                self._scale_targets(train[1], train[2])
                self.net_ = self._build(train[0], train[2], device)
            generator = torch.Generator()
            generator.set_state(torch.get_rng_state())
        return Run(
            self.net_,
            LOSSES[self.loss or self._losses[0]][1],
            self._points(*train),
            None if valid is None else self._points(*valid),
            self.epochs if epochs is None else epochs,
            generator,
        )

    def _validate(self, X: ArrayLike, y: Any, fresh: bool) -> tuple[Floats, Any]:
        points, labels = validate_data(self, X, y, dtype=_FLOATS, reset=fresh, multi_output=False)
        return points, labels

    def _split(
        self, points: Floats, target: NDArray[Any], weight: Floats | None, seed: int
    ) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
        """Hold back validation points if they are needed."""
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
        """Return the classes that training and validation points share alike, if there are any."""
        return target

    def _scale_targets(self, target: NDArray[Any], weight: Floats | None) -> None:
        """Learn the scale of the targets, where they have one."""

    def _scaled(self, target: NDArray[Any]) -> NDArray[Any]:
        return target

    def _points(self, X: Floats, target: NDArray[Any], weight: Floats | None) -> Points:
        dtype = _DTYPES[self.dtype]
        y = torch.tensor(self._scaled(target))
        return Points(
            torch.tensor(X, dtype=dtype),
            y.to(dtype) if y.is_floating_point() else y,
            None if weight is None else torch.tensor(weight, dtype=dtype),
        )

    def _build(self, X: Floats, weight: Floats | None, device: torch.device) -> skorch.NeuralNet:
        """Return an untrained skorch net for data like `X`."""
        inputs, n_inputs = self._inputs(X, weight)
        module = MLP(
            inputs,
            n_inputs,
            self._n_outputs(),
            depth=self.depth,
            width=self.width,
            activation=self.activation,
            dropout=self.dropout,
            layer_norm=self.layer_norm,
            residual=self.residual,
            bias=self.bias,
            init_scale=self.init_scale,
        ).to(_DTYPES[self.dtype])
        return self._skorch_class(
            module,
            criterion=LOSSES[self.loss or self._losses[0]][0],
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.weight_decay,
            lr=self.learning_rate,
            batch_size=self.batch_size,
            callbacks=self._callbacks(),
            callbacks__train_loss=None,  # the loop records both losses
            callbacks__valid_loss=None,
            verbose=self.verbose,
            device=device,
            **self._skorch_params(),
        ).initialize()

    def _skorch_params(self) -> dict[str, Any]:
        """Return what else skorch is told."""
        return {} if self.verbose else {"callbacks__print_log": None}  # which lays out its table even when silent

    def _callbacks(self) -> list[Any]:
        callbacks = list(self.callbacks or [])
        if self.schedule == "cosine":
            policy = torch.optim.lr_scheduler.CosineAnnealingLR
            callbacks.append(("schedule", LRScheduler(policy, T_max=max(1, self.epochs))))
        if self.early_stopping:
            sink = print if self.verbose else _silence
            callbacks.append(("stopping", EarlyStopping(patience=self.patience, load_best=True, sink=sink)))
        if len(self.checkpoints):
            callbacks.append(("snapshots", Snapshots(tuple(self.checkpoints))))
        return callbacks

    def _inputs(self, X: Floats, weight: Floats | None) -> tuple[list[nn.Module], int]:
        """Return the input layers, fitted to `X`, and how many features they put out."""
        inputs: list[nn.Module] = []
        features: Floats = X.astype(np.float64)
        prior = as_prior(self.prior, type(self).__name__)
        if prior is not None:
            prior.check_features(X.shape[1])
            inputs.append(PriorLayer(prior, X.shape[1]))
            features = prior.coordinates(features)
        if self.standardize:
            inputs.append(Standardize(*_mean_and_std(features, weight)))
        return inputs, features.shape[1]

    def as_of(self, epoch: int) -> Self:
        """Return a copy of the net as a training of `epoch` epochs, one of the `checkpoints`, would have left it.

        Only without `early_stopping` and with a constant `schedule`, which know where a training ends.
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
        """Return the gradient of each output at each point: of the logits of classes, or of the values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features, n_outputs)
            As `diagnostics.agop` takes them.
        """
        check_is_fitted(self, "net_")
        points = validate_data(self, X, dtype=_FLOATS, reset=False)
        return input_gradients(self.net_.module_, points)

    def _outputs(self, X: ArrayLike) -> Floats:
        """Return the net's outputs (n_samples, n_outputs), of the dtype of `X`."""
        check_is_fitted(self, "net_")
        points = validate_data(self, X, dtype=_FLOATS, reset=False)
        return self._forward(self.net_.module_, points)

    def _staged_outputs(self, X: ArrayLike) -> Iterator[Floats]:
        """Yield the net's outputs at each of the checkpoints that training has reached."""
        check_is_fitted(self, "net_")
        if not len(self.checkpoints):
            raise ValueError(error_message("checkpoints", type(self).__name__, "epochs to be kept", self.checkpoints))
        points = validate_data(self, X, dtype=_FLOATS, reset=False)
        module = copy.deepcopy(self.net_.module_)
        for _, state in sorted(dict(self.net_.callbacks_)["snapshots"].states_.items()):
            module.load_state_dict(state)
            yield self._forward(module, points)

    def _forward(self, module: nn.Module, points: Floats) -> Floats:
        double = copy.deepcopy(module).double().eval()
        with torch.inference_mode():
            parts = torch.tensor(points, dtype=torch.float64).split(_ROWS_AT_ONCE)
            outputs: Floats = torch.cat([double(part.to(self.net_.device)).cpu() for part in parts]).numpy()
        return outputs.astype(points.dtype)

    def _sees_little(self) -> bool:
        """Tell whether the prior leaves nothing of data that it was not made for: a tag of scikit-learn's."""
        prior = PRIORS.get(self.prior) if isinstance(self.prior, str) else self.prior
        return isinstance(prior, Prior) and prior.lossy

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_integer(self.depth, "depth", owner, low=0)
        check_integer(self.width, "width", owner, low=1)
        check_choice(self.activation, "activation", owner, ACTIVATIONS)
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


class NetClassifier(ClassifierMixin, Net):
    """A fully connected classifier trained with AdamW.

    Its parameters are those of `estimators.nets.Net`; `loss` is "cross_entropy" (the default), "focal", `FocalLoss`
    with gamma = 2, or "one_hot_squared_error", `OneHotSquaredError`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(500, random_state=0)
    >>> net = NetClassifier(prior="phase", epochs=50, random_state=0).fit(X, y)
    >>> net.score(*make_spiral(500, random_state=1)) > 0.95
    True
    """

    _losses = ("cross_entropy", "focal", "one_hot_squared_error")
    _skorch_class = skorch.NeuralNetClassifier

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Take one pass over more points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,) or None, default=None
            All classes that may ever come; those of `y` if None in the first call, not needed in later ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
        """
        fresh = not hasattr(self, "net_")
        self._announced = None if classes is None else np.unique(np.asarray(classes))
        try:
            return self._fit(X, y, sample_weight, fresh, epochs=1)
        finally:
            del self._announced

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class of `classes_` as (n_samples, n_classes)."""
        return self._probabilities(self._outputs(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class of each row of `X` (n_samples, n_features)."""
        codes = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels

    def staged_predict_proba(self, X: ArrayLike) -> Iterator[Floats]:
        """Yield `predict_proba` as it was at each of the `checkpoints`, in order."""
        return (self._probabilities(outputs) for outputs in self._staged_outputs(X))

    def staged_predict(self, X: ArrayLike) -> Iterator[NDArray[Any]]:
        """Yield `predict` as it was at each of the `checkpoints`, in order."""
        return (self.classes_[outputs.argmax(axis=1)] for outputs in self._staged_outputs(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = self._sees_little()
        return tags

    def _encode(self, y: Any, fresh: bool) -> NDArray[np.int64]:
        check_classification_targets(y)
        if fresh:
            announced = getattr(self, "_announced", None)
            self.classes_ = unique_labels(y) if announced is None else announced
            if len(self.classes_) < 2:
                raise ValueError(f"y of NetClassifier must hold at least 2 classes. Got 1 class: {self.classes_[0]!r}.")
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = np.asarray(y)[self.classes_[codes] != y]
        if len(unknown):
            known = f"among the classes of the first fit, {self.classes_.tolist()}"
            raise ValueError(error_message("y", "NetClassifier", known, unknown.tolist()[0]))
        return codes.astype(np.int64)

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _skorch_params(self) -> dict[str, Any]:
        return {
            **super()._skorch_params(),
            "classes": list(range(len(self.classes_))),
            "callbacks__valid_acc": None,
            "predict_nonlinearity": self._link(),
        }

    def _probabilities(self, outputs: Floats) -> Floats:
        probabilities: Floats = self._link()(torch.from_numpy(outputs)).numpy()
        return probabilities

    def _link(self) -> Callable[[Tensor], Tensor]:
        """Return what makes probabilities of outputs: the loss decides what these are."""
        if self.loss == "one_hot_squared_error":
            return nearest_probabilities
        return functools.partial(torch.softmax, dim=-1)


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
    _skorch_class = skorch.NeuralNetRegressor

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Take one pass over more points; the scale of the targets stays that of the first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,) or None, default=None
        """
        return self._fit(X, y, sample_weight, not hasattr(self, "net_"), epochs=1)

    def predict(self, X: ArrayLike) -> Floats:
        """Return the value of each row of `X` (n_samples, n_features), (n_samples,) or (n_samples, n_outputs)."""
        return self._values(self._outputs(X))

    def gradients(self, X: ArrayLike) -> Floats:
        """Return the gradient of each value at each point, as `Net.gradients` does."""
        return super().gradients(X) * self._target_std

    def staged_predict(self, X: ArrayLike) -> Iterator[Floats]:
        """Yield `predict` as it was at each of the `checkpoints`, in order."""
        return (self._values(outputs) for outputs in self._staged_outputs(X))

    def _values(self, outputs: Floats) -> Floats:
        values = (outputs * self._target_std + self._target_mean).astype(outputs.dtype)
        return values[:, 0] if self._flat else values

    def _validate(self, X: ArrayLike, y: Any, fresh: bool) -> tuple[Floats, Any]:
        points, values = validate_data(self, X, y, dtype=_FLOATS, reset=fresh, multi_output=True, y_numeric=True)
        return points, values

    def _encode(self, y: Any, fresh: bool) -> Floats:
        values = np.asarray(y, dtype=np.float64)
        if fresh:
            self._flat = values.ndim == 1
        return values.reshape(len(values), -1)

    def _n_outputs(self) -> int:
        return len(self._target_mean)

    def _strata(self, target: NDArray[Any]) -> None:  # noqa: ARG002
        return None

    def _scale_targets(self, target: Floats, weight: Floats | None) -> None:
        mean, std = _mean_and_std(target, weight)
        self._target_mean, self._target_std = (
            (mean, std) if self.standardize else (np.zeros_like(mean), np.ones_like(std))
        )

    def _scaled(self, target: Floats) -> Floats:
        return (target - self._target_mean) / self._target_std

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = self._sees_little()
        return tags


def _mean_and_std(values: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    """Return the weighted mean and standard deviation of each column, 1 for one that is constant."""
    mean = np.average(values, axis=0, weights=weight)
    std = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(std > 1e-12 * np.abs(mean), std, 1.0)


def _silence(_: str) -> None:
    """Print nothing; a function of the module, so that a net that holds it can be pickled."""


def _device(name: str, owner: str) -> torch.device:
    """Resolve "auto", or a torch device by name."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(error_message("device", owner, '"auto" or a torch device', name)) from error
