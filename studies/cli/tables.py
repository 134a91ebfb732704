"""Results for a terminal: answers, tables that fit its width, and, for programs, JSON and CSV."""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from rich.cells import cell_len
from rich.table import Table

from studies.analysis.claims import Claim, check_claims
from studies.analysis.comparisons import outlying_seeds, summary
from studies.analysis.crossovers import find_crossovers
from studies.analysis.findings import Findings, Measured, answers, find, judged
from studies.analysis.intervals import Interval, Scale, scale_of, zero_text
from studies.analysis.learning_curves import by_problem, losses
from studies.analysis.scaling_laws import UNDECIDED, NoScalingLaw, ScalingLaw, fit_all
from studies.registry.metrics import describe
from studies.results.failures import reasons
from studies.results.results import Results
from studies.spec.study import Study
from studies.web.wording import highlights, verdicts, worth_lines

_MOST_LEARNERS = 20  # in a table, which fits a screen of 24 lines
_MOST_DENIED = 3  # claims that are not supported
_MOST_OUTLYING = 5  # learners and sizes whose outlying seeds are named
_MOST_TABLES = 3  # one for each problem
_LAWS = "How the error falls with n: as n^-exponent over the last decade; and by a law, where the data decide which"
_OPEN = "unbounded"
_ROUNDING = 1e-12  # relative half width below which all seeds agree
_UNEVEN = 2.0  # ratio of the distances from a mean to the ends of its interval, from which the ends are printed
_MAX_DECIMALS = 6  # of a number that is not written with an exponent


def shown_results(results: Results, width: int, *, everything: bool = False) -> Iterator[str | Table]:
    """Yield what `show` prints: paragraphs, and tables that fit a width.

    The answers come first, then the errors of each problem by learner and sample size, or by metric if there is one
    size, then the verdicts on claims and the cells that are missing.

    Parameters
    ----------
    results : Results
    width : int
        Of the terminal, in columns.
    everything : bool, default=False
        Yield all metrics, sizes, learners and problems, the crossovers, the scaling laws and the claims. Otherwise the
        tables are folded.
    """
    study, frame = results.study, results.frame()
    found = find(study, frame, results.baseline())
    yield f"{study.name}: {study.question}"
    yield from [" ".join(study.about.split())] if study.about else []
    if fresh := results.fresh_problems:
        yield f"Each seed has its own {'problem' if fresh == results.problems else ', '.join(fresh)}."
    yield ""
    yield from (answered := answers(study, frame))
    lines = [_on(part, line) for part in found for line in _highlights(part, answered)]
    yield from lines
    if everything and any(_OPEN in line for line in [*answered, *lines]):
        yield f"An interval is {_OPEN} if both of its ends are outside the measured sizes."
    parts = by_problem(losses(frame))
    if everything:
        yield from (_on(part, line) for part in found for line in _crossings(part, parts[part.problem]))
    yield ""
    tables = found if everything else found[:_MOST_TABLES]
    for part in tables:
        yield from _everything(part, parts[part.problem], width) if everything else _folded(study, part, width)
    if n_left := len(found) - len(tables):
        yield f"and {n_left} more problem{'s' if n_left > 1 else ''}: --all prints all."
    yield from _outlying(frame, everything=everything)
    if claims := check_claims(study, frame):
        yield from map(_claim, claims) if everything else [f"{verdicts(claims)} --all lists them."]
        denied = [claim.says for claim in claims if claim.holds is False]
        yield from [] if everything else (f"  not supported: {says}" for says in denied[:_MOST_DENIED])
    yield from _cells(results)


def _on(found: Findings, line: str) -> str:
    return f"{found.problem}: {line}".removeprefix(": ")


def _highlights(found: Findings, answered: Sequence[str]) -> Iterator[str]:
    """Yield one line for each worth of a prior and each learner that catches up, or on the smallest error.

    Worths that are answers are left out.
    """
    main = worth_lines(found)
    lines = [
        *((line, worth.in_samples) for line, worth in zip(main, found.main_worths, strict=True)),
        *((each.sentence, each.detail) for each in highlights(found)[len(main) :]),
    ]
    for line, detail in lines:
        if not detail or not any(detail in answer for answer in answered):
            yield line


