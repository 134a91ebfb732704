"""Fully connected nets, trained with AdamW one by one or many at once."""

from estimators.nets.base import Net, NetClassifier, NetRegressor

__all__ = ["Net", "NetClassifier", "NetRegressor"]
