"""Neural nets: scikit-learn outside, skorch inside.

The estimator holds a skorch net, ``net_``, and inherits none: validation, labels and seeds are scikit-learn's affair,
epochs, callbacks and history skorch's.
"""

import copy
import functools
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from estimators.losses import FocalLoss
from estimators.modules import ACTIVATIONS, MLP, PriorLayer, Standardize
from estimators.priors import as_prior
from estimators.training import LeanNet
from toymanifold.validation import check_choice, check_integer, check_real, refusal

LOSSES: dict[str, type[nn.Module]] = {"cross_entropy": nn.CrossEntropyLoss, "focal": FocalLoss}

_ROWS_AT_ONCE = 8192  # of a forward pass at prediction: its activations stay in cache


class NetClassifier(ClassifierMixin, BaseEstimator):
    """A fully connected classifier trained with AdamW.

    Training is in float32; prediction is a float64 pass, so that it does not depend on which rows come together.

    Parameters
    ----------
    depth : int, default=3
        Hidden layers; 0 is logistic regression.
    width : int, default=64
        Units in each hidden layer.
    activation : {"relu", "tanh", "gelu", "silu"}, default="relu"
    prior : None, {"polar-sincos", "polar", "phase"} or Prior, default=None
        What the net is told of the problem: a layer in front that changes coordinates.
    standardize : bool, default=True
        Whether the inputs of the first linear layer (after the prior) are brought to mean 0 and variance 1, as
        measured on the training points.
    layer_norm : bool, default=False
        Normalise each hidden layer before its activation (Ba et al., Layer Normalization, 2016).
    dropout : float, default=0.0
        In [0, 1).
    loss : {"cross_entropy", "focal"}, default="cross_entropy"
        "focal" is `estimators.losses.FocalLoss` at its default gamma = 2.
    epochs : int, default=200
        Passes over the training points.
    batch_size : int, default=256
        Points a gradient step; never more than there are.
    learning_rate : float, default=1e-3
        Of AdamW, constant.
    weight_decay : float, default=0.0
        Decoupled (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019).
    device : str, default="auto"
        A torch device; "auto" is the GPU where there is one, else the CPU.
    callbacks : list of skorch callbacks or None, default=None
        Handed to skorch.
    verbose : int, default=0
        0 is silent; 1 prints each epoch's training loss.
    random_state : int, RandomState or None, default=None
        Of initial weights, shuffles and dropout. Torch's global generator is left as it was.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    net_ : LeanNet
        The fitted skorch net; its module takes raw inputs, so gradients are with respect to them.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` has string column names.

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(500, random_state=0)
    >>> net = NetClassifier(prior="phase", epochs=50, random_state=0).fit(X, y)
    >>> net.score(*make_spiral(500, random_state=1)) > 0.95
    True
    """

    def __init__(
        self,
        depth: int = 3,
        width: int = 64,
        activation: str = "relu",
        *,
        prior: Any = None,
        standardize: bool = True,
        layer_norm: bool = False,
        dropout: float = 0.0,
        loss: str = "cross_entropy",
        epochs: int = 200,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
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
        self.dropout = dropout
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a new net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels of at least two classes, of any type.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        self._check_parameters()
        points, labels = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(labels)
        encoder = LabelEncoder()
        codes = encoder.fit_transform(labels)
        self.classes_ = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(f"y of NetClassifier must hold at least 2 classes. Got 1 class: {self.classes_[0]!r}.")
        device = _device(self.device)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.net_ = self._build(points, device)
            self.net_.fit(torch.from_numpy(points), torch.from_numpy(codes))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class of `classes_` as (n_samples, n_classes)."""
        check_is_fitted(self, "net_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        module = copy.deepcopy(self.net_.module_).double().eval()
        with torch.inference_mode():
            rows = torch.from_numpy(X).split(_ROWS_AT_ONCE)
            logits = torch.cat([module(part.to(self.net_.device)).cpu() for part in rows])
            proba: NDArray[np.float64] = logits.softmax(dim=1).numpy()
        return proba

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class of each row of `X` (n_samples, n_features)."""
        proba = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[proba.argmax(axis=1)]
        return labels

    def _check_parameters(self) -> None:
        owner = "NetClassifier"
        check_integer(self.depth, "depth", owner, low=0)
        check_integer(self.width, "width", owner, low=1)
        check_choice(self.activation, "activation", owner, ACTIVATIONS)
        check_choice(self.loss, "loss", owner, LOSSES)
        check_real(self.dropout, "dropout", owner, low=0, high=1, closed="[)")
        check_integer(self.epochs, "epochs", owner, low=0)
        check_integer(self.batch_size, "batch_size", owner, low=1)
        check_real(self.learning_rate, "learning_rate", owner, low=0, closed="()")
        check_real(self.weight_decay, "weight_decay", owner, low=0, closed="[)")

    def _build(self, X: NDArray[np.float32], device: torch.device) -> LeanNet:
        """Return an untrained skorch net for data like `X`."""
        return LeanNet(
            MLP,
            **{f"module__{name}": value for name, value in self._architecture(X).items()},
            criterion=LOSSES[self.loss],
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.weight_decay,
            optimizer__fused=True,
            lr=self.learning_rate,
            max_epochs=self.epochs,
            batch_size=self.batch_size,
            train_split=None,
            callbacks=self.callbacks,
            callbacks__train_loss=None,  # LeanNet records it
            callbacks__valid_loss=None,
            callbacks__valid_acc=None,
            predict_nonlinearity=functools.partial(torch.softmax, dim=-1),
            verbose=self.verbose,
            device=device,
        )

    def _architecture(self, X: NDArray[np.float32]) -> dict[str, Any]:
        """Return the arguments of the `MLP`, with input layers fitted to `X`."""
        inputs: list[nn.Module] = []
        features: NDArray[np.floating] = X.astype(np.float64)
        prior = as_prior(self.prior, "NetClassifier")
        if prior is not None:
            inputs.append(PriorLayer(prior))
            features = prior.fit(features).transform(features)
        if self.standardize:
            std = features.std(axis=0)
            inputs.append(Standardize(features.mean(axis=0), np.where(std > 0, std, 1.0)))
        return {
            "inputs": inputs,
            "n_inputs": features.shape[1],
            "n_outputs": len(self.classes_),
            "depth": self.depth,
            "width": self.width,
            "activation": self.activation,
            "dropout": self.dropout,
            "layer_norm": self.layer_norm,
        }


def _device(name: str) -> torch.device:
    """Resolve "auto", or a torch device by name."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(refusal("device", "NetClassifier", '"auto" or a torch device', name)) from error