def _crossings(found: Findings, rows: pd.DataFrame) -> Iterator[str]:
    for crossing in find_crossovers(judged(rows), found.measured[0].metric):
        yield f"Where {crossing.a} and {crossing.b} cross: {crossing}."


def _folded(study: Study, found: Findings, width: int) -> Iterator[str | Table]:
    """Yield the table of one problem as far as it fits the width, with notes on what is left out."""
    primary = found.measured[0]
    learners, notes = _best_learners(found)
    if len(sizes := _sizes(primary)) > 1:
        columns, order = _by_size(primary, learners), _by_importance(study, found)
        heading, kind = _heading(primary.metric), "sizes"
    else:
        columns = _by_metric(found, learners)
        order, heading, kind = list(columns), f"n = {sizes[0]:,}", "metrics"
    kept = _fitting(learners, columns, width, order)
    if len(kept) < len(columns):
        notes.append(f"{len(kept)} of {len(columns)} {kind}")
    yield _title(found, heading)
    yield _table(learners, kept)
    of_primary = [cells for name, cells in kept.items() if kind == "sizes" or name == _heading(primary.metric)]
    yield from _zeros(found, primary.metric, of_primary)
    yield from [f"{', '.join(notes)}; --all prints all."] if notes else []
    yield from _sampling(found)
    yield ""


def _by_importance(study: Study, found: Findings) -> list[str]:
    """Return the headings of sample sizes: of the largest that all learners have, those of questions, then the rest."""
    sizes = _sizes(found.measured[0])
    common = [found.smallest_errors.n_samples] if found.smallest_errors else []
    asked = [point.n_samples for question in study.questions for point in question.ends]
    ordered = dict.fromkeys([*common, *asked, sizes[-1], sizes[0], *reversed(sizes)])
    return [_of_size(n) for n in ordered if n in sizes]


def _everything(found: Findings, rows: pd.DataFrame, width: int) -> Iterator[str | Table]:
    """Yield the tables of one problem: of each metric at all sizes, and of the scaling laws."""
    for measured in found.measured:
        learners = [curve.learner for curve in measured.rows]
        columns = _by_size(measured, learners)
        while columns:
            kept = _fitting(learners, columns, width, list(columns))
            yield _title(found, _heading(measured.metric))
            yield _table(learners, kept)
            yield from _zeros(found, measured.metric, kept.values())
            yield ""
            columns = {name: cells for name, cells in columns.items() if name not in kept}
    yield from _sampling(found)
    yield from _scaling(found.problem, judged(rows))


def _title(found: Findings, heading: str) -> str:
    seeds = [mean.seeds for curve in found.measured[0].curves for mean in curve.means]
    n_seeds = f"{min(seeds)} to {max(seeds)}" if min(seeds) < max(seeds) else f"{max(seeds)}"
    over = f"mean of {n_seeds} seed{'s' if max(seeds) > 1 else ''}"
    return _on(found, f"{heading}, {over}{' ± 95 % interval, or [low, high] if uneven' if max(seeds) > 1 else ''}")


def _best_learners(found: Findings) -> tuple[list[str], list[str]]:
    """Return the learners in the study's order, or those with the smallest errors first if not all fit, and a note.

    The baseline is the last in either case.
    """
    primary = found.measured[0]
    means = {curve.learner: {m.n_samples: m.interval.mean for m in curve.means} for curve in primary.curves}
    if len(means) <= _MOST_LEARNERS:
        return [curve.learner for curve in primary.rows], []
    n = found.smallest_errors.n_samples if found.smallest_errors else max(_sizes(primary))
    best = sorted(means, key=lambda learner: means[learner].get(n, np.inf))[:_MOST_LEARNERS]
    baseline = [curve.learner for curve in primary.rows if curve.learner not in means]
    return [*best, *baseline], [f"the {len(best)} of {len(means)} learners with the smallest values at n = {n:,}"]


def _sizes(measured: Measured) -> list[int]:
    return sorted({mean.n_samples for curve in measured.curves for mean in curve.means})


def _by_size(measured: Measured, learners: Sequence[str]) -> dict[str, list[str]]:
    """Return the column of each sample size by its heading."""
    cells = {
        (curve.learner, mean.n_samples): _cell(measured.metric, mean.interval)
        for curve in measured.rows
        for mean in curve.means
    }
    return {_of_size(n): [cells.get((learner, n), "") for learner in learners] for n in _sizes(measured)}


