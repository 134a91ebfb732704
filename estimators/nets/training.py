"""The training of a net on the CPU: epochs of the compiled loop, with validation, checkpoints and stopping.

Nothing here needs torch. A net in training is a `Trained`, from which `estimators.nets.building` makes the skorch net.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.base import mean_and_std
from estimators.nets import compiled
from estimators.nets.compiled import BIAS, SCALE, SHIFT, WEIGHT, Architecture, Points, Schedule, State
from estimators.priors import Prior, checked_coordinates
from estimators.threads import one_blas_thread
from toymanifold.validation import check_scale

Floats = NDArray[np.floating]
Data = tuple[Floats, NDArray[Any], Floats | None]
"""Raw points, targets of the loss, and weights."""

Params = Mapping[str, Any]
"""Of `estimators.nets.Net`, by name; the loss is never None."""

ACTIVATIONS = {
    "relu": compiled.RELU,
    "tanh": compiled.TANH,
    "gelu": compiled.GELU,
    "silu": compiled.SILU,
    "square": compiled.SQUARE,
}
LOSSES = {
    "cross_entropy": compiled.CROSS_ENTROPY,
    "focal": compiled.FOCAL,
    "one_hot_squared_error": compiled.ONE_HOT_SQUARED_ERROR,
    "squared_error": compiled.SQUARED_ERROR,
    "huber": compiled.HUBER,
}

_THRESHOLD = 1e-4  # share by which a validation loss must fall, as in skorch's EarlyStopping
_POINTS_AT_ONCE = 200_000  # times epochs, in a call of the compiled loop, which Ctrl-C cannot interrupt
_ROWS_AT_ONCE = 1024  # at prediction


@dataclass(frozen=True)
class Inputs:
    """The layers in front of the first linear one: a prior and a standardisation.

    Attributes
    ----------
    prior : transformer with ``coordinates``, or None
    scale : tuple of ndarray of shape (n_inputs,), or None
        Mean and standard deviation.
    """

    prior: Any
    scale: tuple[Floats, Floats] | None

    def features(self, X: Floats, learnt: Mapping[str, Floats]) -> Floats:
        """Return the inputs of the first linear layer, in float64, since float32 loses differences far from 0."""
        features: Floats = X.astype(np.float64)
        if self.prior is not None:
            features = self.prior.coordinates(features, **learnt)
        if self.scale is not None:
            mean, std = self.scale
            features = (features - mean) / std
        return features


@dataclass
class Trained:
    """A net: its layers, its values, and all that further training needs.

    Attributes
    ----------
    params : dict
        Of the estimator, by name, as in the last fit; the loss is never None.
    n_classes : int or None
        None for a regressor.
    inputs : Inputs
    learnt : dict of str to tuple
        Shapes of the parameters that the prior learns, whose values are the last of the net's.
    net : Architecture
    state : State
    seed : int
        Of initial values, order of points and dropout.
    history : list of dict
        Epochs: ``epoch``, ``train_loss``, ``valid_loss`` if there is one, ``dur``.
    snapshots : dict of int to ndarray
        Values after an epoch.
    """

    params: Params
    n_classes: int | None
    inputs: Inputs
    learnt: dict[str, tuple[int, ...]]
    net: Architecture
    state: State
    seed: int
    history: list[dict[str, Any]] = field(default_factory=list)
    snapshots: dict[int, Floats] = field(default_factory=dict)

    def features(self, X: Floats) -> Floats:
        """Return the inputs of the first linear layer at raw points, in float64."""
        return self.inputs.features(X, self.learnt_parts(self.state.values.astype(np.float64)))

    def learnt_parts(self, flat: Floats) -> dict[str, Floats]:
        """Return views of an array of the shape of the values: the parts of what the prior learns."""
        parts, end = {}, len(flat)
        for name, shape in self.learnt.items():
            start = end - math.prod(shape)
            parts[name], end = flat[start:end].reshape(shape), start
        return parts

    def outputs(self, X: Floats) -> Floats:
        """Return the outputs (n_samples, n_outputs) at raw points, from a pass in float64."""
        values = self.state.values.astype(np.float64)
        found: Floats = compiled.outputs(np.ascontiguousarray(self.features(X)), values, self.net, _ROWS_AT_ONCE)
        return found


def train(trained: Trained, data: Data, valid: Data | None, schedule: Schedule, epochs: int) -> None:
    """Train a net by the compiled loop.

    Parameters
    ----------
    trained : Trained
        Changed in place.
    data : tuple
        Raw points, class codes or target values, weights or None.
    valid : tuple or None
        Points for early stopping.
    schedule : Schedule
    epochs : int

    Raises
    ------
    ValueError
        If the loss becomes infinite or nan.
    """
    points = _points(trained, data)
    held_out = None if valid is None else _points(trained, valid)
    with one_blas_thread, compiled.announced():
        _Loop(trained, points, held_out, schedule).run(epochs)


class _Loop:
    """A training by the compiled loop."""

    def __init__(self, trained: Trained, points: Points, valid: Points | None, schedule: Schedule) -> None:
        self.trained, self.points, self.valid, self.schedule = trained, points, valid, schedule
        self.params = trained.params
        self.print_epoch = _printer() if self.params["verbose"] else None

    def run(self, epochs: int) -> None:
        """Train for `epochs` at most."""
        self._keep_checkpoint()
        history, stopping = self.trained.history, _EarlyStopping(self.params["patience"])
        end = len(history) + epochs
        while len(history) < end and self.trained.state.progress[0] < self.schedule.last_step:
            self._take_epochs(self._next_stop(end) - len(history))
            self._keep_checkpoint()
            if self.print_epoch is not None:
                self.print_epoch(history)
            if self.valid is not None and stopping.should_stop(self.trained):
                break
            if self.params["until_fitted"] and self._loss(self.points)[1] == 0:
                break
        if self.valid is not None:
            stopping.restore(self.trained)

    def _take_epochs(self, n_epochs: int) -> None:
        trained, start = self.trained, time.perf_counter()
        losses = np.empty(n_epochs)
        n_begun = compiled.train(self.points, trained.net, trained.state, self.schedule, trained.seed, losses)
        valid = {} if self.valid is None else {"valid_loss": self._loss(self.valid)[0]}
        seconds = (time.perf_counter() - start) / n_begun
        for epoch, loss in enumerate(losses[:n_begun].tolist(), start=len(trained.history) + 1):
            trained.history.append({"epoch": epoch, "train_loss": loss, **valid, "dur": seconds})
            raise_if_diverged(trained.history[-1])

    def _next_stop(self, end: int) -> int:
        """Return the epoch after which the compiled loop must return."""
        done = len(self.trained.history)
        if self.valid is not None or self.params["until_fitted"] or self.params["verbose"]:
            return done + 1
        most = max(1, _POINTS_AT_ONCE // len(self.points.X))
        return min([end, done + most, *(epoch for epoch in self.params["checkpoints"] if epoch > done)])

    def _keep_checkpoint(self) -> None:
        epoch = len(self.trained.history)
        if epoch in self.params["checkpoints"]:
            self.trained.snapshots[epoch] = self.trained.state.values.copy()

    def _loss(self, points: Points) -> tuple[float, int]:
        """Return the mean loss at points, and the number of wrong classes."""
        found: tuple[float, int] = compiled.mean_loss(
            points, self.trained.state.values, self.trained.net, self.schedule.batch_size
        )
        return found


class _EarlyStopping:
    """The rule of skorch: stop when the loss has not fallen for `patience` epochs, and go back to the best values."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.misses = 0
        self.threshold = math.inf
        self.best: Floats | None = None

    def should_stop(self, trained: Trained) -> bool:
        """Take note of the last epoch's loss."""
        loss = trained.history[-1]["valid_loss"]
        if loss < self.threshold:
            self.misses, self.threshold = 0, loss * (1 - _THRESHOLD)
            self.best = trained.state.values.copy()
        else:
            self.misses += 1
        return self.misses == self.patience

    def restore(self, trained: Trained) -> None:
        """Go back to the best values."""
        if self.best is not None:
            trained.state.values[:] = self.best


