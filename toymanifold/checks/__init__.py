"""Batteries of checks for ``make_*`` data generators and for problems, in the manner of ``check_estimator``."""

from toymanifold.checks.battery import CHECKS, check_generator
from toymanifold.checks.problems import PROBLEM_CHECKS, check_problem
from toymanifold.checks.results import CheckResult

__all__ = ["CHECKS", "PROBLEM_CHECKS", "CheckResult", "check_generator", "check_problem"]
