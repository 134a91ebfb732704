"""Batteries of checks for ``make_*`` data generators, problems and symmetries, in the manner of ``check_estimator``."""

from toymanifold.checks.battery import CHECKS, check_generator
from toymanifold.checks.problems import PROBLEM_CHECKS, check_problem
from toymanifold.checks.results import CheckResult
from toymanifold.checks.symmetries import SYMMETRY_CHECKS, check_symmetry

__all__ = [
    "CHECKS",
    "PROBLEM_CHECKS",
    "SYMMETRY_CHECKS",
    "CheckResult",
    "check_generator",
    "check_problem",
    "check_symmetry",
]
