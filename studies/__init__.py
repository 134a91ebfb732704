"""Measurements: a study is planned, run, stored, analysed and shown."""

from studies.executors import open_executor
from studies.plan import Cell, Planned, plan_study
from studies.results import Results
from studies.runner import remaining, run, run_cell
from studies.slots import Slots
from studies.spec import SpecError, Study, built_in
from studies.store import Outcome, Store, StoreError

__all__ = [
    "Cell",
    "Outcome",
    "Planned",
    "Results",
    "Slots",
    "SpecError",
    "Store",
    "StoreError",
    "Study",
    "built_in",
    "open_executor",
    "plan_study",
    "remaining",
    "run",
    "run_cell",
]
