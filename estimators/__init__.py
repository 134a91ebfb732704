"""Learners with and without a prior, all of them scikit-learn estimators."""

from estimators.catalog import CATALOG, make
from estimators.losses import FocalLoss
from estimators.nets import NetClassifier, NetRegressor
from estimators.polar import from_polar, to_polar
from estimators.priors import PRIORS, PolarCoordinates, Prior, SpiralPhase

__all__ = [
    "CATALOG",
    "PRIORS",
    "FocalLoss",
    "NetClassifier",
    "NetRegressor",
    "PolarCoordinates",
    "Prior",
    "SpiralPhase",
    "from_polar",
    "make",
    "to_polar",
]
