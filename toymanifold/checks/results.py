"""The result of a check, and the run of one check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

import numpy as np


@dataclass(frozen=True)
class CheckResult:
    """Result of one check; prints as one line.

    Parameters
    ----------
    check : str
        Name of the check, a key of `CHECKS` or `PROBLEM_CHECKS`.
    status : {"passed", "failed", "skipped", "expected"}
        Outcome; "expected" is a failure named in `expected_failed_checks`.
    reason : str, default=""
        Message of the failure, or the reason why the check was skipped.

    Examples
    --------
    >>> from toymanifold.checks import CheckResult
    >>> print(CheckResult("oracle", "skipped", "no oracle was given"))
    oracle                 skipped  no oracle was given
    """

    check: str
    status: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.check:<22} {self.status:<8} {self.reason}".rstrip()


def require(truth: bool | np.bool_, otherwise: str) -> None:
    """Raise `AssertionError` unless `truth`; the statement ``assert`` is removed by ``python -O``."""
    if not truth:
        raise AssertionError(otherwise)


def run_check(
    name: str, check: Callable[[Any], None], subject: Any, expected_failed_checks: Mapping[str, str]
) -> CheckResult:
    """Run a check; whatever it raises is its result."""
    try:
        check(subject)
    except SkipTest as skip:
        return CheckResult(name, "skipped", str(skip))
    except Exception as error:  # whatever a generator or a problem raises is a failure of the check
        reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        if name in expected_failed_checks:
            return CheckResult(name, "expected", f"{expected_failed_checks[name]} ({reason})")
        return CheckResult(name, "failed", reason)
    return CheckResult(name, "passed", "though expected to fail" if name in expected_failed_checks else "")
