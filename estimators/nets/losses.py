"""What a net is trained to make small: torch's losses, one that torch does not have, and the gradients of all.

A gradient in closed form costs a tenth of what autograd takes for a small net; a test holds each to autograd.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

LossGradient = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class FocalLoss(nn.Module):
    r"""Cross-entropy that gives well-classified points less weight.

    :math:`-(1 - p_t)^\gamma \log p_t`, with :math:`p_t` the probability of the true class;
    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, equation 4.

    Parameters
    ----------
    gamma : float, default=2.0
        0 gives the cross-entropy.
    reduction : {"mean", "none"}, default="mean"
        As in torch's losses.
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
        As in torch's losses, the mean over classes being taken in any case.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, values: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `values` (n, n_classes) against class indices `target` (n,)."""
        errors = values - one_hot(target, values.shape[1])
        losses = errors.square().mean(dim=1)
        return losses.mean() if self.reduction == "mean" else losses


def nearest_probabilities(values: Tensor) -> Tensor:
    """Return the probabilities (n, n_classes) that are nearest to `values`, in the Euclidean distance.

    What is taken from all values of a row, and cut off at 0, is found from the sorted ones (Duchi et al., Efficient
    projections onto the l1-ball for learning in high dimensions, ICML 2008, figure 1). The largest stays the largest.
    """
    descending = values.sort(dim=1, descending=True).values
    counts = torch.arange(1, values.shape[1] + 1, device=values.device)
    taken = (descending.cumsum(dim=1) - 1) / counts
    n_left = (descending > taken).sum(dim=1, keepdim=True)
    return (values - taken.gather(1, n_left - 1)).clamp_min(0)


def cross_entropy_gradient(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return torch's CrossEntropyLoss and its gradient.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    target : Tensor of shape (...), int64

    Returns
    -------
    losses : Tensor of shape (...)
    gradient : Tensor of shape (..., n_classes)
        Of each loss with respect to its logits.
    """
    entropy, gradient = _entropy(logits, target)
    return entropy, _less_one_hot(gradient, target)


def focal_gradient(logits: Tensor, target: Tensor, gamma: float = 2.0) -> tuple[Tensor, Tensor]:
    """Return `FocalLoss` and its gradient, in the shapes of `cross_entropy_gradient`."""
    entropy, probabilities = _entropy(logits, target)
    missing = -(-entropy).expm1()
    slope = missing**gamma + gamma * missing ** (gamma - 1) * (1 - missing) * entropy  # of the loss by the entropy
    return missing**gamma * entropy, _less_one_hot(probabilities, target).mul_(slope.unsqueeze(-1))


def squared_error_gradient(values: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared error and its gradient.

    Parameters
    ----------
    values, target : Tensor of shape (..., n_outputs)

    Returns
    -------
    losses : Tensor of shape (...)
        Mean over outputs.
    gradient : Tensor of shape (..., n_outputs)
    """
    error = values - target
    return error.square().mean(dim=-1), error.mul_(2 / error.shape[-1])


def one_hot_squared_error_gradient(values: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return `OneHotSquaredError` and its gradient, in the shapes of `cross_entropy_gradient`."""
    error = _less_one_hot(values.clone(), target)
    return error.square().mean(dim=-1), error.mul_(2 / error.shape[-1])


def huber_gradient(values: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return torch's HuberLoss (delta = 1) and its gradient, in the shapes of `squared_error_gradient`."""
    error = values - target
    clipped = error.clamp(-1, 1)
    return (clipped * (error - clipped / 2)).mean(dim=-1), clipped.div_(error.shape[-1])


LOSSES: dict[str, tuple[type[nn.Module], LossGradient]] = {
    "cross_entropy": (nn.CrossEntropyLoss, cross_entropy_gradient),
    "focal": (FocalLoss, focal_gradient),
    "one_hot_squared_error": (OneHotSquaredError, one_hot_squared_error_gradient),
    "squared_error": (nn.MSELoss, squared_error_gradient),
    "huber": (nn.HuberLoss, huber_gradient),
}
"""Losses by name: as a module, and with its gradient."""


def _entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy (...) and the probabilities (..., n_classes)."""
    log_probabilities = torch.log_softmax(logits, dim=-1)
    entropy = -log_probabilities.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return entropy, log_probabilities.exp_()


def _less_one_hot(probabilities: Tensor, target: Tensor) -> Tensor:
    minus_one = probabilities.new_full((), -1.0).expand(*target.shape, 1)
    return probabilities.scatter_add_(-1, target.unsqueeze(-1), minus_one)
