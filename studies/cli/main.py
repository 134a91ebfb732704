"""The command ``toymanifold``: parse, call, print, exit."""

import os
import random
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from studies.cli import store_commands as store_cli
from studies.cli.options import DEFAULT_STORE, RESULTS, Allow, StoreUrl, StudyName, fail, opened, out, study_named, wide
from studies.results.export import Format
from studies.results.verify import TOLERANCE, Comparison
from studies.siblings import check_siblings
from studies.spec import study as spec
from studies.store.store import Outcome

if TYPE_CHECKING:
    from studies.execution.dask_executor import DaskExecutor
    from studies.execution.signals import Stop
    from studies.execution.workers import Slots
    from studies.spec.cells import Planned

check_siblings()  # here too, for another package `studies` may have replaced this one's __init__.py

app = typer.Typer(
    help="How much data is a prior worth? Comparison studies, measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(store_cli.app, name="store")

RESUME = "All finished cells are stored; the same command goes on from there."

Quick = Annotated[bool, typer.Option("--quick", help="A first look: fewer seeds, smaller samples.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds, instead of the study's own number.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one for each core.")]


@app.command("list")
def list_studies(store: StoreUrl = DEFAULT_STORE) -> None:
    """List the built-in studies and how much of each is measured."""
    from studies.spec.cells import plan_study

    table = Table("study", "question", "cells measured", box=None)
    with opened(store) as results:
        for name, study in spec.built_in().items():
            cells = plan_study(study)
            measured = list(results.statuses([p.cell.key for p in cells]).values()).count("ok")
            table.add_row(name, study.question, f"{measured} of {len(cells)}")
    wide.print(table)


@app.command()
def new(path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("my-study.toml")) -> None:
    """Write an example of a study, with comments, to start from."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(spec.EXAMPLE.read_text(encoding="utf-8").replace("example.toml", str(path)))
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
    out.print(f"wrote {path}; run it with: toymanifold run {path}")


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY...", help="Built-in studies (see `toymanifold list`), or files that end in .toml."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All built-in studies.")] = False,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="Where cells run: local, dask-local or dask://host:port.")
    ] = "local",
    jobs: Annotated[int | None, typer.Option(min=1, help="Workers on this machine; by default one a core.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="For each cell; by default none.")
    ] = None,
    memory_limit: Annotated[
        int | None, typer.Option(min=1, metavar="MB", help="For each worker; by default its share of the machine's.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cells again.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Start nothing more once a cell has failed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would run and for how long.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print failures only.")] = False,
    keep_models: Annotated[bool, typer.Option("--keep-models", help="Store fitted nets, too.")] = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Run what of the studies is not measured yet. Stop or kill it at any time; the next run goes on from there."""
    from studies.cli.progress import Eta, dry_run_summary, tally, time_needed, watch
    from studies.execution import run as runner
    from studies.execution.costs import Costs
    from studies.execution.executors import count_workers
    from studies.execution.signals import stop_on_signals
    from studies.spec.cells import plan_study
    from studies.store.provenance import collect

    names = _names(names, every)
    described = [_study(name, quick, seeds, allow) for name in names]
    planned = [cell for study in described for cell in plan_study(study)]
    told = Console(soft_wrap=True, markup=False, emoji=False, quiet=quiet)
    with opened(_unwritten(store) if dry_run else store) as results:
        costs = Costs.of(planned, results)
        todo = runner.remaining(planned, results, retry_failed=retry_failed, costs=costs)
        for study in described:
            told.print(tally(study, results))
        if dry_run:
            wide.print(dry_run_summary(planned, todo, results, costs))
            out.print(time_needed(todo, costs, count_workers(executor, jobs)))
            return
        with _executor(executor, jobs, memory_limit) as workers, stop_on_signals() as stop:
            record = collect(
                ", ".join(study.name for study in described), max(s.seeds for s in described), executor=executor
            )
            run_id = results.begin_run(record) if todo else None
            outcomes = runner.run(
                todo,
                results,
                workers,
                work=partial(runner.run_task, keep_models=keep_models),
                n_workers=workers.n_workers,
                time_limit=time_limit,
                stop=stop,
                run_id=run_id,
            )
            failed = []
            for cell, outcome in watch(outcomes, todo, Eta(todo, workers.n_workers, costs), told):
                if outcome.status != "ok":
                    failed.append((cell, outcome))
                    stop.asked |= fail_fast
            if run_id:
                results.end_run(run_id)
            if stop.now:
                workers.kill()
    _tell_end(f"{names[0]}{' --quick' if quick else ''}", failed, stop, told)


@app.command()
def show(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path, typer.Option(help="Folder of the pictures.")] = RESULTS,
) -> None:
    """Print a study's tables and answers, with 95 % intervals over seeds, and write its pictures."""
    from studies.analysis.findings import answers
    from studies.cli.tables import claims_table, comparisons, measurements, scalings, write_figures
    from studies.results.results import Results
    from studies.spec.cells import plan_study

    described = _study(study, quick, seeds, allow)
    with opened(store) as stored:
        results = Results(described, stored)
        ended, failed = results.outcomes(), results.failed()
        if len(ended) == len(failed):
            fail(_unmeasured(study))
        for table in (*measurements(results), *scalings(results)):
            wide.print(table)
        for line in (*answers(results.study, results.frame()), *comparisons(results)):
            out.print(line)
        if claimed := claims_table(results):
            wide.print(claimed)
        if len(ended) < len(plan_study(described)) or failed:
            out.print(
                f"{len(ended) - len(failed)} of {len(plan_study(described))} cells measured, {len(failed)} failed."
            )
        for line in write_figures(results, output / described.name):
            out.print(line)


