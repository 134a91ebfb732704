"""Losses of nets: torch's and two that torch does not have."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot


class FocalLoss(nn.Module):
    r"""Cross-entropy with less weight on points that are classified well.

    :math:`-(1 - p_t)^\gamma \log p_t`, with :math:`p_t` the probability of the true class;
    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, equation 4.

    Parameters
    ----------
    gamma : float, default=2.0
        0 gives the cross-entropy.
    reduction : {"mean", "none"}, default="mean"
        As in torch's losses.

    Examples
    --------
    >>> logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> FocalLoss(gamma=2.0)(logits, target)  # a quarter of log 2
    tensor(0.1733)
    """

    def __init__(self, gamma: float = 2.0, *, reduction: str = "mean") -> None:
        super().__init__()
        self.gamma = gamma
        self.reduction = reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `logits` (n, n_classes) against class indices `target` (n,)."""
        entropy = cross_entropy(logits, target, reduction="none")
        missing = -(-entropy).expm1()  # 1 - p_t, exact where p_t is near 1
        losses = missing**self.gamma * entropy
        return losses.mean() if self.reduction == "mean" else losses


class OneHotSquaredError(nn.Module):
    """Squared error of outputs against one-hot classes: 1 for the true class, 0 for the others.

    Parameters
    ----------
    reduction : {"mean", "none"}, default="mean"
        As in torch's losses; the mean over classes is taken in either case.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, values: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `values` (n, n_classes) against class indices `target` (n,)."""
        errors = values - one_hot(target, values.shape[1])
        losses = errors.square().mean(dim=1)
        return losses.mean() if self.reduction == "mean" else losses


def output_link(loss: str) -> Callable[[Tensor], Tensor]:
    """Return the function that turns outputs (n, n_classes) into probabilities, for a net trained with this loss."""
    return nearest_probabilities if loss == "one_hot_squared_error" else functools.partial(torch.softmax, dim=-1)


def nearest_probabilities(values: Tensor) -> Tensor:
    """Return the probabilities (n, n_classes) nearest to `values` in Euclidean distance.

    A threshold, found from the sorted values, is subtracted from each row, which is then cut off at 0 (Duchi et al.,
    Efficient projections onto the l1-ball for learning in high dimensions, ICML 2008, figure 1). The largest value
    stays the largest.
    """
    descending = values.sort(dim=1, descending=True).values
    counts = torch.arange(1, values.shape[1] + 1, device=values.device)
    thresholds = (descending.cumsum(dim=1) - 1) / counts
    n_positive = (descending > thresholds).sum(dim=1, keepdim=True)
    return (values - thresholds.gather(1, n_positive - 1)).clamp_min(0)


LOSSES: dict[str, type[nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "focal": FocalLoss,
    "one_hot_squared_error": OneHotSquaredError,
    "squared_error": nn.MSELoss,
    "huber": nn.HuberLoss,
}
"""Losses by name."""
