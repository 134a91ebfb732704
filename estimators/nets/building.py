"""The torch and skorch side of a net: its module, the skorch net, and training by skorch.

skorch trains what the compiled loop cannot: priors that learn, callbacks, other devices. Weights, order of points,
dropout and rates are those of the compiled loop, so that a training can go on from one in the other.
"""

import functools
import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import skorch
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Sampler

from estimators.nets import compiled
from estimators.nets.compiled import BIAS, SCALE, SHIFT, WEIGHT, Schedule
from estimators.nets.losses import LOSSES, output_link
from estimators.nets.modules import MLP, Dropout, PriorLayer, Standardize
from estimators.nets.training import Data, Floats, Params, Trained, raise_if_diverged
from toymanifold.validation import error_message

_ARCHITECTURE = ("depth", "width", "activation", "dropout", "layer_norm", "residual", "bias", "dtype")


class PlainAdamW(torch.optim.AdamW):
    """The AdamW of torch, without the import of torch's compiler.

    In torch, to construct an optimizer imports ``torch._dynamo`` and sympy, for up to seven seconds.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)


class CountsSteps:
    """A skorch net whose dropout is drawn by the number of the step."""

    def train_step(self, batch: Any, **params: Any) -> dict[str, Any]:
        """Take a step, for which dropout is drawn anew."""
        for layer in self.module_.modules():  # type: ignore[attr-defined]
            if isinstance(layer, Dropout):
                layer.step += 1
        return super().train_step(batch, **params)  # type: ignore[misc]


class _Mixin(CountsSteps):
    """A skorch net that takes weights of points, and their order."""

    order: Sampler[int] | None = None
    """Order of the training points; None is that of skorch."""

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches of an epoch."""
        if self.order is None:
            return super().get_iterator(dataset, training=training)  # type: ignore[misc]
        return DataLoader(
            dataset,
            batch_size=self.batch_size,  # type: ignore[attr-defined]
            sampler=self.order if training else None,
            generator=torch.Generator(),  # not torch's global one
        )

    def get_loss(self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False) -> Tensor:
        """Return the mean loss of a batch, weighted if the points have weights."""
        mean: Tensor
        if isinstance(X, dict):
            losses = type(self.criterion_)(reduction="none")(y_pred, y_true)  # type: ignore[attr-defined]
            weight = X["sample_weight"].to(losses)
            mean = (losses.reshape(len(losses), -1).mean(1) * weight).sum()
            mean = mean / weight.sum().clamp_min(compiled.LEAST_WEIGHT)
        else:
            mean = super().get_loss(y_pred, y_true, X=X, training=training)  # type: ignore[misc]
        return mean if mean.requires_grad or not training else mean.requires_grad_()  # if all parameters are frozen


class _Classifier(_Mixin, skorch.NeuralNetClassifier):
    pass


class _Regressor(_Mixin, skorch.NeuralNetRegressor):
    pass


class _Order(Sampler[int]):
    """The order of the points in each epoch, as in the compiled loop."""

    def __init__(self, seed: int, epoch: int, n_points: int, batch_size: int) -> None:
        self.seed, self.epoch, self.n_points, self.batch_size = seed, epoch, n_points, batch_size

    def __len__(self) -> int:
        return self.n_points

    def __iter__(self) -> Iterator[int]:
        rows = compiled.order(self.seed, self.epoch, self.n_points, self.batch_size)
        self.epoch += 1
        return iter(rows.tolist())


class _Budget(Callback):
    """Keep checkpoints, and end a training that diverges, has taken its steps, or predicts all classes."""

    def __init__(self, trained: Trained, data: Data, schedule: Schedule) -> None:
        self.trained, self.data, self.params, self.schedule = trained, data, trained.params, schedule
        self.n_steps = schedule.first_step - 1

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Keep the initial values if they are a checkpoint."""
        self._keep_checkpoint(net)

    def on_batch_end(self, net: Any, *, training: bool, **_: Any) -> None:
        """Count steps, and end the last epoch where the steps end."""
        self.n_steps += training
        batches = net.history[-1]["batches"]
        n_seen = sum(batch.get("train_batch_size", 0) for batch in batches)
        if training and self.n_steps == self.schedule.last_step and n_seen < len(self.data[0]):
            total = sum(batch["train_loss"] * batch["train_batch_size"] for batch in batches)
            net.history.record("train_loss", total / n_seen)
            net.history.record("dur", 0.0)
            raise KeyboardInterrupt  # the way to end a training in skorch

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep a checkpoint, and end the training if there is a reason."""
        raise_if_diverged(net.history[-1])
        self._keep_checkpoint(net)
        if self.n_steps == self.schedule.last_step or (self.params["until_fitted"] and self._is_fitted(net)):
            raise KeyboardInterrupt

    def _keep_checkpoint(self, net: Any) -> None:
        epoch = len(net.history)
        if epoch in self.params["checkpoints"]:
            pull(self.trained, net)
            self.trained.snapshots[epoch] = self.trained.state.values.copy()

    def _is_fitted(self, net: Any) -> bool:
        pull(self.trained, net)
        return bool((outputs(self.trained, self.data[0]).argmax(axis=1) == self.data[1]).all())


