"""Fully connected nets with scikit-learn's API, trained with AdamW.

The estimators are in `base`, `classifier` and `regressor`. `compiled` and `training` train them on the CPU; `building`
makes skorch nets of them, for which alone torch is imported.
"""

from estimators.nets.base import Net
from estimators.nets.classifier import NetClassifier
from estimators.nets.regressor import NetRegressor

__all__ = ["Net", "NetClassifier", "NetRegressor"]
