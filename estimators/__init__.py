"""Learners with and without a prior, all of them scikit-learn estimators."""

from estimators.catalog import CATALOG, make, with_prior
from estimators.diagnostics import (
    agop,
    average_gradient_outer_product,
    feature_ansatz,
    gradient_norms,
    lipschitz_lower_bound,
    lipschitz_upper_bound,
    neural_feature_matrices,
    principal_angles,
    share_inside,
)
from estimators.kernels import KernelClassifier, KernelRegressor
from estimators.nets.losses import FocalLoss
from estimators.neighbors import NeighborsClassifier, NeighborsRegressor
from estimators.nets import NetClassifier, NetRegressor
from estimators.polar import from_polar, to_polar
from estimators.priors import PRIORS, PolarCoordinates, Prior, SpiralPhase
from estimators.random_features import RandomFeatures, RandomFeaturesClassifier, RandomFeaturesRegressor
from estimators.kernels.rfm import RFMClassifier, RFMRegressor
from estimators.nets.fit_many import fit_many

__all__ = [
    "CATALOG",
    "PRIORS",
    "FocalLoss",
    "KernelClassifier",
    "KernelRegressor",
    "NeighborsClassifier",
    "NeighborsRegressor",
    "NetClassifier",
    "NetRegressor",
    "PolarCoordinates",
    "Prior",
    "RFMClassifier",
    "RFMRegressor",
    "RandomFeatures",
    "RandomFeaturesClassifier",
    "RandomFeaturesRegressor",
    "SpiralPhase",
    "agop",
    "average_gradient_outer_product",
    "feature_ansatz",
    "fit_many",
    "from_polar",
    "gradient_norms",
    "lipschitz_lower_bound",
    "lipschitz_upper_bound",
    "make",
    "neural_feature_matrices",
    "principal_angles",
    "share_inside",
    "to_polar",
    "with_prior",
]
