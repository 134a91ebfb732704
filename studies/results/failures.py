"""Cells that failed with their errors, and seeds that are missing, as lines of text."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from studies.registry.params import joined
from studies.results.untrained import UNTRAINED
from studies.spec.cells import PlannedCell
from studies.store.store import Outcome

_LONGEST = 500  # characters of an error on its line
_MOST = 10  # distinct errors that are listed
_MOST_PLACES = 5  # learners of which missing seeds are listed

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


def missing_seeds(planned: Sequence[PlannedCell], measured: Collection[PlannedCell]) -> list[str]:
    """Return one line for each learner and the seeds that it lacks, whether they failed or have not run.

    Seeds that are missing everywhere are one line.

    Parameters
    ----------
    planned : sequence of PlannedCell
        The cells of a study's learners.
    measured : collection of PlannedCell
    """
    seeds = sorted({p.cell.seed for p in planned})
    nowhere = {*seeds} - {p.cell.seed for p in measured}
    lacking: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for p in planned:
        if p not in measured and p.cell.seed not in nowhere:
            lacking[p.problem, p.learner, p.cell.n_samples].append(p.cell.seed)
    sizes: dict[tuple[str, str, tuple[int, ...]], list[int]] = defaultdict(list)
    for (problem, learner, n), missing in lacking.items():
        sizes[problem, learner, tuple(missing)].append(n)
    on = {p.problem: f"{p.problem}: " for p in planned}
    on = on if len(on) > 1 else dict.fromkeys(on, "")
    lines = [f"all learners: {_missing(sorted(nowhere), seeds)}"] if nowhere else []
    for (problem, learner, found), at in sizes.items():
        numbers = joined([f"{n:,}" for n in at])
        lines.append(f"{on[problem]}{learner} at n = {numbers}: {_missing(found, seeds)}")
    more = len(lines) - _MOST_PLACES
    return [*lines[:_MOST_PLACES], *([f"and {more:,} more of other learners or sizes"] if more > 0 else [])]


def _missing(missing: Sequence[int], seeds: Sequence[int]) -> str:
    run = len(missing) > 2 and missing[-1] - missing[0] == len(missing) - 1
    named = f"{missing[0]} to {missing[-1]}" if run else joined(list(map(str, missing)))
    words = f"seed {named} of {len(seeds)} is" if len(missing) == 1 else f"seeds {named} of {len(seeds)} are"
    return f"{words} missing"
