"""Points without a label, whose y is -1 as in scikit-learn, and the estimators that learn from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import check_classification_targets

from toymanifold.protocols import UNLABELLED
from toymanifold.validation import error_message


def uses_unlabelled(estimator: BaseEstimator) -> bool:
    """Return True if an estimator learns from points with y = -1 too, as those of `sklearn.semi_supervised` do.

    An estimator says so by an attribute ``uses_unlabelled = True``; a pipeline is its last step.

    Parameters
    ----------
    estimator : estimator or Pipeline

    Returns
    -------
    uses_unlabelled : bool

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.semi_supervised import LabelSpreading
    >>> uses_unlabelled(LabelSpreading()), uses_unlabelled(KNeighborsClassifier())
    (True, False)
    """
    last = last_step(estimator)
    return getattr(last, "uses_unlabelled", type(last).__module__.startswith("sklearn.semi_supervised"))


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, or the estimator itself if it is not a pipeline."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def encode_labels(y: NDArray[Any], owner: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the classes among labels, and the index of each point's class, -1 if it has no label.

    Among strings, of numpy or of pandas, "-1" stands for it, which numpy makes of -1 in ``np.array(["a", "b", -1])``.

    Raises
    ------
    ValueError
        If no point has a label, or labels are not classes.
    """
    if y.dtype == object and (missing := [row for row, label in enumerate(y) if label is None]):
        allowed = f"of labels, or {UNLABELLED} where there is none"
        raise ValueError(error_message("y", owner, allowed, f"None in row {missing[0]}"))
    is_labelled = (y != UNLABELLED) & (y != str(UNLABELLED))
    if not is_labelled.any():
        raise ValueError(error_message("y", owner, "of one label at least", f"{UNLABELLED} in every row"))
    check_classification_targets(y[is_labelled])
    codes = np.full(len(y), UNLABELLED, dtype=np.int64)
    classes, codes[is_labelled] = np.unique(y[is_labelled], return_inverse=True)
    return classes, codes