def _of_size(n: int) -> str:
    return f"n={n:,}"


def _by_metric(found: Findings, learners: Sequence[str]) -> dict[str, list[str]]:
    """Return the column of each metric by its heading, at the only sample size."""
    columns = {}
    for measured in found.measured:
        cells = {curve.learner: _cell(measured.metric, curve.means[0].interval) for curve in measured.rows}
        columns[_heading(measured.metric)] = [cells.get(learner, "") for learner in learners]
    return columns


def _heading(metric: str) -> str:
    shown = describe(metric)
    return f"{shown.heading} {shown.unit}".rstrip()


def _cell(metric: str, interval: Interval) -> str:
    """Return a mean in the unit of its metric: of a loss with its interval."""
    shown = describe(metric)
    if shown.is_loss:
        return compact(shown.factor * interval)
    mean = shown.factor * interval.mean
    return "<0.01" if shown.unit == "s" and mean < 0.01 else _short(mean, 3)


def compact(interval: Interval) -> str:
    """Return an interval as text, in short.

    ``mean ±half``, with the distance to the farther end; ``[low, high]`` alone if that is more than twice as far as the
    nearer one, after a mean of 0; and ``mean`` alone without an interval, or if all seeds agree.

    Examples
    --------
    >>> compact(Interval(21.32, 20.3, 22.35)), compact(Interval(0.5, 0.1, 2.5)), compact(Interval(0.5, 0.5, 0.5))
    ('21.3 ±1.0', '[0.1, 2.5]', '0.5')
    >>> compact(Interval(3.1e-30, 1.3e-30, 4.9e-30))
    '3.1e-30 ±1.8e-30'
    """
    below, above = interval.mean - interval.low, interval.high - interval.mean
    if np.isnan(below):
        return _short(interval.mean, 3)
    half = max(below, above)
    if half <= _ROUNDING * abs(interval.mean):
        return _short(interval.mean, 3)
    if half > _UNEVEN * min(below, above):
        return f"{'' if interval.mean else '0 '}[{_short(interval.low, 2)}, {_short(interval.high, 2)}]"
    decimals = max(0, min(_decimals(interval.mean, 3), _decimals(half, 2)), _decimals(half, 1))
    if decimals > _MAX_DECIMALS:
        return f"{interval.mean:.2g} ±{half:.2g}"
    return f"{interval.mean:,.{decimals}f} ±{half:,.{decimals}f}"


