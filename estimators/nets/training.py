"""The training loop, of one net or of many together.

skorch holds each net's module, optimizer, history and callbacks; `estimators.nets.stacks` has the arithmetic. Each of
several nets that are trained together comes out as it would have alone.
"""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from skorch.callbacks import Callback, EpochTimer, PrintLog
from skorch.dataset import Dataset
from torch import Generator, Tensor

from estimators.nets.adamw import AdamW
from estimators.nets.losses import LossGradient
from estimators.nets.stacks import Stack, shares


class Points(NamedTuple):
    """Points with their targets and weights.

    Attributes
    ----------
    X : Tensor of shape (n, n_features)
    y : Tensor of shape (n,) or (n, n_outputs)
    weight : Tensor of shape (n,) or None
        None is one for all.
    """

    X: Tensor
    y: Tensor
    weight: Tensor | None


@dataclass(eq=False)
class Training:
    """A net with its data, ready to be trained.

    Attributes
    ----------
    net : skorch.NeuralNet
        Initialised, of an `MLP`.
    loss : callable
        See `estimators.nets.losses`.
    train : Points
    valid : Points or None
        Their loss is recorded after each epoch.
    epochs : int
        Epochs left.
    generator : Generator
        Of its shuffles and its dropout.
    error : Exception or None
        The error that ended the training.
    """

    net: Any
    loss: LossGradient
    train: Points
    valid: Points | None
    epochs: int
    generator: Generator
    error: Exception | None = None

    @cached_property
    def datasets(self) -> dict[str, Dataset | None]:
        """The arguments of skorch's callbacks on an epoch."""
        train, valid = (points and Dataset(points.X, points.y) for points in (self.train, self.valid))
        return {"dataset_train": train, "dataset_valid": valid}

    def notify(self, moment: str, **arguments: Any) -> None:
        """Call the callbacks of the net; it is not trained further when one of them stops it, or fails."""
        try:
            self.net.notify(moment, **arguments)
        except KeyboardInterrupt:  # by which skorch's callbacks stop a training
            self.epochs = 0
        except Exception as error:
            self.epochs, self.error = 0, error

    def end_epoch(self, seconds: float) -> None:
        """Call the callbacks at the end of an epoch, and set `error` if the loss is not finite."""
        history = self.net.history
        self.epochs = max(0, self.epochs - 1)
        self.notify("on_epoch_end", **self.datasets)
        history.record("dur", seconds)
        if not math.isfinite(loss := history[-1]["train_loss"]):
            where = f"in epoch {len(history)} the loss is {loss}"
            self.epochs, self.error = 0, ValueError(f"training diverged: {where}; a lower learning_rate may help")


def train(trainings: Sequence[Training]) -> None:
    """Train nets together: of one architecture, on samples of one size, in batches of one size, for one loss.

    If the loss of a net becomes infinite or nan, or one of its callbacks raises, its training ends with `error` set;
    the others continue.
    """
    for training in trainings:
        training.notify("on_train_begin", X=training.train.X, y=training.train.y)
        training.net.module_.zero_grad()
        training.net.optimizer_.step()  # does nothing without gradients; torch's schedules warn if it is never called
    while unfinished := [training for training in trainings if training.epochs]:
        loop = _Loop(unfinished)
        try:
            while all(training.epochs for training in unfinished):
                loop.epoch()
        finally:
            loop.publish()
    for training in trainings:
        training.notify("on_train_end", X=training.train.X, y=training.train.y)


def has_batch_callbacks(net: Any) -> bool:
    """Whether a callback of a net acts on batches; such a net is trained alone."""
    moments = ("on_batch_begin", "on_grad_computed", "on_batch_end")
    return any(
        getattr(type(callback), moment) is not getattr(Callback, moment)
        for _, callback in net.callbacks_
        for moment in moments
    )


