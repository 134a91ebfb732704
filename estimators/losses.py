"""Losses that torch does not have."""

from torch import Tensor, nn
from torch.nn.functional import cross_entropy


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
