"""Fully connected nets with scikit-learn's API, trained with AdamW one by one or many at once.

The estimators are in `base`, `classifier` and `regressor`; torch is imported when they are fitted, not before.
"""

from estimators.nets.base import Net
from estimators.nets.classifier import NetClassifier
from estimators.nets.regressor import NetRegressor

__all__ = ["Net", "NetClassifier", "NetRegressor"]
