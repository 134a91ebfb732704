"""Hashes by which parameters of estimators are compared."""

from typing import Any

import joblib
from sklearn.base import BaseEstimator


def hash_of(value: Any) -> str | None:
    """Return a hash of a value as it is pickled; None of what cannot be, such as a lambda or a local class."""
    try:
        digest: str = joblib.hash(value)
    except Exception:  # whatever foreign objects raise
        return None
    return digest


def are_equal(a: Any, b: Any) -> bool:
    """Return True if two values are pickled alike; estimators that cannot be are compared by their parameters.

    Of other values that cannot be pickled, only the same object is equal. `sklearn.base.clone` keeps functions.
    """
    hashes = hash_of(a), hash_of(b)
    if hashes != (None, None):
        return hashes[0] == hashes[1]
    if not isinstance(a, BaseEstimator) or type(a) is not type(b):
        return a is b
    own, others = a.get_params(deep=False), b.get_params(deep=False)
    return own.keys() == others.keys() and all(are_equal(own[name], others[name]) for name in own)
