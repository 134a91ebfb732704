import pytest
import torch
from torch.nn.functional import cross_entropy

from estimators import FocalLoss

LOGITS = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
TARGET = torch.arange(50) % 3


def test_gamma_zero_is_the_cross_entropy():
    assert FocalLoss(gamma=0.0)(LOGITS, TARGET) == pytest.approx(cross_entropy(LOGITS, TARGET))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_loss_is_the_papers_formula(gamma):
    p = LOGITS.softmax(dim=1)[torch.arange(50), TARGET]
    assert FocalLoss(gamma)(LOGITS, TARGET) == pytest.approx((-((1 - p) ** gamma) * p.log()).mean())


def test_gradient_is_finite_where_a_point_is_certain():
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    FocalLoss()(logits, torch.tensor([0, 0])).backward()
    assert torch.isfinite(logits.grad).all()
