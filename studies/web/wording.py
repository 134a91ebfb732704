"""Findings in words: numbers with their units and intervals, the answer in one sentence, and what stands beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from studies.analysis.claims import VERDICTS, Claim
from studies.analysis.crossovers import Crossover
from studies.analysis.findings import Competitor, Estimate, Findings, PriorWorth, Ranking, bounds
from studies.analysis.intervals import Scale, number, scale_of

_MOST_HIGHLIGHTS = 4


@dataclass(frozen=True)
class Highlight:
    """A number that one should not have to look for: what it is, the number, its unit and interval, what it means."""

    label: str
    value: str
    unit: str
    detail: str


def headline(findings: Findings) -> str:
    """Return the answer to a study's question in one sentence, made from the numbers."""
    where = f"On {findings.problem}: " if findings.problem else ""
    if findings.worths:
        worth = findings.worths[0]
        sentence = f"at n = {worth.equivalence.n_samples:,}, the {worth.prior} prior was worth {_worth(worth)}"
        chase = "; ".join(_chase(competitor) for competitor in findings.main_competitors)
        return where + _sentence(f"{sentence}; {chase}" if chase else sentence, capital=not where)
    if findings.ranking:
        return where + _sentence(_ranking(findings.ranking, scale_of(findings.measured[0].metric)), capital=not where)
    curves = findings.measured[0].curves
    sizes = [mean.n_samples for curve in curves for mean in curve.means]
    learners = f"{len(curves)} learners were" if len(curves) > 1 else "one learner was"
    points = f"{min(sizes):,}{f' to {max(sizes):,}' if max(sizes) > min(sizes) else ''} training points"
    return where + _sentence(f"{learners} measured with {points}", capital=not where)


def verdicts(claims: Sequence[Claim]) -> str:
    """Return how many of some claims are supported, in one sentence.

    Examples
    --------
    >>> verdicts([Claim("Sky is blue.", "", "", True), Claim("Grass is red.", "", "", False)])
    'Of 2 claims 1 is supported, 1 is not supported.'
    """
    counts = Counter(claim.verdict for claim in claims)
    told = (f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict in VERDICTS.values() if (n := counts[verdict]))
    return f"Of {len(claims)} claim{'s' if len(claims) > 1 else ''} {', '.join(told)}."


def highlights(findings: Findings) -> tuple[Highlight, ...]:
    """Return the numbers behind the headline, the most telling first."""
    worths = [_worth_highlight(worth) for worth in findings.worths]
    chases = [_chase_highlight(competitor) for competitor in findings.main_competitors]
    if worths or not findings.ranking:
        return tuple([*worths[:1], *chases, *worths[1:]][:_MOST_HIGHLIGHTS])
    ranking, scale = findings.ranking, scale_of(findings.measured[0].metric)
    label = f"Smallest error with {ranking.n_samples:,} training points"
    detail = _sentence(f"{ranking.first}{_next(ranking, scale)}", capital=False)
    return (Highlight(label, scale.text(ranking.error.mean), scale.bounds(ranking.error), detail),)


def needed(competitor: Competitor) -> str:
    """Return how many samples a competitor needs to match the reference."""
    return _samples(competitor.equivalence.needed) if competitor.equivalence else "no answer"


def standing(crossover: Crossover, competitor: str) -> str:
    """Return how a competitor stands to the reference where both have as many samples, as a verb phrase."""
    first, last = (number(size, 12) for size in crossover.measured)
    if crossover.winner is None or crossover.lead is None:
        return f"is not told apart up to {last}"
    ahead = crossover.winner == competitor
    if crossover.n is not None:
        which = f", the last of {crossover.count} crossings" if crossover.count > 1 else ""
        at = Estimate(crossover.n.mean, crossover.n.low, crossover.n.high)
        return f"{'overtakes' if ahead else 'falls behind'} at {_samples(at)}{which}"
    if crossover.lead == crossover.measured:
        return f"is ahead from {first} on" if ahead else f"is behind all the way to {last}"
    low, high = (number(size) for size in crossover.lead)
    return f"is {'ahead' if ahead else 'behind'} from {low} to {high}, elsewhere not told apart"


def _worth(worth: PriorWorth) -> str:
    times = f"{_times(worth)} the data {bounds(worth.times, 2)}".rstrip()
    return f"{times}{_doubt(worth)}: {_worth_in_samples(worth)}"


def _times(worth: PriorWorth) -> str:
    words = {"": "", "above": "more than ", "below": "less than "}
    return f"{words[worth.times.beyond]}{number(worth.times.value, 2)} times"


def _doubt(worth: PriorWorth) -> str:
    return ", no difference shown" if worth.times.low <= 1 <= worth.times.high else ""


def _worth_in_samples(worth: PriorWorth) -> str:
    found = worth.equivalence
    if found.a == worth.plain:
        return f"{found.b} matches {found.a} with {_samples(found.needed)}"
    return f"{found.b} needs {_samples(found.needed)} training points to match {found.a}"


def _chase(competitor: Competitor) -> str:
    met = f"{competitor.learner} needs {needed(competitor)}"
    return (
        f"{met}, and at equal n {standing(competitor.crossover, competitor.learner)}" if competitor.crossover else met
    )


def _worth_highlight(worth: PriorWorth) -> Highlight:
    label = f"Worth of the {worth.prior} prior to {worth.plain} at n = {worth.equivalence.n_samples:,}"
    detail = _sentence(f"{_worth_in_samples(worth)}{_doubt(worth)}", capital=False)
    return Highlight(label, _times(worth), f"the data {bounds(worth.times, 2)}", detail)


def _chase_highlight(competitor: Competitor) -> Highlight:
    assert competitor.equivalence is not None
    found = competitor.equivalence
    label = f"{competitor.learner} overtakes {found.a} with {found.n_samples:,} at"
    detail = f"At equal n it {standing(competitor.crossover, competitor.learner)}." if competitor.crossover else ""
    alone = replace(found.needed, low=np.nan, high=np.nan)
    return Highlight(label, _samples(alone), f"points {bounds(found.needed)}", detail)


def _ranking(ranking: Ranking, scale: Scale) -> str:
    who = "all learners were" if ranking.everywhere else "any learner was"
    return (
        f"with {ranking.n_samples:,} training points, the most that {who} given, the smallest error is that of"
        f" {ranking.first}, {scale.with_interval(ranking.error)}{_next(ranking, scale)}"
    )


def _next(ranking: Ranking, scale: Scale) -> str:
    if not ranking.second:
        return ""
    if ranking.behind is None:
        return f"; next is {ranking.second}"
    unit = " percentage points" if scale.unit == " %" else scale.unit
    behind = f"{number(scale.factor * ranking.behind.mean, 2)}{unit} behind {scale.bounds(ranking.behind, 2)}".rstrip()
    apart = ", which does not tell them apart" if ranking.behind.low <= 0 else ""
    return f"; next is {ranking.second}, {behind}{apart}"


def _samples(estimate: Estimate) -> str:
    """Return a number of samples with its interval; a bound, which is a measured size as a rule, in full."""
    whole = number(round(estimate.value), 12)
    bound = {"": number(estimate.value), "above": f"more than {whole}", "below": f"less than {whole}"}
    return f"{bound[estimate.beyond]} {bounds(estimate)}".rstrip()


def _sentence(words: str, *, capital: bool = True) -> str:
    return (words[:1].upper() + words[1:] if capital else words) + "."
