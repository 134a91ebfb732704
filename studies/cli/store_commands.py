"""The commands ``toymanifold store ...``: what is in a results database, and its maintenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from studies.cli.options import DEFAULT_STORE, StoreUrl, fail, opened, out, study_named, wide

if TYPE_CHECKING:
    from studies.store.provenance import Run
    from studies.store.store import Outcome

app = typer.Typer(help="Look after a results database.", no_args_is_help=True)

_SHOWN = 12  # characters of a key, which tell any two cells apart
_FAILED_SHOWN = 10

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def ls(store: StoreUrl = DEFAULT_STORE) -> None:
    """List what is stored: learners with their cells by status, runs, and the cells that failed last."""
    from studies.store import maintenance

    with opened(store, must_exist=True) as results:
        counts = maintenance.count(results)
        n_cells = sum(sum(statuses.values()) for statuses in counts.values())
        size = f"{results.database.size() / 1e6:,.1f} MB"
        out.print(f"{results.database.name}: {n_cells:,} cells, {size}", markup=False, highlight=False)
        learners = Table("problem", "estimator", "prior", "ok", "failed", box=None)
        for names, statuses in counts.items():
            told = ", ".join(f"{n:,} {status}" for status, n in sorted(statuses.items()) if status != "ok")
            learners.add_row(*names, f"{statuses['ok']:,}", told)
        wide.print(learners)
        if runs := results.runs():
            wide.print(_runs(runs))
        for outcome in results.outcomes(maintenance.failed(results, _FAILED_SHOWN)).values():
            out.print(f"{outcome.key[:_SHOWN]} {outcome.status}: {outcome.error}", markup=False, highlight=False)


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="How the cell's key begins.")],
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Show one cell: what it is, what was measured or went wrong, and which run computed it."""
    with opened(store, must_exist=True) as results:
        keys = results.find(key)
        if len(keys) != 1:
            begin = ", ".join(k[:_SHOWN] for k in keys[:5])
            fail(f"{len(keys):,} cells begin with {key!r}: {begin}" if keys else f"no cell begins with {key!r}")
        outcome, origin = results.outcomes(keys)[keys[0]], results.origins(keys)[keys[0]]
        run = results.runs().get(origin.run or "")
    for line in [*_cell_lines(outcome), f"stored {origin.stored_at:%Y-%m-%d %H:%M:%S} UTC", *_run_lines(run)]:
        out.print(line, markup=False, highlight=False)


@app.command()
def rm(
    key: Annotated[str, typer.Argument(metavar="KEY", help="How the cells' keys begin.")] = "",
    status: Annotated[str | None, typer.Option(help="Cells that ended so; `failed` is any but ok.")] = None,
    study: Annotated[str | None, typer.Option(metavar="STUDY", help="Cells of this study.")] = None,
    yes: Yes = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Remove cells, those to which all that is given applies."""
    from studies.spec.cells import plan_study
    from studies.store import maintenance

    if not (key or status or study):
        fail("name what is to be removed: a KEY, --status or --study")
    planned = None if study is None else [p.cell.key for p in plan_study(study_named(study))]
    with opened(store, must_exist=True) as results:
        keys = maintenance.select(results, key, status, planned)
        if keys and not yes:
            typer.confirm(f"Remove {len(keys):,} cells from {results.database.name}?", abort=True)
        out.print(f"Removed {maintenance.remove(results, keys):,} cells.")


@app.command()
def gc(store: StoreUrl = DEFAULT_STORE) -> None:
    """Free room: remove runs without cells, and compact the file. No cell is removed."""
    from studies.store import maintenance

    with opened(store, must_exist=True) as results:
        out.print(
            f"Freed {maintenance.clean(results) / 1e6:,.1f} MB; {results.database.size() / 1e6:,.1f} MB are left."
        )


@app.command()
def merge(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A results file, or a URL.")],
    into: Annotated[str, typer.Argument(metavar="[INTO]", help="Likewise.", show_default=False)] = DEFAULT_STORE,
) -> None:
    """Bring the results of one database home into another. What is there and ok is never overwritten."""
    from studies.store import maintenance

    with opened(_url(source), must_exist=True) as theirs, opened(_url(into)) as ours:
        merged = maintenance.merge(theirs, ours)
    out.print(
        f"{merged.added:,} cells added, {merged.replaced:,} failed ones replaced, {merged.same:,} there before.",
        highlight=False,
    )
    for key in merged.differing:
        out.print(f"{key[:_SHOWN]} was measured otherwise in {source}; kept as it was", markup=False, highlight=False)
    if merged.differing:
        raise typer.Exit(1)


def _url(name: str) -> str:
    return name if "://" in name else f"sqlite:///{Path(name)}"


def _runs(runs: dict[str, Run]) -> Table:
    table = Table("run", "study", "seeds", "began", "ended", "host", "commit", box=None)
    for run in runs.values():
        ended = f"{run.finished_at:%Y-%m-%d %H:%M}" if run.finished_at else "not told"
        commit = (run.git_commit or "")[:_SHOWN] + ("+" if run.git_dirty else "")
        began = f"{run.started_at:%Y-%m-%d %H:%M}"
        table.add_row(run.id[:_SHOWN], run.study, str(run.seeds), began, ended, run.host, commit)
    return table


def _cell_lines(outcome: Outcome) -> list[str]:
    described = [f"{name}: {json.dumps(value)}" for name, value in json.loads(outcome.spec).items()]
    took = f"{outcome.seconds:.3g} s" + (f", fitted together with {outcome.shared - 1}" if outcome.shared > 1 else "")
    measured = [f"{metric} = {value!r}" for metric, value in sorted(outcome.values.items())]
    wrong = [outcome.error, outcome.traceback.rstrip()] if outcome.status != "ok" else []
    return [outcome.key, *described, f"status: {outcome.status}, {took}", *measured, *wrong]


def _run_lines(run: Run | None) -> list[str]:
    if run is None:
        return ["by a run that is not known"]
    commit = (
        f"commit {run.git_commit}" + (" with changes" if run.git_dirty else "") if run.git_commit else "no checkout"
    )
    return [
        f"by run {run.id}: {run.command}",
        f"on {run.host}, {run.cpu}, {run.cores} cores; {run.executor}, {run.threads} threads a worker; {commit}",
        ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    ]
