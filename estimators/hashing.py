"""Hashes by which parameters of estimators are compared."""

import pickle
from typing import Any

import joblib


def hash_of(value: Any) -> str | None:
    """Return a hash of the contents of a value; None of what cannot be pickled, such as a lambda or a local class."""
    try:
        digest: str = joblib.hash(value)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return digest


def are_equal(a: Any, b: Any) -> bool:
    """Return True if two values have the same contents; of what cannot be pickled, the same text."""
    hashes = hash_of(a), hash_of(b)
    if None in hashes:
        return hashes == (None, None) and type(a) is type(b) and repr(a) == repr(b)
    return hashes[0] == hashes[1]
