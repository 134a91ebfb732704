"""Measurements: a study is planned, run, stored, analysed and shown."""

from studies.executors import open_executor
from studies.fitted import fitted
from studies.plan import Cell, Planned, plan_study
from studies.provenance import Run
from studies.refusals import SpecError
from studies.results import Results
from studies.runner import remaining, run, run_cell
from studies.slots import Slots
from studies.spec import Study, built_in
from studies.store import Outcome, Store, StoreError

__all__ = [
    "Cell",
    "Outcome",
    "Planned",
    "Results",
    "Run",
    "Slots",
    "SpecError",
    "Store",
    "StoreError",
    "Study",
    "built_in",
    "fitted",
    "open_executor",
    "plan_study",
    "remaining",
    "run",
    "run_cell",
]