def check_device(name: str, owner: str) -> None:
    """Raise a ValueError if a device is not one of torch's that this machine has."""
    try:
        torch.zeros(1, device=name).cpu()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        raise ValueError(error_message("device", owner, '"auto" or a torch device of this machine', name)) from error


def check_callbacks(callbacks: Any, owner: str) -> None:
    """Raise a ValueError if callbacks are not a list as skorch takes it: of callbacks, classes of them, or pairs."""
    is_list = isinstance(callbacks, list | tuple)
    for each in callbacks if is_list else [callbacks]:
        callback = each[1] if isinstance(each, tuple) and len(each) == 2 else each
        is_class = isinstance(callback, type) and issubclass(callback, Callback)
        if not is_list or not (is_class or isinstance(callback, Callback)):
            raise ValueError(error_message("callbacks", owner, "a list of skorch callbacks or None", each))


def build_module(trained: Trained) -> MLP:
    """Return the torch module of a net, on the CPU; its inputs are raw points."""
    inputs, widths = trained.inputs, trained.net.widths
    layers: list[nn.Module] = []
    if inputs.prior is not None:
        layers.append(PriorLayer(inputs.prior, trained.learnt_parts(trained.state.values)))
    if inputs.scale is not None:
        layers.append(Standardize(*inputs.scale))
    architecture = {name: trained.params[name] for name in _ARCHITECTURE}
    module = MLP(layers, int(widths[0]), int(widths[-1]), seed=trained.seed, **architecture)
    with torch.no_grad():
        for parameter, own in _pairs(module, trained, trained.state.values):
            parameter.copy_(own)
    if trained.state.free.size:
        for parameter, own in _pairs(module, trained, trained.state.free):
            parameter.requires_grad_(bool(own.all()))
    for layer in module.modules():
        if isinstance(layer, Dropout):
            layer.step = int(trained.state.progress[0])
    return module


def build_net(trained: Trained, *, device: str = "cpu", callbacks: list[Any] | None = None) -> skorch.NeuralNet:
    """Return a skorch net with the values, the optimizer's state and the history of a net.

    Parameters
    ----------
    trained : Trained
    device : str, default="cpu"
    callbacks : list or None, default=None

    Returns
    -------
    net : skorch.NeuralNet
    """
    params = trained.params
    kind: Any = _Regressor
    options: dict[str, Any] = {}
    if trained.n_classes is not None:
        kind = _Classifier
        options["classes"] = list(range(trained.n_classes))
        options["predict_nonlinearity"] = output_link(params["loss"])
        options["callbacks__valid_acc"] = None
    if not params["verbose"]:
        options["callbacks__print_log"] = None  # it lays out its table even when silent
    net = kind(
        build_module(trained),
        criterion=LOSSES[params["loss"]],
        optimizer=PlainAdamW,
        optimizer__weight_decay=params["weight_decay"],
        lr=params["learning_rate"],
        batch_size=params["batch_size"],
        callbacks=callbacks,
        train_split=None,
        verbose=params["verbose"],
        device=device,
        **options,
    ).initialize()
    _set_moments(trained, net)
    net.history.extend({"batches": [], **epoch} for epoch in trained.history)
    return net


def train(trained: Trained, data: Data, valid: Data | None, schedule: Schedule, epochs: int) -> skorch.NeuralNet:
    """Train a net by skorch, and return the skorch net.

    Parameters
    ----------
    trained : Trained
        Changed in place.
    data, valid : tuple
        Training points, and validation points if there is early stopping.
    schedule : Schedule
    epochs : int

    Raises
    ------
    ValueError
        If the loss becomes infinite or nan.
    """
    budget = _Budget(trained, data, schedule)
    device, dtype = trained.params["device"], trained.params["dtype"]
    callbacks = _callbacks(trained.params, schedule, budget)
    net = build_net(trained, device="cpu" if device == "auto" else device, callbacks=callbacks)
    net.order = _Order(trained.seed, int(trained.state.progress[1]), len(data[0]), schedule.batch_size)
    if valid is not None:
        net.train_split = predefined_split(_dataset(valid, dtype))
    try:
        net.partial_fit(_dataset(data, dtype), epochs=epochs)
    finally:
        pull(trained, net)
        trained.state.progress[:] = budget.n_steps, len(trained.history)
        net.order = net.train_split = None
    return net


