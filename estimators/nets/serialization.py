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
from sklearn.utils import check_random_state
from torch import Tensor

from estimators.nets.base import Net
from estimators.nets.classifier import NetClassifier
from estimators.nets.regressor import NetRegressor

_CLASSES: dict[str, Any] = {"NetClassifier": NetClassifier, "NetRegressor": NetRegressor}

_FITTED = ("n_features_in_", "feature_names_in_", "classes_", "_target_mean", "_target_std", "_flat")

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
        return _with_weights(net, tensors, header["history"])
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"the bytes are not a stored model: {error}") from error


def _tensors(net: Net) -> dict[str, Tensor]:
    """Return weights and history, under the names "weights.", "checkpoint.EPOCH." and "history."."""
    states = {"weights": net.net_.module_.state_dict()}
    if net.checkpoints:
        snapshots = dict(net.net_.callbacks_)["snapshots"].states_
        states |= {f"checkpoint.{epoch}": state for epoch, state in snapshots.items()}
    learnt = {f"{group}.{name}": tensor for group, state in states.items() for name, tensor in state.items()}
    history = {f"history.{name}": torch.tensor(column.to_numpy()) for name, column in net.history_.items()}
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in (learnt | history).items()}


def _with_weights(net: Net, tensors: dict[str, Tensor], history: list[str]) -> Net:
    net._rng = check_random_state(net.random_state)
    with torch.random.fork_rng(devices=[]):
        net.net_ = net._build(np.zeros((1, net.n_features_in_)), None, torch.device("cpu"))
    net.net_.module_.load_state_dict(_group("weights", tensors))
    epochs = zip(*(tensors[f"history.{name}"].tolist() for name in history), strict=True)
    net.net_.history.extend({**dict(zip(history, epoch, strict=True)), "batches": []} for epoch in epochs)
    for epoch in net.checkpoints:
        if state := _group(f"checkpoint.{epoch}", tensors):
            dict(net.net_.callbacks_)["snapshots"].states_[epoch] = state
    return net


def _group(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{group}."): t for name, t in tensors.items() if name.startswith(f"{group}.")}


def _safetensors_header(model: bytes) -> Any:
    size = int.from_bytes(model[:_SIZE_BYTES], "little")
    return json.loads(model[_SIZE_BYTES : _SIZE_BYTES + size])


def _plain(value: Any) -> Any:
    return {"dtype": str(value.dtype), "values": value.tolist()} if isinstance(value, np.ndarray) else value


def _array(value: Any) -> Any:
    return np.array(value["values"], dtype=value["dtype"]) if isinstance(value, dict) else value
