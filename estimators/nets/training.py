"""The training loop, of one net or of many together.

skorch holds each net's module, optimiser, history and callbacks; the arithmetic is a stack's (`estimators.nets.stacks`).
Nets that are trained together each come out as they would have alone.
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
    """Points, what is to be learnt of each, and how much each weighs.

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
class Run:
    """A net that is to be trained.

    Attributes
    ----------
    net : skorch.NeuralNet
        Initialised, of an `MLP`.
    loss : callable
        See `estimators.nets.losses`.
    train : Points
    valid : Points or None
        Whose loss is recorded after each epoch.
    epochs : int
    generator : Generator
        Of its shuffles and its dropout.
    error : Exception or None
        What went wrong, when it is over.
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
        """What skorch tells callbacks at each epoch."""
        train, valid = (points and Dataset(points.X, points.y) for points in (self.train, self.valid))
        return {"dataset_train": train, "dataset_valid": valid}


def train(runs: Sequence[Run]) -> None:
    """Train nets together: of one architecture, on samples of one size, in batches of one size, for one loss.

    A net whose loss is not finite any more, or whose callback raises, ends with `error` set; the others go on.
    """
    for run in runs:
        _tell(run, "on_train_begin", X=run.train.X, y=run.train.y)
        run.net.optimizer_.zero_grad()
        run.net.optimizer_.step()  # does nothing without gradients, but torch's schedules warn if it is never called
    while going := [run for run in runs if run.epochs]:
        training = _Training(going)
        try:
            while all(run.epochs for run in going):
                training.epoch()
        finally:
            training.leave()
    for run in runs:
        _tell(run, "on_train_end", X=run.train.X, y=run.train.y)


def sees_batches(net: Any) -> bool:
    """Tell whether a callback of a net wants to be called for each batch; such a net is trained alone."""
    moments = ("on_batch_begin", "on_grad_computed", "on_batch_end")
    return any(
        getattr(type(callback), moment) is not getattr(Callback, moment)
        for _, callback in net.callbacks_
        for moment in moments
    )


class _Training:
    """Some runs, as long as all of them go on."""

    @torch.no_grad()
    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        first = runs[0]
        self.loss, self.batch_size = first.loss, first.net.batch_size
        self.stack = Stack([run.net.module_ for run in runs], [run.generator for run in runs])
        self.optimizer = AdamW(self.stack, [run.net.optimizer_ for run in runs])
        self.columns = [_columns(run, run.train) for run in runs]
        self.in_order = _together(self.columns)  # of one batch the order is of no account
        held_out = [_columns(run, run.valid) for run in runs if run.valid is not None]
        self.valid = _together(held_out) if held_out else None
        self.in_sight = sees_batches(first.net)
        self.is_watched = any(_looks_at_weights(run.net) for run in runs)

    def epoch(self) -> None:
        """Go through all points once; record losses, and call what wants to be called."""
        start = time.perf_counter()
        for run in self.runs:
            _tell(run, "on_epoch_begin", **run.datasets)
        self.optimizer.look_at_rates()
        step = self._step_in_sight if self.in_sight else self._step
        self._record("train_loss", [step(*batch) for batch in self._batches(self._shuffled())])
        if self.valid is not None:
            self._record("valid_loss", [self._valid_loss(*batch) for batch in self._batches(self.valid)])
        if self.is_watched:
            self.stack.publish()
        seconds = (time.perf_counter() - start) / len(self.runs)
        for run in self.runs:
            _end_epoch(run, seconds)

    def leave(self) -> None:
        """Give modules and optimisers what belongs to them."""
        self.stack.publish()
        self.optimizer.publish()

    def _shuffled(self) -> tuple[Tensor, ...]:
        n_points = len(self.columns[0][0])
        if self.batch_size >= n_points:
            return self.in_order
        orders = [torch.randperm(n_points, generator=run.generator).to(run.net.device) for run in self.runs]
        return _together([tuple(part[order] for part in own) for own, order in zip(self.columns, orders, strict=True)])

    def _batches(self, columns: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
        return zip(*(column.split(self.batch_size, dim=1) for column in columns), strict=True)

    def _step(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        """Take a step, and return the losses (n_runs,) before it and of how many points they are means."""
        losses, _ = self.stack.step(self.loss, X, y, weight)
        self.optimizer.step()
        return losses, X.shape[1]

    def _step_in_sight(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        """Take a step of the only net, whose callbacks may look at weights and gradients, and change gradients."""
        net = self.runs[0].net
        batch = tuple(part[0] for part in (X, y, weight) if part is not None)
        net.notify("on_batch_begin", batch=batch, training=True)
        losses, outputs = self.stack.step(self.loss, X, y, weight)
        self.leave()
        for own, parameter in self.stack.pairs(self.stack.gradient):
            parameter.grad = own
        net.notify(
            "on_grad_computed", named_parameters=list(net.get_all_learnable_params()), batch=batch, training=True
        )
        net.optimizer_.zero_grad()
        self.optimizer.look_at_rates()
        self.optimizer.step()
        self.leave()
        net.notify("on_batch_end", batch=batch, training=True, loss=losses[0], y_pred=outputs[0])
        return losses, X.shape[1]

    @torch.no_grad()
    def _valid_loss(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> tuple[Tensor, int]:
        outputs = self.stack.outputs(X)
        losses = (self.loss(outputs, y)[0] * shares(weight, X)).sum(dim=1)
        for run in self.runs if self.in_sight else ():
            batch = tuple(part[0] for part in (X, y, weight) if part is not None)
            run.net.notify("on_batch_begin", batch=batch, training=False)
            run.net.notify("on_batch_end", batch=batch, training=False, loss=losses[0], y_pred=outputs[0])
        return losses, X.shape[1]

    def _record(self, name: str, batches: list[tuple[Tensor, int]]) -> None:
        """Record each net's mean loss, of batches that may be of unlike size."""
        losses = torch.stack([losses for losses, _ in batches])
        sizes = losses.new_tensor([size for _, size in batches])
        for run, loss in zip(self.runs, (sizes @ losses / sizes.sum()).tolist(), strict=True):
            run.net.history.record(name, loss)


