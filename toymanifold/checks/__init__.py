"""A battery of checks for ``make_*`` data generators, in the manner of scikit-learn's ``check_estimator``."""

from toymanifold.checks.battery import CHECKS, CheckResult, check_generator

__all__ = ["CHECKS", "CheckResult", "check_generator"]
