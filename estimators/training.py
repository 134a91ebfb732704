"""The training loop: skorch's own, without what it costs for each batch.

For small nets on small data skorch's bookkeeping takes as long as the arithmetic. `LeanLoop` overrides the hooks where
that time goes and keeps their meaning: callbacks are called at the same moments, and the history holds each epoch.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import skorch
import torch
from skorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import Dataset


class Points(Dataset[Any]):
    """Points, what is to be learnt of each, and how much each weighs.

    Parameters
    ----------
    X : Tensor of shape (n, n_features)
    y : Tensor of shape (n,) or (n, n_outputs)
    weight : Tensor of shape (n,) or None
        None is one for all.
    """

    def __init__(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> None:
        self.X, self.y, self.weight = X, y, weight

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        columns = (self.X, self.y) if self.weight is None else (self.X, self.y, self.weight)
        return tuple(column[index] for column in columns)


class Batches:
    """Mini-batches as slices of one copy, shuffled or not, instead of a DataLoader's row by row."""

    def __init__(self, columns: tuple[Tensor, ...], batch_size: int, shuffle: bool) -> None:
        self.columns, self.batch_size = columns, batch_size
        self.shuffle = shuffle and batch_size < len(columns[0])  # of one batch the order is of no account

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        columns = self.columns
        if self.shuffle:
            order = torch.randperm(len(columns[0])).to(columns[0].device)
            columns = tuple(column[order] for column in columns)
        return zip(*(column.split(self.batch_size) for column in columns), strict=True)


class LeanLoop:
    """Mixed into a skorch net of an `MLP` that is trained on `Points`.

    Input layers that do not learn see each training point once, not once a step. The criterion gives a loss for each
    point; batch losses are averaged into the epoch's and not kept.
    """

    def get_iterator(self: Any, dataset: Any, training: bool = False) -> Any:
        """Return batches: of training points as the MLP's input layers put them out, of others as they are."""
        if not isinstance(dataset, Points):
            return super().get_iterator(dataset, training)  # type: ignore[misc]
        size = len(dataset) if self.batch_size == -1 else self.batch_size
        columns = tuple(column.to(self.device) for column in dataset[:])
        if training and not self.module_.learns_inputs:
            with torch.no_grad():
                columns = (self.module_.inputs(columns[0]), *columns[1:])
        return Batches(columns, size, shuffle=training)

    def run_single_epoch(
        self: Any, iterator: Any, training: bool, prefix: str, step_fn: Callable[..., Any], **fit_params: Any
    ) -> None:
        """Run one epoch and record its mean loss; the module's mode is set once and not at each step."""
        if iterator is None:
            return
        self._set_training(training)
        losses, sizes = [], []
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            sizes.append(len(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
        shares = torch.tensor(sizes, dtype=losses[0].dtype, device=losses[0].device)
        self.history.record(f"{prefix}_loss", float(torch.stack(losses) @ shares / shares.sum()))

    def train_step_single(self: Any, batch: Any, **_: Any) -> dict[str, Tensor]:
        """Take the gradient of one batch."""
        module = self.module_ if self.module_.learns_inputs else self.module_.body
        y_pred = module(batch[0])
        loss = self._mean_loss(y_pred, *batch[1:])
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def validation_step(self: Any, batch: Any, **_: Any) -> dict[str, Tensor]:
        """Take the loss of one batch of validation points."""
        with torch.no_grad():
            y_pred = self.module_(batch[0])
            return {"loss": self._mean_loss(y_pred, *batch[1:]), "y_pred": y_pred}

    def _mean_loss(self: Any, y_pred: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        losses: Tensor = self.criterion_(y_pred, y).reshape(len(y), -1).mean(dim=1)
        return losses.mean() if weight is None else losses @ weight / weight.sum().clamp_min(1e-30)

    def notify(self: Any, method_name: str, **kwargs: Any) -> None:
        """Call those callbacks that do something at this moment; the others would only be waited for."""
        getattr(self, method_name)(self, **kwargs)
        idle = getattr(Callback, method_name)
        for _, callback in self.callbacks_:
            if getattr(type(callback), method_name, None) is not idle:
                getattr(callback, method_name)(self, **kwargs)


class LeanClassifier(LeanLoop, skorch.NeuralNetClassifier):
    """A skorch classifier with the lean loop."""


class LeanRegressor(LeanLoop, skorch.NeuralNetRegressor):
    """A skorch regressor with the lean loop."""


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

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights if this epoch was chosen."""
        epoch = len(net.history)
        if epoch in self.epochs:
            self.states_[epoch] = copy.deepcopy(net.module_.state_dict())