def _end_epoch(run: Run, seconds: float) -> None:
    """Tell the callbacks, and see whether the net is to go on."""
    history = run.net.history
    run.epochs = max(0, run.epochs - 1)
    _tell(run, "on_epoch_end", **run.datasets)
    history.record("dur", seconds)
    if not math.isfinite(loss := history[-1]["train_loss"]):
        where = f"in epoch {len(history)} the loss is {loss}"
        run.epochs, run.error = 0, ValueError(f"training diverged: {where}; a lower learning_rate may help")


def _tell(run: Run, moment: str, **what: Any) -> None:
    """Call the callbacks of a net; it ends when one of them says so, or fails."""
    try:
        run.net.notify(moment, **what)
    except KeyboardInterrupt:  # so skorch's callbacks say that it is enough
        run.epochs = 0
    except Exception as error:
        run.epochs, run.error = 0, error


def _columns(run: Run, points: Points) -> tuple[Tensor, ...]:
    """Return points on the device, and past the input layers if those do not learn."""
    X, *rest = (part.to(run.net.device) for part in points if part is not None)
    if not run.net.module_.learns_inputs:
        with torch.no_grad():
            X = run.net.module_.inputs(X)
    return (X, *rest)


def _together(columns: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack(parts) for parts in zip(*columns, strict=True))


def _looks_at_weights(net: Any) -> bool:
    return any(not isinstance(callback, (EpochTimer, PrintLog)) for _, callback in net.callbacks_)


class Snapshots(Callback):
    """Keeps the module's weights at chosen epochs, counted from the first of the net.

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
        """Forget what was kept."""
        self.states_: dict[int, dict[str, Tensor]] = {}
        return self

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Keep the initial weights if they were chosen, as epoch 0."""
        if not len(net.history):
            self._keep(net)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights if this epoch was chosen."""
        self._keep(net)

    def _keep(self, net: Any) -> None:
        epoch = len(net.history)
        if epoch in self.epochs:
            self.states_[epoch] = copy.deepcopy(net.module_.state_dict())