def _printer() -> Callable[[list[dict[str, Any]]], None]:
    """Return skorch's printer of epochs."""
    from skorch.callbacks import PrintLog

    printer = PrintLog().initialize()
    return lambda history: printer.on_epoch_end(SimpleNamespace(history=history, verbose=1))


def raise_if_diverged(epoch: Mapping[str, Any]) -> None:
    """Raise a ValueError if the loss of an epoch is infinite or nan."""
    if not math.isfinite(loss := epoch["train_loss"]):
        where = f"in epoch {epoch['epoch']} the loss is {loss}"
        raise ValueError(f"training diverged: {where}; a lower learning_rate may help")


def architecture(params: Params, n_inputs: int, n_outputs: int) -> Architecture:
    """Return the layers of a net with these parameters."""
    widths = np.array([n_inputs, *[params["width"]] * params["depth"], n_outputs])
    layout = np.full((len(widths) - 1, 4), -1)
    start = 0
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        normed = params["layer_norm"] and layer < params["depth"]
        sizes = {WEIGHT: n_in * n_out, BIAS: n_out * params["bias"], SCALE: n_out * normed, SHIFT: n_out * normed}
        for part, size in sizes.items():
            if size:
                layout[layer, part] = start
                start += size
    return Architecture(
        widths,
        layout,
        ACTIVATIONS[params["activation"]],
        LOSSES[params["loss"]],
        params["residual"],
        float(params["dropout"]),
    )


