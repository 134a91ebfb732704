"""The errors of cells that failed, as lines of text."""

from collections import Counter
from collections.abc import Iterable

from studies.results.untrained import UNTRAINED
from studies.store.store import Outcome

_LONGEST = 500  # characters of an error on its line
_MOST = 10  # distinct errors that are listed

_ADVICE = {
    "timeout": "Cells that ran out of time need a longer --time-limit, or none.",
    "memory": "Cells that ran out of memory need a larger --memory-limit, or fewer --jobs.",
    "lost": "Workers that were killed often wanted more memory than the machine has: fewer --jobs may help.",
    UNTRAINED: "Cells whose training failed are not run again, since they would fail again.",
}


def one_line(error: str) -> str:
    """Return an error on one line, cut to its beginning."""
    line = " ".join(error[: 2 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def reasons(outcomes: Iterable[Outcome]) -> list[str]:
    """Return one line for each distinct error of failed cells, with its number of cells, the most frequent first.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Outcomes that are ok are left out.
    """
    counts = Counter((outcome.status, one_line(outcome.error)) for outcome in outcomes if outcome.status != "ok")
    lines = [f"{n:,} cell{'s' if n > 1 else ''}, {status}: {error}" for (status, error), n in counts.most_common(_MOST)]
    return [*lines, *([f"and {len(counts) - _MOST:,} other errors"] if len(counts) > _MOST else [])]


def advice(outcomes: Iterable[Outcome]) -> list[str]:
    """Return one line for each kind of failure on what to do about it; none for errors of learners."""
    statuses = {outcome.status for outcome in outcomes}
    return [line for status, line in _ADVICE.items() if status in statuses]


def can_retry(outcomes: Iterable[Outcome]) -> bool:
    """Return True if some outcomes are failures of which a further run tries the cells again."""
    return any(outcome.status not in ("ok", UNTRAINED) for outcome in outcomes)
