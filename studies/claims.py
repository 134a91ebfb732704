"""What the literature says of a built-in study, beside what was measured.

A claim is checked by a function of the study's tidy frame, registered under the study's name by `claims`, so that it
can be checked on results from a store and on kept ones alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from studies.inference import Interval

_LEAST_P = 0.01  # that is told

VERDICTS = {True: "seen", False: "not seen", None: "undecided"}
"""What is said of a claim, by whether it holds."""


@dataclass(frozen=True)
class Claim:
    """A statement of the literature, and what was seen of it.

    Parameters
    ----------
    says : str
        The statement, in one sentence.
    source : str
        Paper and place in it.
    measured : str
        What was measured, with an interval.
    holds : bool or None
        Whether what was measured agrees with the statement; None where it cannot tell.
    """

    says: str
    source: str
    measured: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """In words."""
        return VERDICTS[self.holds]


Check = Callable[[pd.DataFrame], Iterable[Claim]]

CLAIMS: dict[str, Check] = {}
"""What checks the claims about each study, by the study's name."""


def claims(study: str) -> Callable[[Check], Check]:
    """Register the decorated function of a frame from `Results.frame` as what checks the claims about a study."""

    def register(check: Check) -> Check:
        if study in CLAIMS:
            raise ValueError(f"the claims about {study!r} are checked already")
        CLAIMS[study] = check
        return check

    return register


def check_claims(study: str, frame: pd.DataFrame) -> list[Claim]:
    """Return the claims about a study as they stand in its results.

    Parameters
    ----------
    study : str
        Its name.
    frame : DataFrame
        From `Results.frame`.

    Returns
    -------
    claims : list of Claim
        Those of which enough is measured; none about a study that makes no claims.
    """
    return list(CLAIMS[study](frame)) if study in CLAIMS else []


def told_p(p: float) -> str:
    """Return a p-value as text: "p = 0.29", or "p < 0.01"."""
    return f"p = {p:.2f}" if p >= _LEAST_P else f"p < {_LEAST_P}"


def told(interval: Interval, digits: str = ".2f") -> str:
    """Return an interval as text: "0.52 [0.48, 0.56]"."""
    return f"{interval.mean:{digits}} [{interval.low:{digits}}, {interval.high:{digits}}]"
