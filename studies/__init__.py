"""Measurements: a study is planned, run, stored, analysed and shown."""

from studies import library  # noqa: F401 - what it registers
from studies.breakdowns import breakdown_difference, breakdown_summary
from studies.claims import Claim, check_claims
from studies.compare import paired_difference, paired_tests, summary
from studies.crossings import Crossover, DataEquivalence, NoEquivalence, crossover, data_equivalence
from studies.curves import LearningCurve, learning_curve, paired_curves
from studies.effects import PriorEffect, prior_effect
from studies.executors import open_executor
from studies.figures import (
    plot_agop,
    plot_axis,
    plot_breakdown,
    plot_data_equivalence,
    plot_decision_region,
    plot_density,
    plot_learning_curves,
    plot_training_dynamics,
)
from studies.fitted import fitted
from studies.inference import Interval, holm
from studies.plan import Cell, Planned, plan_study
from studies.provenance import Run
from studies.ranking import Ranking, rank_learners
from studies.refusals import SpecError
from studies.results import Results
from studies.runner import remaining, run, run_cell
from studies.scaling import NoScalingLaw, ScalingLaw, fit_scaling
from studies.slots import Slots
from studies.spec import Study, built_in
from studies.store import Outcome, Store, StoreError
from studies.strata import Bins, bins, breakdown, breakdown_values

__all__ = [
    "Bins",
    "Cell",
    "Claim",
    "Crossover",
    "DataEquivalence",
    "Interval",
    "LearningCurve",
    "NoEquivalence",
    "NoScalingLaw",
    "Outcome",
    "Planned",
    "PriorEffect",
    "Ranking",
    "Results",
    "Run",
    "ScalingLaw",
    "Slots",
    "SpecError",
    "Store",
    "StoreError",
    "Study",
    "bins",
    "breakdown",
    "breakdown_difference",
    "breakdown_summary",
    "breakdown_values",
    "built_in",
    "check_claims",
    "crossover",
    "data_equivalence",
    "fit_scaling",
    "fitted",
    "holm",
    "learning_curve",
    "open_executor",
    "paired_curves",
    "paired_difference",
    "paired_tests",
    "plan_study",
    "plot_agop",
    "plot_axis",
    "plot_breakdown",
    "plot_data_equivalence",
    "plot_decision_region",
    "plot_density",
    "plot_learning_curves",
    "plot_training_dynamics",
    "prior_effect",
    "rank_learners",
    "remaining",
    "run",
    "run_cell",
    "summary",
]