@app.command()
def report(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option(help="The page; by default report.html beside the pictures.")] = None,
) -> None:
    """Write what a study found as one page, which needs no network: the answer, charts, tables, how it was run."""
    from sqlalchemy import make_url

    from studies.results.results import Results
    from studies.web.report import ReportError, render_report

    described = _study(study, quick, seeds, allow)
    path = output or RESULTS / described.name / "report.html"
    with opened(store) as stored:
        words = [study, *(["--quick"] if quick else []), *(["--seeds", str(seeds)] if seeds else [])]
        words += [word for package in allow or () for word in ("--allow", package)]
        if store != DEFAULT_STORE:
            words += ["--store", make_url(store).render_as_string()]  # without its password
        try:
            page = render_report(Results(described, stored), words)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page, encoding="utf-8")
        except (ReportError, OSError) as error:
            fail(str(error))
    out.print(f"wrote {path}: {len(page.encode()) / 1e6:.2f} MB")


@app.command()
def explore(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 is any that is free.")] = 8642,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open nothing.")] = False,
) -> None:
    """Serve a page, to this machine alone, on which problem and learner change live. Ctrl-C ends it."""
    try:
        from studies.web.explore import HOST, listen, serve
    except ModuleNotFoundError as error:
        fail(f"{error}. Install it with: pip install 'toymanifold[explore]'")
    try:
        listening = listen(port)
    except OSError as error:
        fail(f"cannot listen to port {port}: {os.strerror(error.errno or 0)}; --port 0 takes any that is free")
    address = f"http://{HOST}:{listening.getsockname()[1]}/"
    out.print(f"{address} (Ctrl-C ends it)", highlight=False)
    if not no_browser:
        webbrowser.open(address)
    serve(listening)


