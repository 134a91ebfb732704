"""Statistics of results: intervals over seeds, learning curves and their laws, comparisons, and the worth of priors.

Functions take results, their tidy frame (`Results.frame`), or curves made from it; none reads a store or draws.
"""

from studies.analysis.breakdowns import breakdown_difference, breakdown_summary
from studies.analysis.claims import Claim, check_claims
from studies.analysis.comparisons import OutlyingSeeds, outlying_seeds, paired_difference, paired_tests, summary
from studies.analysis.crossovers import Crossover, DataEquivalence, NoEquivalence, crossover, data_equivalence
from studies.analysis.intervals import CensoredInterval, Interval, holm
from studies.analysis.learning_curves import LearningCurve, Sampling, learning_curve, paired_curves
from studies.analysis.ranking import Ranking, errors_by_problem, rank_learners
from studies.analysis.scaling_laws import NoScalingLaw, PriorEffect, ScalingLaw, fit_scaling, prior_effect

__all__ = [
    "CensoredInterval",
    "Claim",
    "Crossover",
    "DataEquivalence",
    "Interval",
    "LearningCurve",
    "NoEquivalence",
    "NoScalingLaw",
    "OutlyingSeeds",
    "PriorEffect",
    "Ranking",
    "Sampling",
    "ScalingLaw",
    "breakdown_difference",
    "breakdown_summary",
    "check_claims",
    "crossover",
    "data_equivalence",
    "errors_by_problem",
    "fit_scaling",
    "holm",
    "learning_curve",
    "outlying_seeds",
    "paired_curves",
    "paired_difference",
    "paired_tests",
    "prior_effect",
    "rank_learners",
    "summary",
]