def pull(trained: Trained, net: skorch.NeuralNet) -> None:
    """Read the values, the optimizer's state and the history of a skorch net, whoever changed them."""
    with torch.no_grad():
        for parameter, own in _pairs(net.module_, trained, trained.state.values):
            own.copy_(parameter)
        for flat, name in ((trained.state.mean, "exp_avg"), (trained.state.square, "exp_avg_sq")):
            for parameter, own in _pairs(net.module_, trained, flat):
                if parameter in net.optimizer_.state:
                    own.copy_(net.optimizer_.state[parameter][name])
    free = np.zeros(len(trained.state.values), dtype=bool)
    for parameter, own in _pairs(net.module_, trained, free):
        own.fill_(parameter.requires_grad)
    trained.state = trained.state._replace(free=free[:0] if free.all() else free)
    trained.history[:] = [{k: v for k, v in epoch.items() if k != "batches"} for epoch in net.history]


def outputs(trained: Trained, X: Floats) -> Floats:
    """Return the outputs (n_samples, n_outputs) at raw points, from a pass in float64 by torch."""
    module = build_module(trained).double().eval()
    with torch.inference_mode():
        found: Floats = module(torch.from_numpy(X.astype(np.float64))).numpy()
    return found


def state_dict(trained: Trained, values: Floats) -> dict[str, Tensor]:
    """Return the state of the module of a net with these values."""
    module = build_module(trained)
    with torch.no_grad():
        for parameter, own in _pairs(module, trained, values):
            parameter.copy_(own)
    return module.state_dict()


def values(trained: Trained, state: dict[str, Tensor]) -> Floats:
    """Return the values of a net whose module has this state."""
    module, found = build_module(trained), np.empty_like(trained.state.values)
    module.load_state_dict(state)
    with torch.no_grad():
        for parameter, own in _pairs(module, trained, found):
            own.copy_(parameter)
    return found


def probabilities(loss: str, outputs: Floats) -> Floats:
    """Return the probabilities (n, n_classes) that outputs stand for."""
    values: Floats = output_link(loss)(torch.from_numpy(outputs)).numpy()
    return values


def _set_moments(trained: Trained, net: skorch.NeuralNet) -> None:
    if not trained.state.progress[0]:
        return
    moments = (_pairs(net.module_, trained, flat) for flat in (trained.state.mean, trained.state.square))
    for (parameter, mean), (_, square) in zip(*moments, strict=True):
        net.optimizer_.state[parameter] = {
            "step": torch.tensor(float(trained.state.progress[0])),
            "exp_avg": mean.to(parameter, copy=True).contiguous(),
            "exp_avg_sq": square.to(parameter, copy=True).contiguous(),
        }


def _pairs(module: MLP, trained: Trained, flat: NDArray[Any]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Yield each parameter of a module with its part of an array of the shape of the values."""
    values: Tensor = torch.from_numpy(flat)
    layer, widths = -1, trained.net.widths.tolist()
    for name, learnt in trained.learnt_parts(flat).items():
        yield getattr(module.inputs[0], name), torch.from_numpy(learnt)
    for own in module.body.modules():
        if isinstance(own, nn.Linear):
            layer += 1
        for name, column in _COLUMNS.get(type(own), {}).items():
            parameter = getattr(own, name)
            if parameter is not None:
                start = int(trained.net.layout[layer, column])
                part = values[start : start + parameter.numel()]
                yield parameter, part.view(widths[layer], -1).mT if column == WEIGHT else part


_COLUMNS = {nn.Linear: {"weight": WEIGHT, "bias": BIAS}, nn.LayerNorm: {"weight": SCALE, "bias": SHIFT}}


def _dataset(data: Data, dtype: str) -> Dataset:
    X, y, weight = data
    target = y if y.dtype.kind == "i" else y.astype(dtype)
    points = X.astype(np.float64)
    return Dataset(points if weight is None else {"X": points, "sample_weight": weight}, target)


def _callbacks(params: Params, schedule: Schedule, budget: _Budget) -> list[Any]:
    callbacks = list(params["callbacks"] or [])
    if schedule.cosine_steps:
        rate = functools.partial(_cosine, n_steps=schedule.cosine_steps)
        callbacks.append(("schedule", LRScheduler(LambdaLR, lr_lambda=rate, step_every="batch")))
    if params["early_stopping"]:
        sink = print if params["verbose"] else _silence
        callbacks.append(("stopping", EarlyStopping(patience=params["patience"], load_best=True, sink=sink)))
    return [*callbacks, ("budget", budget)]


def _cosine(step: int, n_steps: int) -> float:
    return (1 + math.cos(math.pi * step / n_steps)) / 2


def _silence(_: str) -> None:
    """Print nothing; a function of the module, so that a net that holds it can be pickled."""
