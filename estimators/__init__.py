"""Learners with and without a prior, all of them scikit-learn estimators.

A name is imported from its module when it is first used, so ``import estimators`` loads neither torch nor scikit-learn.
"""

import importlib
from typing import TYPE_CHECKING, Any

OWNER = "toymanifold"  # by which `studies.siblings` knows this package from others of its name

if TYPE_CHECKING:
    from estimators.catalog import CATALOG, make, make_learner, with_prior
    from estimators.diagnostics import (
        average_gradient_outer_product,
        feature_ansatz,
        gradient_norms,
        lipschitz_lower_bound,
        lipschitz_upper_bound,
        neural_feature_matrices,
    )
    from estimators.feature_matrices import agop, principal_angles, share_inside
    from estimators.kernels import KernelClassifier, KernelRegressor, RFMClassifier, RFMRegressor
    from estimators.neighbors import NeighborsClassifier, NeighborsRegressor
    from estimators.nets import NetClassifier, NetRegressor
    from estimators.nets.fit_many import fit_many
    from estimators.nets.losses import FocalLoss
    from estimators.polar import from_polar, to_polar
    from estimators.priors import PRIORS, PolarCoordinates, Prior, SpiralPhase
    from estimators.random_features import RandomFeatures, RandomFeaturesClassifier, RandomFeaturesRegressor

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
    "make_learner",
    "neural_feature_matrices",
    "principal_angles",
    "share_inside",
    "to_polar",
    "with_prior",
]

_NAMES = {
    "catalog": "CATALOG make make_learner with_prior",
    "diagnostics": "average_gradient_outer_product feature_ansatz gradient_norms lipschitz_lower_bound "
    "lipschitz_upper_bound neural_feature_matrices",
    "feature_matrices": "agop principal_angles share_inside",
    "kernels": "KernelClassifier KernelRegressor RFMClassifier RFMRegressor",
    "neighbors": "NeighborsClassifier NeighborsRegressor",
    "nets": "NetClassifier NetRegressor",
    "nets.fit_many": "fit_many",
    "nets.losses": "FocalLoss",
    "polar": "from_polar to_polar",
    "priors": "PRIORS PolarCoordinates Prior SpiralPhase",
    "random_features": "RandomFeatures RandomFeaturesClassifier RandomFeaturesRegressor",
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
