"""The results database: tables, transactions, provenance and maintenance."""

import os
from pathlib import Path

RESULTS = Path("toymanifold-results")
"""Folder of the results, in the current one."""

DEFAULT_STORE = f"sqlite:///{RESULTS}/results.db"
"""URL of the default results database."""


def store_url(store: str | os.PathLike[str] | None) -> str:
    """Return the SQLAlchemy URL of a store, which is a URL, the path of a SQLite file, or None for the default."""
    if store is None:
        return DEFAULT_STORE
    return str(store) if "://" in str(store) else f"sqlite:///{Path(store)}"
