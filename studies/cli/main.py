"""The command ``toymanifold``: parse, call, print, exit."""

from __future__ import annotations

import copy
import json
import os
import random
import threading
import webbrowser
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from studies.cli import store_commands
from studies.cli.options import (
    MAX_SECONDS,
    Allow,
    BudgetTime,
    Jobs,
    Json,
    PrintableConsole,
    Program,
    Quick,
    Seeds,
    StoreUrl,
    StudyName,
    StudyNames,
    TableFormat,
    built_in_questions,
    columns,
    command_line,
    err,
    fail,
    fitting,
    opened,
    opened_results,
    opened_to_read,
    out,
    print_fitting,
    print_table,
    quoted,
    study_named,
    write_text,
    writing,
)
from studies.execution.signals import exit_on_interrupt, outlast_terminal
from studies.siblings import check_siblings
from studies.store import DEFAULT_STORE, RESULTS

if TYPE_CHECKING:
    from studies.execution.costs import Costs
    from studies.execution.dask_executor import DaskExecutor
    from studies.execution.signals import Stop
    from studies.execution.workers import WorkerPool
    from studies.results.results import Results
    from studies.results.verify import Comparison
    from studies.spec.cells import PlannedCell
    from studies.spec.study import Study
    from studies.store.store import Outcome, Store

CommandLine = Callable[..., str]  # of a verb, a study and further words

check_siblings()  # here too, for another package `studies` may have replaced this one's __init__.py

