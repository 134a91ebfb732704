"""Findings in words: the answer in one sentence, and the numbers beside it.

The sentences of single results are those of their classes in `studies.analysis`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studies.analysis.claims import Claim
from studies.analysis.findings import Competitor, Findings, PriorWorth
from studies.analysis.intervals import scale_of
from studies.analysis.verdicts import VERDICTS

_MOST_HIGHLIGHTS = 4


@dataclass(frozen=True)
class Highlight:
    """A main result: its label, the number, its unit and interval, and its meaning.

    In a sentence `joint` is between label and number.
    """

    label: str
    value: str
    unit: str
    detail: str
    joint: str = ": "

    @property
    def sentence(self) -> str:
        """The result as a sentence, with its meaning."""
        value = f"{self.value} {self.unit}".rstrip()
        return f"{self.label}{self.joint}{value}. {self.detail}".rstrip()


def headline(findings: Findings) -> list[str]:
    """Return the answer to a study's question, made from the numbers: one sentence, then those that explain it."""
    where = f"On {findings.problem}: " if findings.problem else ""
    if findings.worths:
        first, *further = findings.main_worths
        answer = f"{first.answer}, {findings.scope}."
        catching_up = (f"{_catching_up(competitor)}." for competitor in findings.main_competitors)
        theory = (_sentence(worth.theory) for worth in findings.main_worths if worth.theory)
        return [
            where + answer if where else first.capitalised(answer),
            f"{first.in_samples}.",
            *catching_up,
            *(f"{worth.capitalised(worth.answer)}." for worth in further),
            *theory,
        ]
    if findings.smallest_errors:
        return [where + _sentence(f"{findings.smallest_errors}, {findings.scope}", capital=not where)]
    curves = findings.measured[0].curves
    sizes = [mean.n_samples for curve in curves for mean in curve.means]
    learners = f"{len(curves)} learners were" if len(curves) > 1 else "one learner was"
    points = f"{min(sizes):,}{f' to {max(sizes):,}' if max(sizes) > min(sizes) else ''} training points"
    return [where + _sentence(f"{learners} measured with {points}", capital=not where)]


def verdicts(claims: Sequence[Claim]) -> str:
    """Return the verdicts on claims in one sentence.

    Examples
    --------
    >>> verdicts([Claim("Sky is blue.", "", "", "", True), Claim("Grass is red.", "", "", "", False)])
    'Of 2 claims 1 is supported, 1 is not supported.'
    """
    counts = Counter(claim.verdict for claim in claims)
    parts = (f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict in VERDICTS.values() if (n := counts[verdict]))
    return f"Of {len(claims)} claim{'s' if len(claims) > 1 else ''} {', '.join(parts)}."


def highlights(findings: Findings) -> tuple[Highlight, ...]:
    """Return the numbers behind the headline, the most important first."""
    others = (worth for worth in findings.worths if worth not in findings.main_worths)
    main, further = (tuple(map(_worth_highlight, worths)) for worths in (findings.main_worths, others))
    competitors = tuple(map(_competitor_highlight, findings.main_competitors))
    smallest = findings.smallest_errors
    if main or not smallest:
        return (*main, *competitors, *further)[:_MOST_HIGHLIGHTS]
    scale = scale_of(smallest.metric)
    label = f"Smallest error with {smallest.n_samples:,} training points"
    detail = f"{'; '.join(filter(None, (smallest.first, smallest.runner_up)))}."
    return (Highlight(label, scale.text(smallest.error.mean), scale.bounds(smallest.error), detail),)


def further_highlights(findings: Findings) -> tuple[Highlight, ...]:
    """Return the highlights without those that the sentences of the headline have already."""
    n_shown = len(findings.main_worths) + len(findings.main_competitors) if findings.worths else 0
    return highlights(findings)[n_shown:]


def worth_lines(findings: Findings) -> list[str]:
    """Return a line for each main worth: at several sizes, and in numbers of samples at the one of the question."""
    scopes = [f", {findings.scope}", *("" for _ in findings.main_worths[1:])]
    return [
        " ".join([worth.capitalised(f"{worth.answer}{scope}."), *_details(worth)])
        for worth, scope in zip(findings.main_worths, scopes, strict=False)
    ]


def needed(competitor: Competitor) -> str:
    """Return the number of samples that a competitor needs to match the reference."""
    return competitor.equivalence.n_samples_text() if competitor.equivalence else "no answer"


def _catching_up(competitor: Competitor) -> str:
    found = competitor.equivalence
    clause = f"{competitor.learner} needs {needed(competitor)}"
    if found is not None and found.times.side == "above":
        clause = found.clause()
    if competitor.crossover is None:
        return clause
    return f"{clause}, and at equal n {competitor.crossover.standing(competitor.learner)}"


def _details(worth: PriorWorth) -> Iterator[str]:
    """Yield the worth in numbers of samples, and what theory says of it."""
    yield f"{worth.in_samples}."
    if worth.theory:
        yield _sentence(worth.theory)


def _worth_highlight(worth: PriorWorth) -> Highlight:
    label = f"Worth of {worth.subject} to {worth.plain} at n = {worth.equivalence.n:,.0f}"
    unit, detail = f"the data {worth.times.bounds_text(2)}".rstrip(), " ".join(_details(worth))
    if worth.is_equal:
        return Highlight(label, "not significant", f"({worth.times_text} {unit})", detail)
    return Highlight(label, worth.times_text, unit, detail)


def _competitor_highlight(competitor: Competitor) -> Highlight:
    assert competitor.equivalence is not None
    found, crossover = competitor.equivalence, competitor.crossover
    detail = f"At equal n it {crossover.standing(competitor.learner)}." if crossover else ""
    if found.times.side == "above":
        label = f"{competitor.learner} does not reach {found.a} with {found.n:,.0f} training points with"
        return Highlight(label, f"up to {found.n_samples.value:,.0f}", "points", detail, joint=" ")
    label = f"{competitor.learner} matches {found.a} with {found.n:,.0f} training points at"
    unit = f"points {found.n_samples.bounds_text()}".rstrip()
    return Highlight(label, found.n_samples_text(interval=False), unit, detail, joint=" ")


def _sentence(words: str, *, capital: bool = True) -> str:
    return (words[:1].upper() + words[1:] if capital else words) + "."