class _Loop:
    """The epochs of some trainings, until one of them ends."""

    @torch.no_grad()
    def __init__(self, trainings: Sequence[Training]) -> None:
        self.trainings = trainings
        first = trainings[0]
        self.loss, self.batch_size = first.loss, first.net.batch_size
        self.stack = Stack([each.net.module_ for each in trainings], [each.generator for each in trainings])
        self.optimizer = AdamW(self.stack, [each.net.optimizer_ for each in trainings])
        self.columns = [_columns(each, each.train) for each in trainings]
        self.in_order = _stacked(self.columns)  # within a single batch the order does not matter
        held_out = [_columns(each, each.valid) for each in trainings if each.valid is not None]
        self.valid = _stacked(held_out) if held_out else None
        self.has_batch_callbacks = has_batch_callbacks(first.net)
        self.has_callbacks = any(_has_own_callbacks(each.net) for each in trainings)

    def epoch(self) -> None:
        """Take a pass over all points, record the losses and call the callbacks."""
        start = time.perf_counter()
        for training in self.trainings:
            training.notify("on_epoch_begin", **training.datasets)
        self.optimizer.look_at_rates()
        step = self._step_with_callbacks if self.has_batch_callbacks else self._step
        self._record("train_loss", [step(*batch) for batch in self._batches(self._shuffled())])
        if self.valid is not None:
            self._record("valid_loss", [self._valid_loss(*batch) for batch in self._batches(self.valid)])
        if self.has_callbacks:
            self.stack.publish()
        seconds = (time.perf_counter() - start) / len(self.trainings)
        for training in self.trainings:
            training.end_epoch(seconds)

    def publish(self) -> None:
        """Write weights and optimizer states back to the nets."""
        self.stack.publish()
        self.optimizer.publish()

    def _shuffled(self) -> tuple[Tensor, ...]:
        n_points = len(self.columns[0][0])
        if self.batch_size >= n_points:
            return self.in_order
        orders = [torch.randperm(n_points, generator=each.generator).to(each.net.device) for each in self.trainings]
        return _stacked([tuple(part[order] for part in own) for own, order in zip(self.columns, orders, strict=True)])

    def _batches(self, columns: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
        return zip(*(column.split(self.batch_size, dim=1) for column in columns), strict=True)

    def _step(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        """Take a step, and return the mean losses (n_nets,) before it and the number of points."""
        losses, _ = self.stack.step(self.loss, X, y, weight)
        self.optimizer.step()
        return losses, X.shape[1]

    def _step_with_callbacks(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        """Take a step of the only net, whose callbacks may read weights and gradients, and change gradients."""
        net = self.trainings[0].net
        batch = tuple(part[0] for part in (X, y, weight) if part is not None)
        net.notify("on_batch_begin", batch=batch, training=True)
        losses, outputs = self.stack.step(self.loss, X, y, weight)
        self.publish()
        for own, parameter in self.stack.pairs(self.stack.gradient):
            parameter.grad = own
        net.notify(
            "on_grad_computed", named_parameters=list(net.get_all_learnable_params()), batch=batch, training=True
        )
        net.module_.zero_grad()
        self.optimizer.look_at_rates()
        self.optimizer.step()
        self.publish()
        net.notify("on_batch_end", batch=batch, training=True, loss=losses[0], y_pred=outputs[0])
        return losses, X.shape[1]

    @torch.no_grad()
    def _valid_loss(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        outputs = self.stack.outputs(X)
        losses = (self.loss(outputs, y)[0] * shares(weight, X)).sum(dim=1)
        for training in self.trainings if self.has_batch_callbacks else ():
            batch = tuple(part[0] for part in (X, y, weight) if part is not None)
            training.net.notify("on_batch_begin", batch=batch, training=False)
            training.net.notify("on_batch_end", batch=batch, training=False, loss=losses[0], y_pred=outputs[0])
        return losses, X.shape[1]

    def _record(self, name: str, batches: list[tuple[Tensor, int]]) -> None:
        """Record each net's mean loss over batches, which may differ in size."""
        losses = torch.stack([losses for losses, _ in batches])
        sizes = losses.new_tensor([size for _, size in batches])
        for training, loss in zip(self.trainings, (sizes @ losses / sizes.sum()).tolist(), strict=True):
            training.net.history.record(name, loss)


def _columns(training: Training, points: Points) -> tuple[Tensor, ...]:
    """Return points on the device, mapped by the input layers if those have no parameters."""
    X, *rest = (part.to(training.net.device) for part in points if part is not None)
    if not training.net.module_.learns_inputs:
        with torch.no_grad():
            X = training.net.module_.inputs(X)
    return (X, *rest)


def _stacked(columns: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack(parts) for parts in zip(*columns, strict=True))


def _has_own_callbacks(net: Any) -> bool:
    """Whether a net has callbacks beyond skorch's clock and printer, which may read its weights."""
    return any(not isinstance(callback, (EpochTimer, PrintLog)) for _, callback in net.callbacks_)


class Snapshots(Callback):
    """Keep the module's weights at chosen epochs, counted from the first of the net.

    Parameters
    ----------
    epochs : tuple of int

    Attributes
    ----------
    states_ : dict of int to state dict
    """

    def __init__(self, epochs: tuple[int, ...]) -> None:
        self.epochs = epochs

    def initialize(self) -> "Snapshots":
        """Start without any weights."""
        self.states_: dict[int, dict[str, Tensor]] = {}
        return self

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Keep the initial weights if epoch 0 was chosen."""
        if not len(net.history):
            self._keep(net)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights if this epoch was chosen."""
        self._keep(net)

    def _keep(self, net: Any) -> None:
        epoch = len(net.history)
        if epoch in self.epochs:
            self.states_[epoch] = copy.deepcopy(net.module_.state_dict())