app = typer.Typer(
    cls=Program,
    help="How much data is a prior worth? Comparison studies, measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(store_commands.app, name="store")

_SHOWN = 12  # characters of a key, enough to identify a cell

RESUME = "All finished cells are stored; the same command continues from there."


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        out.print(f"toymanifold {metadata.version('toymanifold')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback acts
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """How much data is a prior worth? Comparison studies, measured."""
    context.with_resource(exit_on_interrupt())
    context.with_resource(outlast_terminal())


@app.command("list")
def list_studies(
    as_json: Json = False,
    priors: Annotated[bool, typer.Option("--priors", help="List the priors and their worths instead.")] = False,
) -> None:
    """List the built-in studies: their questions, and what the default store has of them."""
    if priors:
        _list_priors(as_json=as_json)
        return
    questions = built_in_questions()
    if as_json:
        out.print_json(json.dumps([{"name": name, "question": question} for name, question in questions.items()]))
        return
    measured = _measured_studies()
    table = columns("study", "question")
    for name, question in questions.items():
        table.add_row(name, " ".join([question, *measured.get(name, [])]))
    print_table(table)


def _list_priors(*, as_json: bool) -> None:
    """Print what a learner with each prior knows, where that holds, and what it was worth in built-in studies."""
    from estimators.priors import KNOWLEDGE
    from studies.library.worths import as_table, kept_worths

    worths = kept_worths()
    if as_json:
        from studies.cli.tables import as_records

        known = [{"prior": name, "knows": knows, "holds": holds} for name, (knows, holds) in KNOWLEDGE.items()]
        measured = as_records(as_table(worths))
        out.print_json(json.dumps({"priors": known, "worths": measured}))
        return
    table = columns("prior", "a learner with it knows", "holds for")
    for name, (knows, holds) in KNOWLEDGE.items():
        table.add_row(name, knows, holds)
    print_table(table)
    print_fitting("\nHow many times the data each was worth in built-in studies, with 95 % interval, and by theory:\n")
    table = columns(*worths[0].texts, numbers=["n"])
    for worth in worths:
        table.add_row(*worth.texts.values())
    print_table(table)


def _measured_studies() -> dict[str, list[str]]:
    """Return what the default store has of each study, in words."""
    from studies.store.overview import summarise_runs

    measured: dict[str, list[str]] = {}
    for found in summarise_runs(RESULTS / "results.db"):
        for name in found.studies:
            others = [other for other in found.studies if other != name]
            together = " together with others" if others else ""
            text = f"[{found.n_cells:,} cells measured{together}, last on {found.day}]"
            measured.setdefault(name, []).append(text)
    return measured


@app.command()
def new(path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("my-study.toml")) -> None:
    """Write an example study with comments, to start from."""
    file = path if path.suffix.lower() == ".toml" else path.with_name(f"{path.name}.toml")
    example = (resources.files("studies") / "spec" / "example.toml").read_text(encoding="utf-8")
    for verb in ("run", "show"):
        example = example.replace(f"toymanifold {verb} example.toml", command_line(verb, str(file)))
    with writing(file), file.open("x", encoding="utf-8", errors="backslashreplace") as opened_file:
        opened_file.write(example)
    out.print(f"wrote {quoted(str(file))}; run it with: {command_line('run', str(file))}")


@app.command()
def run(
    names: StudyNames = None,
    every: Annotated[bool, typer.Option("--all", help="All built-in studies.")] = False,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="Where cells run: local or dask://host:port.")
    ] = "local",
    jobs: Jobs = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.001, max=MAX_SECONDS, metavar="SECONDS", help="For each cell; none by default."),
    ] = None,
    memory_limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="MB", help="For each worker; by default its share of the machine's memory."),
    ] = None,
    budget: BudgetTime = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cells again.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Start no more cells after a failure.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells to run and their time; run nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print failures only.")] = False,
    keep_models: Annotated[bool, typer.Option("--keep-models", help="Store fitted nets, too.")] = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Run the cells of studies that are not measured yet. A run that was stopped or killed continues with the next."""
    names = _names(names, every)
    if executor == "local" and not dry_run:
        from studies.execution.workers import start_server

        start_server()  # the fork server loads the workers' libraries while this process loads its own

    from studies.cli.progress import Eta, dry_run_summary, tally, time_needed, watch, without_models
    from studies.execution.budget import Budget
    from studies.execution.costs import Costs
    from studies.execution.run import remaining, run_task
    from studies.execution.run import run as run_cells
    from studies.execution.signals import stop_on_signals
    from studies.results.plans import keep_plan
    from studies.spec.cells import plan_run
    from studies.store.provenance import collect

    n_workers = _n_workers(executor, jobs)
    described = [study_named(name, allow, quick=quick, seeds=seeds) for name in names]
    planned = [cell for study in described for cell in plan_run(study)]
    console = PrintableConsole(soft_wrap=True, markup=False, emoji=False, highlight=False, quiet=quiet)
    again = _again(quick, seeds, allow, store)
    with opened_to_read(store, missing_ok=True) if dry_run else opened(store) as results:
        costs = Costs.from_store(planned, results)
        todo = remaining(planned, results, retry_failed=retry_failed, costs=costs, in_budget=budget is not None)
        for study in described:
            console.print(tally(study, results))
        if keep_models:
            console.print(without_models(planned, results), end="")
        if dry_run:
            print_table(dry_run_summary(planned, todo, results, costs))
            print_fitting(time_needed(todo, costs, n_workers))
            _print_in_budget(todo, budget, n_workers, costs)
            return
        for study in described:
            keep_plan(study, results)
        title, most_seeds = ", ".join(study.name for study in described), max(study.seeds for study in described)
        within = None if budget is None else Budget(budget, copy.deepcopy(costs))
        with stop_on_signals() as stop, _executor(executor, jobs, memory_limit) as workers:
            outcomes = run_cells(
                todo,
                results,
                workers,
                work=partial(run_task, keep_models=keep_models),
                time_limit=time_limit,
                stop=stop,
                record=collect(title, most_seeds, executor=executor),
                budget=within,
            )
            failed = []
            for cell, outcome in watch(outcomes, todo, Eta(todo, workers.n_workers, costs, within), console):
                if outcome.status != "ok":
                    failed.append((cell, outcome))
                    stop.asked |= fail_fast
            if stop.now:
                workers.kill()
        ended = [] if stop.asked else zip(names, described, strict=True)
        hopeless = [message for name, study in ended if (message := _all_failed(name, study, results, again))]
        _print_left_out(planned, results, budget, partial(again, "run", *names))
    _print_failures(failed, store, "" if hopeless else again("run", *names, "--retry-failed"))
    _print_end(bool(failed), hopeless, stop, console, again("show", names[0]))


def _print_in_budget(todo: list[PlannedCell], budget: float | None, n_workers: int | None, costs: Costs) -> None:
    """Print the number of each learner's cells that are predicted to run in a budget, if there is one."""
    from studies.cli.progress import budget_table
    from studies.execution.budget import cells_in_budget

    if budget is not None:
        print_table(budget_table("to run", todo, cells_in_budget(todo, budget, n_workers or 1, costs)))


def _print_left_out(planned: list[PlannedCell], store: Store, budget: float | None, again: Callable[..., str]) -> None:
    """Print the number of each learner's cells that a budget has left out, and the command that runs them."""
    from studies.cli.progress import budget_table

    left_out = set() if budget is None else set(store.missing([p.cell.key for p in planned]))
    if left_out:
        print_table(budget_table("measured", planned, {p.cell for p in planned if p.cell.key not in left_out}))
        out.print(f"Go on with: {again('--budget', f'{budget:g}s')}")


