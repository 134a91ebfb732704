"""The command ``toymanifold``: parse, call, print, exit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from studies.spec import Study, built_in
from studies.store import Outcome, Store, StoreError

if TYPE_CHECKING:
    from studies.cluster import DaskExecutor
    from studies.interrupts import Stop
    from studies.plan import Planned
    from studies.slots import Slots

app = typer.Typer(
    help="How much data is a prior worth? Comparison studies, measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True)
wide = Console(width=max(out.width, 130))  # a table is read whole or not at all

RESULTS = Path("toymanifold-results")
RESUME = "All finished cells are stored; the same command goes on from there."

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study; `toymanifold list` names them.")]
Quick = Annotated[bool, typer.Option("--quick", help="A first look: fewer seeds, smaller samples.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds, instead of the study's own number.")]
StoreUrl = Annotated[str, typer.Option("--store", help="Results database, as a SQLAlchemy URL.")]
DEFAULT_STORE = f"sqlite:///{RESULTS}/results.db"


@app.command("list")
def list_studies(store: StoreUrl = DEFAULT_STORE) -> None:
    """List the built-in studies and how much of each is measured."""
    from studies.plan import plan_study

    table = Table("study", "question", "cells measured", box=None)
    with _open(store) as results:
        for name, study in built_in().items():
            cells = plan_study(study)
            measured = list(results.statuses([p.cell.key for p in cells]).values()).count("ok")
            table.add_row(name, study.question, f"{measured} of {len(cells)}")
    wide.print(table)


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDY...", help="Studies; `toymanifold list` names the built-in ones."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All built-in studies.")] = False,
    quick: Quick = False,
    seeds: Seeds = None,
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
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Run what of the studies is not measured yet. Stop or kill it at any time; the next run goes on from there."""
    from studies import runner
    from studies.costs import Costs
    from studies.executors import count_workers
    from studies.interrupts import stop_on_signals
    from studies.outlook import outlook, tally, time_needed
    from studies.plan import plan_study
    from studies.progress import Eta, watch

    described = [_study(name, quick, seeds) for name in _names(names, every)]
    planned = [cell for study in described for cell in plan_study(study)]
    told = Console(soft_wrap=True, quiet=quiet)
    with _open(_unwritten(store) if dry_run else store) as results:
        costs = Costs.of(planned, results)
        todo = runner.remaining(planned, results, retry_failed=retry_failed, costs=costs)
        for study in described:
            told.print(tally(study, results))
        if dry_run:
            wide.print(outlook(planned, todo, results, costs))
            out.print(time_needed(todo, costs, count_workers(executor, jobs)))
            return
        with _executor(executor, jobs, memory_limit) as workers, stop_on_signals() as stop:
            outcomes = runner.run(todo, results, workers, time_limit=time_limit, stop=stop)
            failed = []
            for cell, outcome in watch(outcomes, todo, Eta(todo, workers.n_workers, costs), told):
                if outcome.status != "ok":
                    failed.append((cell, outcome))
                    stop.asked |= fail_fast
            if stop.now:
                workers.kill()
    _tell_end([study.name for study in described], failed, stop, told)


@app.command()
def show(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path, typer.Option(help="Folder of the pictures.")] = RESULTS,
) -> None:
    """Print a study's answers and its table, with 95 % intervals over seeds, and write its pictures."""
    from studies.plan import plan_study
    from studies.results import Results
    from studies.show import answers, measurements, write_pictures

    described = _study(study, quick, seeds)
    with _open(store) as stored:
        results = Results(described, stored)
        ended, failed = results.outcomes(), results.failed()
        if len(ended) == len(failed):
            _fail(f"nothing of {study} is measured yet; run it with: toymanifold run {study}")
        wide.print(measurements(results))
        for answer in answers(results):
            out.print(answer)
        if len(ended) < len(plan_study(described)) or failed:
            out.print(
                f"{len(ended) - len(failed)} of {len(plan_study(described))} cells measured, {len(failed)} failed."
            )
        for path in write_pictures(results, output / study):
            out.print(f"wrote {path}")


def _names(names: list[str] | None, every: bool) -> list[str]:
    if every == bool(names):
        _fail("name the studies to run, or say --all")
    return names or list(built_in())


def _unwritten(url: str) -> str:
    """Return the URL of a database to read, which is not made if it is not there."""
    path = url.removeprefix("sqlite:///")
    return url if path == url or Path(path).exists() else "sqlite://"


@contextmanager
def _executor(name: str, jobs: int | None, megabytes: int | None) -> Iterator["Slots | DaskExecutor"]:
    from studies.executors import open_executor
    from studies.slots import ExecutorError

    try:
        with open_executor(name, jobs, megabytes and megabytes * 10**6) as workers:
            yield workers
    except ExecutorError as error:
        _fail(f"{error}. {RESUME}")


def _tell_end(studies: list[str], failed: list[tuple["Planned", Outcome]], stop: "Stop", told: Console) -> None:
    """Say how a run has ended, and exit accordingly."""
    for planned, outcome in failed:
        where = f"{planned.learner}, n = {planned.cell.n_samples:,}, seed {planned.cell.seed}"
        out.print(f"{outcome.status}: {where}: {outcome.error}", markup=False)
    if stop.asked:
        out.print(f"Stopped. {RESUME}")
    else:
        told.print(f"Done. See it with: toymanifold show {studies[0]}")
    if stop.signal:
        raise typer.Exit(128 + stop.signal)
    if failed:
        raise typer.Exit(1)


def _study(name: str, quick: bool, seeds: int | None) -> Study:
    studies = built_in()
    if name not in studies:
        _fail(f"no study is called {name!r}; there are {', '.join(map(repr, studies))}")
    study = studies[name].quickened() if quick else studies[name]
    return study.model_copy(update={"seeds": seeds}) if seeds else study


def _open(url: str) -> Store:
    try:
        return Store(url)
    except StoreError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(f"error: {message}")
    raise typer.Exit(2)
