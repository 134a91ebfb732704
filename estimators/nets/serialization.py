"""Fitted nets as bytes and back: parameters as JSON, weights as safetensors.

Nothing is pickled, so bytes from an untrusted source can at worst give a wrong net. Other estimators are not
serialized.
"""

import json
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from sklearn.base import BaseEstimator
from torch import Tensor

from estimators.nets import building
from estimators.nets.base import Net
from estimators.nets.classifier import NetClassifier
from estimators.nets.compiled import State
from estimators.nets.regressor import NetRegressor
from estimators.nets.training import Inputs, Trained, architecture, n_values
from estimators.priors import as_prior

_CLASSES: dict[str, Any] = {"NetClassifier": NetClassifier, "NetRegressor": NetRegressor}

_FITTED = ("n_features_in_", "feature_names_in_", "classes_", "_target_mean", "_target_std", "_flat", "engine_")

_SIZE_BYTES = 8  # of the header's length, with which a safetensors file begins


class ModelError(ValueError):
    """The bytes are not a net that `dump` wrote."""


def dump(estimator: BaseEstimator) -> bytes | None:
    """Return a fitted net as bytes.

    Parameters
    ----------
    estimator : BaseEstimator
        Fitted.

    Returns
    -------
    model : bytes or None
        None if the estimator is not a `NetClassifier` or `NetRegressor`, or a parameter is not plain data.

    Examples
    --------
    >>> from estimators import NetClassifier
    >>> net = NetClassifier(epochs=1, random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> load(dump(net)).get_params() == net.get_params()
    True
    """
    if type(estimator) not in _CLASSES.values():
        return None
    header = {
        "class": type(estimator).__name__,
        "params": estimator.get_params(deep=False),
        "fitted": {name: _plain(getattr(estimator, name)) for name in _FITTED if hasattr(estimator, name)},
        "history": list(estimator.history_),
        "seed": estimator._trained.seed,
    }
    try:
        text = json.dumps(header)
    except TypeError:
        return None
    return safetensors.torch.save(_tensors(estimator), {"toymanifold": text})


def load(model: bytes) -> Net:
    """Return the fitted net that `dump` wrote, on the CPU.

    On the same machine its predictions equal those of the original bit for bit. If training continues, the optimizer
    starts from a new state.

    Parameters
    ----------
    model : bytes

    Returns
    -------
    net : Net

    Raises
    ------
    ModelError
        If the bytes are anything else.
    """
    try:
        tensors = safetensors.torch.load(model)
        header = json.loads(_safetensors_header(model)["__metadata__"]["toymanifold"])
        params = {name: tuple(v) if isinstance(v, list) else v for name, v in header["params"].items()}
        net = _CLASSES[header["class"]](**params)
        for name in _FITTED:
            if name in header["fitted"]:
                setattr(net, name, _array(header["fitted"][name]))
        return _with_weights(net, tensors, header)
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"the bytes are not a stored model: {error}") from error


def _tensors(net: Net) -> dict[str, Tensor]:
    """Return weights and history, under the names "weights.", "checkpoint.EPOCH." and "history."."""
    trained = net._current()
    groups = {"weights": trained.state.values}
    groups |= {f"checkpoint.{epoch}": values for epoch, values in trained.snapshots.items()}
    states = {name: building.state_dict(trained, values) for name, values in groups.items()}
    learnt = {f"{group}.{name}": tensor for group, state in states.items() for name, tensor in state.items()}
    history = {f"history.{name}": torch.tensor(column.to_numpy()) for name, column in net.history_.items()}
    return {name: tensor.contiguous().clone() for name, tensor in (learnt | history).items()}


def _with_weights(net: Net, tensors: dict[str, Tensor], header: dict[str, Any]) -> Net:
    net._skorch = None
    weights = _group("weights", tensors)
    net._trained = trained = _untrained(net, weights, header.get("seed", 0))
    if trained.features(np.zeros((1, net.n_features_in_))).shape[1] != trained.net.widths[0]:
        raise ValueError(f"the first layer does not take {net.n_features_in_} features")
    trained.state.values[:] = building.values(trained, weights)
    names = header["history"]
    for row in zip(*(tensors[f"history.{name}"].tolist() for name in names), strict=True):
        trained.history.append(dict(zip(names, row, strict=True)))
    trained.state.progress[1] = len(trained.history)
    for epoch in net.checkpoints:
        if state := _group(f"checkpoint.{epoch}", tensors):
            trained.snapshots[epoch] = building.values(trained, state)
    return net


def _untrained(net: Net, weights: dict[str, Tensor], seed: int) -> Trained:
    """Return a net of the shapes of `weights`, with their standardisation."""
    params = net._resolved_params()
    matrices = [weights[name] for name in sorted(weights, key=_layer_numbers) if weights[name].ndim == 2]
    mean, std = ([t.numpy() for name, t in weights.items() if name.endswith(f".{part}")] for part in ("mean", "std"))
    scale = (mean[0], std[0]) if mean else None
    layers = architecture(params, matrices[0].shape[1], matrices[-1].shape[0])
    values = np.zeros(n_values(layers), dtype=net.dtype)
    state = State(values, np.zeros_like(values), np.zeros_like(values), np.zeros(0, bool), np.zeros(2, np.int64))
    inputs = Inputs(as_prior(net.prior, type(net).__name__), scale)
    return Trained(params, net._n_classes(), inputs, {}, layers, state, seed)


def _layer_numbers(name: str) -> list[int]:
    return [int(part) for part in name.split(".") if part.isdecimal()]


def _group(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{group}."): t for name, t in tensors.items() if name.startswith(f"{group}.")}


def _safetensors_header(model: bytes) -> Any:
    size = int.from_bytes(model[:_SIZE_BYTES], "little")
    return json.loads(model[_SIZE_BYTES : _SIZE_BYTES + size])


def _plain(value: Any) -> Any:
    return {"dtype": str(value.dtype), "values": value.tolist()} if isinstance(value, np.ndarray) else value


def _array(value: Any) -> Any:
    return np.array(value["values"], dtype=value["dtype"]) if isinstance(value, dict) else value
