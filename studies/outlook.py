"""What a run is about to do, told before it starts: cells by learner and size, and the time that they should take."""

from collections import Counter, defaultdict

from rich.table import Table

from studies.costs import Costs
from studies.plan import Planned, plan_study
from studies.progress import Eta, clock
from studies.spec import Study
from studies.store import Store


def outlook(planned: list[Planned], todo: list[Planned], store: Store, costs: Costs) -> Table:
    """Return a table of the cells by learner and size: to do, done and failed, and the time for one worker.

    Parameters
    ----------
    planned, todo : list of Planned
        All cells, and those to do, from `studies.runner.remaining`.
    store : Store
        What has ended.
    costs : Costs
        What cells take. Where none like them is known, the time is a question mark.
    """
    counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    statuses = store.statuses([p.cell.key for p in planned])
    for p in planned:
        status = statuses.get(p.cell.key)
        counts[_row(p)][{None: "new", "ok": "done"}.get(status, "failed")] += 1
    seconds: dict[tuple[str, int], list[float | None]] = defaultdict(list)
    for p in todo:
        seconds[_row(p)].append(costs.known(p.cell))
    table = Table(box=None)
    for heading in ("learner", "n", "to do", "done", "failed", "time"):
        table.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
    for (learner, n), count in counts.items():
        times = seconds[learner, n]
        known = [time for time in times if time is not None]
        time = clock(sum(known)) if len(known) == len(times) else "?"
        table.add_row(learner, f"{n:,}", str(len(times)), str(count["done"]), str(count["failed"]), time)
    return table


def time_needed(todo: list[Planned], costs: Costs, n_workers: int | None) -> str:
    """Return a sentence on the time that the cells to do should take."""
    if not costs:
        return f"{len(todo)} cells to do; how long they take is not known, for nothing like them is measured yet."
    time = clock(Eta(todo, n_workers or 1, costs).seconds_left())
    workers = f"{n_workers or 'one'} worker{'s' if (n_workers or 1) > 1 else ''}"
    guessed = sum(costs.known(p.cell) is None for p in todo)
    guess = f"; {guessed} of them are of learners not measured yet, taken to be like the others" if guessed else ""
    return f"{len(todo)} cells to do, about {time} on {workers}{guess}."


def tally(study: Study, store: Store) -> str:
    """Return a line on how much of a study has been done."""
    cells = plan_study(study)
    statuses = Counter(store.statuses([p.cell.key for p in cells]).values())
    done = statuses.pop("ok", 0)
    failed = f", {statuses.total()} failed (--retry-failed tries them again)" if statuses else ""
    return f"{study.name}: {len(cells)} cells, {done} measured before{failed}"


def _row(planned: Planned) -> tuple[str, int]:
    return planned.learner, planned.cell.n_samples
