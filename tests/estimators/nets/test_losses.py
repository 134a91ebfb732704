import pytest
import torch
from torch.nn.functional import cross_entropy

from estimators import FocalLoss
from estimators.nets.losses import OneHotSquaredError, nearest_probabilities

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


def test_one_hot_squared_error_is_that_of_the_rows_of_the_identity():
    expected = ((LOGITS - torch.eye(3, dtype=torch.float64)[TARGET]) ** 2).mean()
    assert OneHotSquaredError()(LOGITS, TARGET) == pytest.approx(expected)


def test_nearest_probabilities_are_the_projection_onto_the_simplex():
    """The nearest point p of a convex set to v is the one with (v - p) . (q - p) <= 0 for all corners q of the set."""
    p = nearest_probabilities(LOGITS)
    assert p.min() >= 0
    torch.testing.assert_close(p.sum(dim=1), torch.ones(50, dtype=torch.float64))
    away = LOGITS - p
    assert (away - (away * p).sum(dim=1, keepdim=True)).max() < 1e-12
    assert torch.equal(p.argmax(dim=1), LOGITS.argmax(dim=1))


def test_probabilities_are_their_own_nearest():
    p = LOGITS.softmax(dim=1)
    torch.testing.assert_close(nearest_probabilities(p), p)
