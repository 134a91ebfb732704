"""Points without a label, whose y is -1 as in scikit-learn, and the estimators that learn from them."""

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline


def uses_unlabelled(estimator: BaseEstimator) -> bool:
    """Return True if an estimator learns from points with y = -1 too, as those of `sklearn.semi_supervised` do.

    An estimator says so by an attribute ``uses_unlabelled = True`` of its class; a pipeline is its last step.
    """
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return getattr(last, "uses_unlabelled", type(last).__module__.startswith("sklearn.semi_supervised"))