@app.command()
def show(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
    everything: Annotated[bool, typer.Option("--all", help="Print all metrics, sizes, learners and claims.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="Write the figures as PNG files.")] = False,
    output: Annotated[Path, typer.Option(help="Folder of the figures of --pictures.")] = RESULTS,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print means and intervals as CSV, for programs.")] = False,
) -> None:
    """Print a study's answers, and its errors in a table that fits the terminal, with 95 % intervals over seeds."""
    from studies.cli.tables import means, results_as_json, shown_results
    from studies.results.failures import advice, can_retry

    if as_json and as_csv:
        fail("name one of --json and --csv")
    again = _again(quick, seeds, allow, store)
    with opened_results(study, store, allow, quick=quick, seeds=seeds) as results:
        _check_measured(study, results, again)
        if as_json:
            out.print_json(results_as_json(results))
        elif as_csv:
            out.print(means(results).to_csv(index=False), end="")
        else:
            for part in shown_results(results, fitting.width, everything=everything):
                print_fitting(part)
            failed = [outcome for _, outcome in results.failed()]
            for line in advice(failed):
                print_fitting(line)
            if can_retry(failed):
                out.print(f"Try the failed cells again with: {again('run', study, '--retry-failed')}")
        if pictures:
            from studies.plots.figures import write_figures

            with writing(output / results.study.name):
                written = write_figures(results, output / results.study.name)
            for line in written:
                (err if as_json or as_csv else out).print(line)


@app.command()
def report(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option(help="The page; by default report.html beside the figures.")] = None,
) -> None:
    """Write a study's results as one page that needs no network: answers, charts, tables, provenance."""
    from studies.web.report import render_report

    with opened_results(study, store, allow, quick=quick, seeds=seeds) as results:
        packages = allow or sorted({name.split(":")[0].split(".")[0] for name in results.study.foreign_names})
        again = _again(quick, seeds, packages, store)
        path = output or RESULTS / results.study.name / "report.html"
        _check_measured(study, results, again)
        page = render_report(results, [again("run", study), again("report", study)])
    write_text(path, page)
    out.print(f"wrote {path}: {len(page.encode()) / 1e6:.2f} MB")


def _again(quick: bool, seeds: int | None, allow: list[str] | None, store: str) -> CommandLine:
    return partial(command_line, quick=quick, seeds=seeds, allow=allow, store=store)


@app.command()
def explore(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 is any free port.")] = 8642,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open nothing.")] = False,
) -> None:
    """Serve a page, to this machine only, on which problem and learner can be changed. Ctrl-C ends it."""
    try:
        from studies.web.explore import HOST, listen, serve
    except ModuleNotFoundError as error:
        fail(f"{error}. Install it with: pip install 'toymanifold[explore]'")
    try:
        listening = listen(port)
    except OSError as error:
        fail(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}; --port 0 takes any free port")
    address = f"http://{HOST}:{listening.getsockname()[1]}/"
    out.print(f"{address} (Ctrl-C ends it)")
    if not no_browser:  # beside the server, since a browser in the terminal lasts until it is left
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    serve(listening)


