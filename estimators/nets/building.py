"""The torch and skorch parts of a net, built from its parameters. This module is imported when a net is fitted."""

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import skorch
import torch
from numpy.typing import NDArray
from skorch.callbacks import EarlyStopping, LRScheduler
from torch import nn

from estimators.base import mean_and_std
from estimators.nets.losses import LOSSES, LossGradient, output_link
from estimators.nets.modules import MLP, PriorLayer, Standardize
from estimators.nets.training import Points, Snapshots
from estimators.priors import as_prior
from toymanifold.validation import error_message

Floats = NDArray[np.floating]
Params = Mapping[str, Any]
"""Of `estimators.nets.Net`, by name; the loss is never None."""

_ARCHITECTURE = ("depth", "width", "activation", "dropout", "layer_norm", "residual", "bias", "init_scale")
_ROWS_AT_ONCE = 8192  # of a forward pass at prediction: its activations stay in cache


class PlainAdamW(torch.optim.AdamW):
    """The AdamW of torch, without the import of torch's compiler.

    In torch, to construct an optimizer or to take a step imports ``torch._dynamo`` and sympy, for up to seven seconds.
    The training loop takes the steps itself (`estimators.nets.adamw`): this class holds learning rates and states.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take a step, if any parameter has a gradient."""
        if closure is None and not any(p.grad is not None for group in self.param_groups for p in group["params"]):
            return None
        return super().step(closure)


def build_classifier(
    params: Params, X: Floats, weight: Floats | None, device: torch.device, *, n_classes: int
) -> skorch.NeuralNet:
    """Return an untrained skorch net for points like `X` and `n_classes`."""
    return _skorch_net(
        skorch.NeuralNetClassifier,
        params,
        _mlp(params, X, weight, n_classes),
        device,
        classes=list(range(n_classes)),
        callbacks__valid_acc=None,
        predict_nonlinearity=output_link(params["loss"]),
    )


def build_regressor(
    params: Params, X: Floats, weight: Floats | None, device: torch.device, *, n_outputs: int
) -> skorch.NeuralNet:
    """Return an untrained skorch net for points like `X` and `n_outputs` values."""
    return _skorch_net(skorch.NeuralNetRegressor, params, _mlp(params, X, weight, n_outputs), device)


def resolve_device(name: str, owner: str) -> torch.device:
    """Return the torch device of a name; "auto" is the GPU where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(error_message("device", owner, '"auto" or a torch device', name)) from error


def loss_gradient(loss: str) -> LossGradient:
    """Return a loss by name, with its gradient."""
    return LOSSES[loss][1]


def as_tensors(X: Floats, target: NDArray[Any], weight: Floats | None, dtype: str) -> Points:
    """Return training points as tensors of the `dtype`; class codes stay integers."""
    real = getattr(torch, dtype)
    y = torch.tensor(target)
    return Points(
        torch.tensor(X, dtype=real),
        y.to(real) if y.is_floating_point() else y,
        None if weight is None else torch.tensor(weight, dtype=real),
    )


def outputs(net: skorch.NeuralNet, X: Floats) -> Floats:
    """Return the outputs of a fitted skorch net, from a pass in float64, in the dtype of `X`."""
    double = copy.deepcopy(net.module_).double().eval()
    with torch.inference_mode():
        parts = torch.tensor(X, dtype=torch.float64).split(_ROWS_AT_ONCE)
        values: Floats = torch.cat([double(part.to(net.device)).cpu() for part in parts]).numpy()
    return values.astype(X.dtype)


def probabilities(loss: str, outputs: Floats) -> Floats:
    """Return the probabilities (n, n_classes) that outputs stand for."""
    values: Floats = output_link(loss)(torch.from_numpy(outputs)).numpy()
    return values


def _mlp(params: Params, X: Floats, weight: Floats | None, n_outputs: int) -> MLP:
    inputs, n_inputs = _input_layers(params, X, weight)
    architecture = {name: params[name] for name in _ARCHITECTURE}
    return MLP(inputs, n_inputs, n_outputs, **architecture).to(getattr(torch, params["dtype"]))


def _input_layers(params: Params, X: Floats, weight: Floats | None) -> tuple[list[nn.Module], int]:
    """Return the input layers, fitted to `X`, and the number of features after them."""
    layers: list[nn.Module] = []
    features: Floats = X.astype(np.float64)
    prior = as_prior(params["prior"], "Net")
    if prior is not None:
        prior.check_features(X.shape[1])
        layers.append(PriorLayer(prior, X.shape[1]))
        features = prior.coordinates(features)
    if params["standardize"]:
        layers.append(Standardize(*mean_and_std(features, weight)))
    return layers, features.shape[1]


def _skorch_net(
    kind: type[skorch.NeuralNet], params: Params, module: MLP, device: torch.device, **others: Any
) -> skorch.NeuralNet:
    if not params["verbose"]:
        others["callbacks__print_log"] = None  # it lays out its table even when silent
    return kind(
        module,
        criterion=LOSSES[params["loss"]][0],
        optimizer=PlainAdamW,
        optimizer__weight_decay=params["weight_decay"],
        lr=params["learning_rate"],
        batch_size=params["batch_size"],
        callbacks=_callbacks(params),
        callbacks__train_loss=None,  # the loop records both losses
        callbacks__valid_loss=None,
        verbose=params["verbose"],
        device=device,
        **others,
    ).initialize()


def _callbacks(params: Params) -> list[Any]:
    callbacks = list(params["callbacks"] or [])
    if params["schedule"] == "cosine":
        policy = torch.optim.lr_scheduler.CosineAnnealingLR
        callbacks.append(("schedule", LRScheduler(policy, T_max=max(1, params["epochs"]))))
    if params["early_stopping"]:
        sink = print if params["verbose"] else _silence
        callbacks.append(("stopping", EarlyStopping(patience=params["patience"], load_best=True, sink=sink)))
    if len(params["checkpoints"]):
        callbacks.append(("snapshots", Snapshots(tuple(params["checkpoints"]))))
    return callbacks


def _silence(_: str) -> None:
    """Print nothing; a function of the module, so that a net that holds it can be pickled."""