def start(
    params: Params, prior: Any, X: Floats, weight: Floats | None, seed: int, *, n_outputs: int, n_classes: int | None
) -> Trained:
    """Return a net before its first step, for raw points like `X`, behind a prior with ``coordinates`` or None.

    As torch draws them, weights and constants of a linear layer are uniform within 1 / sqrt(fan_in); weights are
    multiplied by ``init_scale``.
    """
    learnt: dict[str, NDArray[np.float64]] = {}
    features: Floats = X.astype(np.float64)
    if isinstance(prior, Prior):
        prior.check_features(X.shape[1])
        learnt = prior.learnable(X.shape[1])
    if prior is not None:
        features = np.asarray(checked_coordinates(prior, features))
        check_scale(features, "coordinates", type(prior).__name__, dtype=np.float64, allow_tiny=True)
    scale = mean_and_std(features, weight) if params["standardize"] else None
    net = architecture(params, features.shape[1], n_outputs)
    values = np.zeros(n_values(net) + sum(part.size for part in learnt.values()), dtype=params["dtype"])
    _draw(values, net, seed, params["init_scale"])
    moments = np.zeros_like(values), np.zeros_like(values)
    state = State(values, *moments, np.zeros(0, dtype=bool), np.zeros(2, np.int64))
    shapes = {name: part.shape for name, part in learnt.items()}
    trained = Trained(params, n_classes, Inputs(prior, scale), shapes, net, state, seed)
    for name, part in trained.learnt_parts(values).items():
        part[...] = learnt[name]
    return trained


def restarted(trained: Trained, seed: int, n_frozen: int) -> Trained:
    """Return a net before the first step of a training that begins with the values of another one.

    The optimizer's state, the order of points and the history are new; the values of the first `n_frozen` layers, and
    of a prior before them, do not change.
    """
    values = trained.state.values.copy()
    free = np.zeros(0, dtype=bool)
    if n_frozen:
        free = np.zeros(len(values), dtype=bool)
        free[trained.net.layout[n_frozen, WEIGHT] : n_values(trained.net)] = True
    state = State(values, np.zeros_like(values), np.zeros_like(values), free, np.zeros(2, np.int64))
    return replace(trained, state=state, seed=seed, history=[], snapshots={})


def n_values(net: Architecture) -> int:
    """Return the number of values of a net, without those that its prior learns."""
    last = net.layout[-1]
    return int(max(last[WEIGHT] + net.widths[-2] * net.widths[-1], last[BIAS] + net.widths[-1]))


def _draw(values: Floats, net: Architecture, seed: int, init_scale: float) -> None:
    for layer, first in enumerate(net.layout):
        n_in, n_out = int(net.widths[layer]), int(net.widths[layer + 1])
        bound = 1 / math.sqrt(n_in)
        draws = compiled.uniforms(seed, compiled.INITIAL, layer, WEIGHT, n_in * n_out, bound * init_scale)
        values[first[WEIGHT] : first[WEIGHT] + len(draws)] = draws
        if first[BIAS] >= 0:
            draws = compiled.uniforms(seed, compiled.INITIAL, layer, BIAS, n_out, bound)
            values[first[BIAS] : first[BIAS] + n_out] = draws
        if first[SCALE] >= 0:
            values[first[SCALE] : first[SHIFT]] = 1


def _points(trained: Trained, data: Data) -> Points:
    """Return data as the compiled loop takes them."""
    X, target, weight = data
    real, is_class = np.dtype(trained.params["dtype"]), target.dtype.kind == "i"
    return Points(
        np.ascontiguousarray(trained.features(X), dtype=real),
        np.ascontiguousarray(target) if is_class else np.zeros(0, np.int64),
        np.zeros((0, 0), real) if is_class else np.ascontiguousarray(target, dtype=real),
        np.zeros(0, real) if weight is None else np.ascontiguousarray(weight, dtype=real),
    )


def schedule(params: Params, n_samples: int, epochs: int, n_steps: int) -> Schedule:
    """Return the schedule of a training of `epochs`, or of the net's `max_steps`, that begins after `n_steps`."""
    batch_size = min(params["batch_size"], n_samples)
    n_more = params["max_steps"] or epochs * math.ceil(n_samples / batch_size)
    return Schedule(
        batch_size,
        float(params["learning_rate"]),
        float(params["weight_decay"]),
        n_more if params["schedule"] == "cosine" else 0,
        n_steps + 1,
        n_steps + n_more,
    )