def _short(value: float, digits: int) -> str:
    """Return a number to some digits, and one of more digits before the point in full."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits - 0.5 else f"{value:,.0f}"


def _decimals(value: float, digits: int) -> int:
    """Return the number of decimals with which a number has some significant digits."""
    return digits - 1 - int(np.floor(np.log10(abs(value))))


def _fitting(
    learners: Sequence[str], columns: Mapping[str, list[str]], width: int, order: Sequence[str]
) -> dict[str, list[str]]:
    """Return the first columns of an order that fit beside the learners, at least one, in their own order."""
    widths = [2 + max(map(cell_len, (name, *columns[name]))) for name in order]
    room = width - min(max(map(cell_len, learners)), width // 2)
    kept = order[: max(1, int(np.searchsorted(np.cumsum(widths), room, side="right")))]
    return {name: cells for name, cells in columns.items() if name in kept}


def _table(learners: Sequence[str], columns: dict[str, list[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("learner", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    for learner, *cells in zip(learners, *columns.values(), strict=True):
        if any(cells):
            table.add_row(learner, *cells)
    return table


def _zeros(found: Findings, metric: str, columns: Iterable[list[str]]) -> Iterator[str]:
    """Yield the meaning of a 0, if there is one in the columns and the number of test points is known."""
    text = zero_text(metric, found.sampling.n_test)
    if text.startswith("none in") and any(cell == "0" or cell.startswith("0 [") for cells in columns for cell in cells):
        yield f"0: {text} test points wrong."


def _sampling(found: Findings) -> Iterator[str]:
    if (n_rows := found.sampling.n_rows) is None:
        return
    yield str(found.sampling)
    if n_rows in _sizes(found.measured[0]):
        yield f"n = {n_rows:,} is all rows, the same for each seed: it has no interval, and answers leave it out."


def _scaling(problem: str, frame: pd.DataFrame) -> Iterator[str | Table]:
    """Yield local exponents and scaling laws of the learners of one problem; nothing for a single sample size."""
    if frame.empty or frame.groupby("learner")["n_samples"].nunique().max() == 1:
        return
    metric = str(frame["metric"].iloc[0])
    laws = fit_all(frame, metric)
    refused = {law.reasons if isinstance(law, NoScalingLaw) else () for law in laws.values()}
    shared = "; ".join(next(iter(refused))) if len(refused) == 1 else ""
    table = Table(box=None, pad_edge=False)
    for heading in ("learner", "exponent, last decade", *([] if shared else ["exponent, law", "floor", "law"])):
        table.add_column(heading, overflow="fold")
    for learner, law in laws.items():
        cells = [] if shared else _law_cells(law, scale_of(metric))
        table.add_row(learner, _exponent(law.curve.local_exponent()), *cells)
    yield f"{problem}: {_LAWS}".removeprefix(": ")
    yield table
    if shared:
        yield f"No scaling law is claimed: {shared}"
    yield ""


def _law_cells(law: ScalingLaw | NoScalingLaw, scale: Scale) -> list[str]:
    if isinstance(law, NoScalingLaw):
        return ["", "", "not decided" if law.reasons == (UNDECIDED,) else f"none: {'; '.join(law.reasons)}"]
    floor = scale.with_interval(law.floor) if law.floor.low else f"none above {scale.text(law.largest_floor)} needed"
    return [_exponent(law.exponent), floor, law.chosen.model.formula]


def _exponent(exponent: Interval) -> str:
    return "" if np.isnan(exponent.mean) else f"{exponent:z.2f}"


def _claim(claim: Claim) -> str:
    says = f"{claim.says.removesuffix('.')} ({claim.source})"
    return f"{claim.verdict}: {says}. Tolerated: {claim.terms}. Measured: {claim.finding}."


def _outlying(frame: pd.DataFrame, *, everything: bool) -> Iterator[str]:
    """Yield outlying seeds, if there are any: the first ones, or all."""
    found = outlying_seeds(frame)
    shown = found if everything else found[:_MOST_OUTLYING]
    if found:
        yield "Outlying seeds, which are in all means:"
    yield from (f"  {each}" for each in shown)
    if n_left := len(found) - len(shown):
        yield f"  and {n_left} more: --all prints all."


def _cells(results: Results) -> Iterator[str]:
    """Yield the number of measured and failed cells if some of the learners are missing, why, and which seeds."""
    n_ended, failed = len(results.outcomes(baseline=True)), results.failed()
    if results.is_complete and not failed:
        return
    measured = f"{n_ended - len(failed):,} of {results.n_cells:,} cells measured, {len(failed):,} failed"
    yield f"{measured}. A cell is one learner trained once: on n points, with one seed."
    yield from (f"  {reason}" for reason in reasons(outcome for _, outcome in failed))
    yield from (f"  {line}" for line in results.missing_seeds())


def means(results: Results) -> pd.DataFrame:
    """Return means over seeds with intervals, of each problem, learner, sample size and metric; the baseline's last."""
    parts = [
        summary(rows).assign(problem=problem)
        for frame in (results.frame(), results.baseline())
        for problem, rows in by_problem(losses(frame)).items()
        if len(rows)
    ]
    return pd.concat(parts, ignore_index=True)


def results_as_json(results: Results) -> str:
    """Return what `show` prints as JSON: counts of cells, answers, claims, and means over seeds with intervals."""
    frame = results.frame()
    n_ended, n_failed = len(results.outcomes(baseline=True)), len(results.failed())
    shown = {
        "study": results.study.name,
        "question": results.study.question,
        "cells": {
            "planned": results.n_cells,
            "measured": n_ended - n_failed,
            "failed": n_failed,
            "missing_seeds": results.missing_seeds(),
        },
        "outlying_seeds": list(map(str, outlying_seeds(frame))),
        "answers": answers(results.study, frame),
        "claims": [asdict(claim) | {"verdict": claim.verdict} for claim in check_claims(results.study, frame)],
        "means": as_records(means(results)),
    }
    return json.dumps(shown)


def as_records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the rows of a table for JSON: None for no number, and all digits, which `DataFrame.to_json` rounds."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