@app.command()
def export(
    study: StudyName,
    form: Annotated[
        Format, typer.Option("--format", help="Parquet needs the extra: toymanifold[parquet].")
    ] = Format.CSV,
    output: Annotated[Path | None, typer.Option(help="The file; by default STUDY.FORMAT beside the results.")] = None,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Write a study's results as one tidy table: each metric of each cell, with status and origin."""
    from studies.results.export import ExportError, table, write_table
    from studies.results.results import Results

    described = _study(study, quick, seeds, allow)
    with opened(store, must_exist=True) as stored:
        frame = table(Results(described, stored))
    if frame.empty:
        fail(_unmeasured(study))
    path = output or RESULTS / f"{described.name}.{form}"
    try:
        write_table(frame, path, form)
    except ExportError as error:
        fail(str(error))
    out.print(f"wrote {path}: {len(frame):,} rows")


@app.command()
def verify(
    study: StudyName,
    n_cells: Annotated[int, typer.Option("--cells", min=1, help="How many cells to compute again.")] = 5,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the choice of cells; by default another each time.")
    ] = None,
    allow: Allow = None,
    jobs: Jobs = None,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Compute some stored cells again and compare: bit for bit, or within a tolerance if machine or versions differ."""
    from studies.execution.workers import Slots
    from studies.results.results import Results
    from studies.results.verify import verify as computed_again
    from studies.store.provenance import collect

    described = study_named(study, allow)
    chosen = random.randrange(2**31) if seed is None else seed
    with opened(store, must_exist=True) as stored, Slots(jobs or os.cpu_count() or 1) as slots:
        here = collect(described.name, described.seeds)
        compared = list(computed_again(Results(described, stored), slots, here, n_cells=n_cells, seed=chosen))
    if not compared:
        fail(_unmeasured(study))
    wide.print(_compared(compared))
    for excuse in sorted({excuse for comparison in compared for excuse in comparison.excuses}):
        out.print(f"up to {TOLERANCE} is near, for the last bits may differ: {excuse}", markup=False, highlight=False)
    differing = sum(bool(comparison.differing) for comparison in compared)
    out.print(f"{len(compared)} cells computed again (--seed {chosen}), {differing} differ.", highlight=False)
    if differing:
        raise typer.Exit(1)


def _compared(comparisons: list[Comparison]) -> Table:
    table = Table("cell", "learner", "n", "seed", "metric", "stored", "again", "", box=None)
    for comparison in comparisons:
        planned, old, new = comparison.planned, comparison.stored.measured, comparison.again.measured
        place = (planned.cell.key[:12], planned.learner, f"{planned.cell.n_samples:,}", str(planned.cell.seed))
        for metric in old:
            verdict = "differs" if metric in comparison.differing else "same" if old[metric] == new[metric] else "near"
            again = repr(new[metric]) if metric in new else comparison.again.status
            table.add_row(*place, metric, repr(old[metric]), again, verdict)
    return table


def _unmeasured(study: str) -> str:
    return f"nothing of {study} is measured yet; run it with: toymanifold run {study}"


def _study(name: str, quick: bool, seeds: int | None, allow: list[str] | None) -> spec.Study:
    study = study_named(name, allow)
    study = study.reduced() if quick else study
    return study.model_copy(update={"seeds": seeds}) if seeds else study


def _names(names: list[str] | None, every: bool) -> list[str]:
    if every == bool(names):
        fail("name the studies to run, or say --all")
    return names or list(spec.built_in())


def _unwritten(url: str) -> str:
    """Return the URL of a database to read, which is not made if it is not there."""
    path = url.removeprefix("sqlite:///")
    return url if path == url or Path(path).exists() else "sqlite://"


@contextmanager
def _executor(name: str, jobs: int | None, megabytes: int | None) -> Iterator["Slots | DaskExecutor"]:
    from studies.execution.executors import open_executor
    from studies.execution.workers import ExecutorError

    try:
        with open_executor(name, jobs, megabytes and megabytes * 10**6) as workers:
            yield workers
    except ExecutorError as error:
        fail(f"{error}. {RESUME}")


def _tell_end(shown: str, failed: list[tuple["Planned", Outcome]], stop: "Stop", told: Console) -> None:
    """Say how a run has ended, and exit accordingly."""
    for planned, outcome in failed:
        where = f"{planned.learner}, n = {planned.cell.n_samples:,}, seed {planned.cell.seed}"
        out.print(f"{outcome.status}: {where}: {outcome.error}")
    if stop.asked:
        out.print(f"Stopped. {RESUME}")
    else:
        told.print(f"Done. See it with: toymanifold show {shown}")
    if stop.signal:
        raise typer.Exit(128 + stop.signal)
    if failed:
        raise typer.Exit(1)