@app.command()
def export(
    study: StudyName,
    form: Annotated[
        TableFormat, typer.Option("--format", help="Parquet needs the extra: toymanifold[parquet].")
    ] = TableFormat.CSV,
    output: Annotated[Path | None, typer.Option(help="The file; by default STUDY.FORMAT beside the results.")] = None,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Write a study's results as one tidy table: each metric of each cell, with status and provenance."""
    from studies.results.export import ExportError, table, write_table

    with opened_results(study, store, allow, quick=quick, seeds=seeds) as results:
        frame = table(results)
        path = output or RESULTS / f"{results.study.name}.{form}"
        if not frame.empty:
            try:
                write_table(frame, path, form)
            except ExportError as error:
                fail(str(error))
            out.print(f"wrote {path}: {len(frame):,} rows")
        _check_measured(study, results, _again(quick, seeds, allow, store))


@app.command()
def verify(
    study: StudyName,
    n_cells: Annotated[int, typer.Option("--cells", min=1, help="How many cells to compute again.")] = 5,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the choice of cells; random by default.")] = None,
    allow: Allow = None,
    jobs: Jobs = None,
    only_list: Annotated[bool, typer.Option("--list", help="Print the chosen cells; compute nothing.")] = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Compute some stored cells again and compare: exactly, or with a tolerance if machine or versions differ."""
    from studies.results.results import Results
    from studies.results.verify import TOLERANCE, choose
    from studies.results.verify import verify as computed_again
    from studies.store.provenance import collect

    chosen = random.randrange(2**31) if seed is None else seed
    again = _again(False, None, allow, store)
    if only_list:
        with opened_results(study, store, allow) as results:
            _check_measured(study, results, again)
            _print_chosen(choose(results, n_cells, chosen))
        return
    described = study_named(study, allow)
    with opened_to_read(store) as stored:
        results = Results(described, stored)
        _check_measured(study, results, again)
        with _executor("local", jobs, None) as workers:
            here = collect(described.name, described.seeds)
            compared = list(computed_again(results, workers, here, n_cells=n_cells, seed=chosen))
    for comparison in compared:
        _print_compared(comparison)
    for reason in sorted({reason for comparison in compared for reason in comparison.reasons}):
        print_fitting(f"values within {TOLERANCE} are near, since bits may differ: {reason}")
    differing = sum(bool(comparison.differing) for comparison in compared)
    out.print(f"{len(compared)} cells computed again (--seed {chosen}), {differing} differ.")
    if differing:
        raise typer.Exit(1)


def _print_chosen(chosen: list[tuple[PlannedCell, Outcome]]) -> None:
    for planned, outcome in chosen:
        table = columns("metric", "stored")
        for metric, value in outcome.measured.items():
            table.add_row(metric, repr(value))
        print_fitting(_place(planned))
        print_table(table)


def _print_compared(comparison: Comparison) -> None:
    """Print the values of a cell, stored and computed again."""
    old, new = comparison.stored.measured, comparison.again.measured
    table = columns("metric", "stored", "again", "")
    for metric in old:
        verdict = "differs" if metric in comparison.differing else "same" if old[metric] == new[metric] else "near"
        again = repr(new[metric]) if metric in new else comparison.again.status
        table.add_row(metric, repr(old[metric]), again, verdict)
    print_fitting(_place(comparison.planned))
    print_table(table)


def _place(planned: PlannedCell) -> str:
    cell = planned.cell
    return f"{cell.key[:_SHOWN]}: {planned.learner}, n = {cell.n_samples:,}, seed {cell.seed}"


def _check_measured(study: str, results: Results, again: CommandLine) -> None:
    """End the command if nothing of a study is measured: it has not run, or all cells that have run failed."""
    outcomes = [outcome for _, outcome in results.outcomes()]
    if not outcomes:
        fail(f"nothing of {study} is measured yet; run it with: {again('run', study)}")
    if all(outcome.status != "ok" for outcome in outcomes):
        fail(_hopeless(study, outcomes, again), exit_code=1)


def _all_failed(name: str, study: Study, store: Store, again: CommandLine) -> str:
    """Return the message on a study of which all cells that have run failed, or an empty text."""
    from studies.spec.cells import plan_study

    statuses = store.statuses([p.cell.key for p in plan_study(study)])
    if not statuses or "ok" in statuses.values():
        return ""
    return _hopeless(name, store.outcomes(list(statuses)).values(), again)


def _hopeless(study: str, outcomes: Collection[Outcome], again: CommandLine) -> str:
    from studies.results.failures import reasons

    lines = "\n".join(f"  {reason}" for reason in reasons(outcomes))
    retry = again("run", study, "--retry-failed")
    return f"all {len(outcomes):,} cells of {study} that have run failed:\n{lines}\nTry them again with: {retry}"


def _names(names: list[str] | None, every: bool) -> list[str]:
    if every == bool(names):
        fail("name the studies to run, or use --all")
    return names or list(built_in_questions())


def _n_workers(executor: str, jobs: int | None) -> int | None:
    from studies.execution.executors import count_workers
    from studies.execution.workers import ExecutorError

    try:
        return count_workers(executor, jobs)
    except ExecutorError as error:
        fail(str(error))


@contextmanager
def _executor(name: str, jobs: int | None, megabytes: int | None) -> Iterator[WorkerPool | DaskExecutor]:
    """Open an executor; an error of it ends the command with one line."""
    from studies.execution.executors import open_executor
    from studies.execution.workers import ExecutorError

    advice = ""
    try:
        with open_executor(name, jobs, megabytes and megabytes * 10**6) as workers:
            advice = f". {RESUME}"
            yield workers
    except ExecutorError as error:
        fail(f"{error}{advice}")


def _print_failures(failed: list[tuple[PlannedCell, Outcome]], store: str, retry: str) -> None:
    """Print the cells that failed, each with the reason, and what to do about them."""
    from studies.results.failures import advice, one_line

    for planned, outcome in failed:
        where = f"{planned.learner}, n = {planned.cell.n_samples:,}, seed {planned.cell.seed}"
        print_fitting(f"{outcome.status}: {where}: {one_line(outcome.error)}")
    for line in advice(outcome for _, outcome in failed):
        print_fitting(line)
    if key := next((outcome.key for _, outcome in failed if outcome.traceback), ""):
        out.print(f"Traceback of the first one: {command_line('store', 'show', key[:_SHOWN], store=store)}")
    if failed and retry:
        out.print(f"Try them again with: {retry}")


def _print_end(failed: bool, hopeless: list[str], stop: Stop, console: Console, show: str) -> None:
    """Print the end of a run, and exit with its exit code."""
    for message in hopeless:
        out.print(f"error: {message}")
    if stop.asked:
        out.print(f"Stopped. {RESUME}")
    elif not hopeless:
        console.print(f"Done. See it with: {show}")
    if stop.signal:
        raise typer.Exit(128 + stop.signal)
    if failed or hopeless:
        raise typer.Exit(1)
