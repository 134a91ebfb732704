"""The results database: tables, transactions, provenance and maintenance."""

from pathlib import Path

RESULTS = Path("toymanifold-results")
"""Folder of the results, in the current one."""

DEFAULT_STORE = f"sqlite:///{RESULTS}/results.db"
"""URL of the default results database."""
