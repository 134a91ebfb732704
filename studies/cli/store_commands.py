"""The commands ``toymanifold store ...``: listing and maintenance of a results database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from studies.cli.options import StoreUrl, columns, fail, opened, out, print_fitting, print_table, study_named
from studies.store import DEFAULT_STORE

if TYPE_CHECKING:
    from studies.store.provenance import Run
    from studies.store.store import Origin, Outcome

app = typer.Typer(help="Maintain a results database.", no_args_is_help=True)

_SHOWN = 12  # characters of a key, enough to identify a cell
_FAILED_SHOWN = 10

_AFTER_DAMAGE = (
    "A run measures damaged cells again. With toymanifold store rm KEY it does so too for cells with a damaged map or"
    " model. toymanifold store gc removes what is without a cell, and toymanifold store merge into a new file leaves"
    " all damage behind."
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def ls(store: StoreUrl = DEFAULT_STORE) -> None:
    """List the learners with their cells by status, the runs, and the last cells that failed."""
    from studies.results.failures import one_line
    from studies.store import maintenance

    with opened(store, must_exist=True) as results:
        counts = maintenance.count(results)
        n_cells = sum(sum(statuses.values()) for statuses in counts.values())
        size = f"{results.database.size() / 1e6:,.1f} MB"
        out.print(f"{results.database.name}: {n_cells:,} cells, {size}", markup=False, highlight=False)
        learners = columns("problem", "estimator", "prior", "ok", "failed", numbers=("ok",))
        for names, statuses in counts.items():
            failed = ", ".join(f"{n:,} {status}" for status, n in sorted(statuses.items()) if status != "ok")
            learners.add_row(*names, f"{statuses['ok']:,}", failed)
        print_table(learners)
        if runs := results.runs():
            print_table(_runs(runs))
        for outcome in results.outcomes(maintenance.failed(results, _FAILED_SHOWN)).values():
            print_fitting(f"{outcome.key[:_SHOWN]} {outcome.status}: {one_line(outcome.error)}")


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Start of the cell's key.")],
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Show a cell: its specification, its values or its error, and its run."""
    with opened(store, must_exist=True) as results:
        keys = results.find(key)
        if len(keys) != 1:
            begin = ", ".join(k[:_SHOWN] for k in keys[:5])
            fail(f"{len(keys):,} keys begin with {key!r}: {begin}" if keys else f"no key begins with {key!r}")
        if keys[0] not in (found := results.records(keys)):
            fail(f"the cell {keys[0]} is damaged: {results.damaged[keys[0]]}")
        outcome, origin = found[keys[0]]
        run = results.runs().get(origin.run or "")
    for line in [*_cell_lines(outcome), _stored_line(origin), *_run_lines(run)]:
        out.print(line, markup=False, highlight=False)


@app.command()
def rm(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Start of the cells' keys.")] = "",
    status: Annotated[str | None, typer.Option(help="Cells of this status; `failed` is any but ok.")] = None,
    study: Annotated[str | None, typer.Option(metavar="STUDY", help="Cells of this study.")] = None,
    yes: Yes = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Remove the cells that meet all given conditions."""
    from studies.spec.cells import plan_study
    from studies.store import maintenance

    if not (key or status or study):
        fail("name the cells to remove: a KEY, --status or --study")
    planned = None if study is None else [p.cell.key for p in plan_study(study_named(study))]
    with opened(store, must_exist=True) as results:
        keys = maintenance.select(results, key, status, planned)
        if keys and not yes:
            typer.confirm(f"Remove {len(keys):,} cells from {results.database.name}?", abort=True)
        out.print(f"Removed {maintenance.remove(results, keys):,} cells.")


@app.command()
def gc(store: StoreUrl = DEFAULT_STORE) -> None:
    """Free space: remove runs without cells, and compact the file. No cell is removed."""
    from studies.store import maintenance

    with opened(store, must_exist=True) as results:
        out.print(
            f"Freed {maintenance.clean(results) / 1e6:,.1f} MB; {results.database.size() / 1e6:,.1f} MB are left."
        )


@app.command()
def check(store: StoreUrl = DEFAULT_STORE) -> None:
    """Read all cells, maps, models, runs and plans, and list those that are damaged. Exit code 1 if there are any."""
    from studies.store import maintenance

    with opened(store, must_exist=True) as results:
        damages = maintenance.check(results)
        n_cells = len(results.find(""))
    for line in damages:
        out.print(line, highlight=False)
    out.print(f"{results.database.name}: {n_cells:,} cells, {len(damages):,} damages.", highlight=False)
    if damages:
        out.print(_AFTER_DAMAGE, highlight=False)
        raise typer.Exit(1)


@app.command()
def merge(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A results file, or a URL.")],
    into: Annotated[
        str, typer.Argument(metavar="[INTO]", help="A results file, or a URL.", show_default=False)
    ] = DEFAULT_STORE,
) -> None:
    """Copy the results of one database into another, whose cells that are ok are never overwritten."""
    from studies.store import maintenance

    with opened(source, must_exist=True) as source_store, opened(into) as into_store:
        merged = maintenance.merge(source_store, into_store)
    out.print(
        f"{merged.added:,} cells added, {merged.replaced:,} failed ones replaced, {merged.same:,} stored before.",
        highlight=False,
    )
    for key in merged.differing:
        out.print(
            f"{key[:_SHOWN]} has other values in {source_store.database.name}; not changed",
            markup=False,
            highlight=False,
        )
    if merged.differing:
        raise typer.Exit(1)


def _runs(runs: dict[str, Run]) -> Table:
    table = columns("run", "study", "seeds", "began", "ended", "host", "commit", numbers=("seeds",))
    for run in runs.values():
        is_same_day = run.finished_at is not None and run.finished_at.date() == run.started_at.date()
        ended = f"{run.finished_at:{'%H:%M' if is_same_day else '%Y-%m-%d %H:%M'}}" if run.finished_at else "unknown"
        commit = (run.git_commit or "")[:_SHOWN] + ("+" if run.git_dirty else "")
        began = f"{run.started_at:%Y-%m-%d %H:%M}"
        table.add_row(run.id[:_SHOWN], run.study, str(run.seeds), began, ended, run.host, commit)
    return table


def _cell_lines(outcome: Outcome) -> list[str]:
    from studies.store.maintenance import described

    parts = [f"{name}: {json.dumps(value)}" for name, value in described(outcome.spec).items()]
    took = f"{outcome.seconds:.3g} s" + (f", in a training of {outcome.shared} cells" if outcome.shared > 1 else "")
    took += f", {outcome.engine} on {outcome.device}" if outcome.engine else ""
    measured = [f"{metric} = {value!r}" for metric, value in sorted(outcome.values.items())]
    error = [outcome.error, outcome.traceback.rstrip()] if outcome.status != "ok" else []
    printed = ["printed:", outcome.output.rstrip()] if outcome.output else []
    return [outcome.key, *parts, f"status: {outcome.status}, {took}", *measured, *error, *printed]


def _stored_line(origin: Origin) -> str:
    trust = ", by an earlier version, which made no digest" if origin.on_trust else ""
    return f"stored {origin.stored_at:%Y-%m-%d %H:%M:%S} UTC{trust}"


def _run_lines(run: Run | None) -> list[str]:
    if run is None:
        return ["by an unknown run"]
    parts = run.describe()
    return [
        f"by run {run.id}: {parts['command']}",
        f"on {run.host}, {parts['machine']}; {parts['workers']}; {parts['commit']}",
        parts["versions"],
    ]
