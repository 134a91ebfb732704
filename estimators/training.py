"""The training loop: skorch's own, without what it costs for each batch.

For small nets on small data skorch's bookkeeping takes as long as the arithmetic. `LeanNet` overrides the hooks where
that time goes and keeps their meaning: callbacks are called at the same moments, and the history holds each epoch.
"""

from collections.abc import Callable, Iterator
from typing import Any

import skorch
import torch
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from torch import Tensor


class Batches:
    """Shuffled mini-batches as slices of one permuted copy, instead of a DataLoader's row by row."""

    def __init__(self, X: Tensor, y: Tensor, batch_size: int) -> None:
        self.X, self.y, self.batch_size = X, y, batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.X)).to(self.X.device)
        return zip(self.X[order].split(self.batch_size), self.y[order].split(self.batch_size), strict=True)


class LeanNet(skorch.NeuralNetClassifier):
    """A skorch classifier for an `MLP`, whose constant input layers see each training point once, not once a step.

    It is given no validation split; batch losses are averaged into the epoch's ``train_loss`` and not kept.
    """

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return batches of the training points as the MLP's input layers put them out."""
        if not training:
            return super().get_iterator(dataset, training)
        with torch.no_grad():
            features = self.module_.inputs(dataset.X.to(self.device))
        return Batches(features, dataset.y.to(self.device), self.batch_size)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Callable[..., Any], **fit_params: Any
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
        weights = torch.tensor(sizes, dtype=losses[0].dtype, device=losses[0].device)
        self.history.record(f"{prefix}_loss", float(torch.stack(losses) @ weights / weights.sum()))

    def train_step_single(self, batch: Any, **_: Any) -> dict[str, Tensor]:
        """Take the gradient of one batch of features."""
        features, y = unpack_data(batch)
        y_pred = self.module_.body(features)
        loss = self.criterion_(y_pred, y)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call those callbacks that do something at this moment; the others would only be waited for."""
        getattr(self, method_name)(self, **kwargs)
        idle = getattr(Callback, method_name)
        for _, callback in self.callbacks_:
            if getattr(type(callback), method_name, None) is not idle:
                getattr(callback, method_name)(self, **kwargs)
