"""The command ``toymanifold``: parse, call, print, exit."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from studies.spec import Study, built_in
from studies.store import Store, StoreError

app = typer.Typer(
    help="How much data is a prior worth? Comparison studies, measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True)
wide = Console(width=max(out.width, 130))  # a table is read whole or not at all

RESULTS = Path("toymanifold-results")

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
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one for each core.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cells again.")] = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Run what of a study is not measured yet. Kill it at any time; the next run goes on from there."""
    from studies import runner
    from studies.plan import plan_study
    from studies.progress import watch
    from studies.slots import Slots

    planned = plan_study(_study(study, quick, seeds))
    n_workers = jobs or os.cpu_count() or 1
    with _open(store) as results:
        todo = runner.remaining(planned, results, retry_failed=retry_failed)
        out.print(f"{study}: {len(planned)} cells, {len(planned) - len(todo)} measured before, {n_workers} workers")
        slots = Slots(n_workers)
        try:
            failed = [
                (cell, outcome)
                for cell, outcome in watch(runner.run(todo, results, slots), todo, n_workers, out)
                if outcome.status != "ok"
            ]
        except KeyboardInterrupt:
            slots.shutdown(cancel_futures=True)
            out.print("Stopped. All finished cells are stored; the same command goes on from there.")
            raise typer.Exit(130) from None
        slots.shutdown()
    for cell, outcome in failed:
        out.print(
            f"{outcome.status}: {cell.learner}, n = {cell.cell.n_samples:,}, seed {cell.cell.seed}: {outcome.error}"
        )
    out.print(f"Done. See it with: toymanifold show {study}")
    if failed:
        raise typer.Exit(1)


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


@app.command()
def report(
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option(help="The page; by default report.html beside the pictures.")] = None,
) -> None:
    """Write what a study found as one page, which needs no network: the answer, charts, tables, how it was run."""
    from sqlalchemy import make_url

    from studies.report import ReportError, render_report
    from studies.results import Results

    path = output or RESULTS / study / "report.html"
    with _open(store) as stored:
        options = [*(["--quick"] if quick else []), *(["--seeds", str(seeds)] if seeds else [])]
        if store != DEFAULT_STORE:
            options += ["--store", make_url(store).render_as_string()]  # without its password
        try:
            page = render_report(Results(_study(study, quick, seeds), stored), options)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page, encoding="utf-8")
        except (ReportError, OSError) as error:
            _fail(str(error))
    out.print(f"wrote {path}: {len(page.encode()) / 1e6:.2f} MB")


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Two sizes and one round: under a minute.")] = False,
) -> None:
    """Measure here what training a study's nets costs, beside skorch, scikit-learn and a bare torch loop."""
    from studies.bench import EPOCHS, N_SEEDS, OURS, OURS_2, SIZES, SKORCH, VARIANTS, costs_table, measure_costs

    sizes = (100, 1000) if quick else SIZES
    n_cells = len(VARIANTS) * N_SEEDS * len(sizes)
    out.print(
        f"{n_cells} nets: {len(VARIANTS)} variants x {N_SEEDS} seeds x {len(sizes)} sizes, {EPOCHS:,} epochs each"
    )
    costs = measure_costs(sizes, n_rounds=1 if quick else 5)
    wide.print(costs_table(costs))
    ratio = costs.study_seconds(SKORCH) / costs.study_seconds(OURS_2)
    out.print(f"Both cores, {OURS} beside {SKORCH} on one: {ratio:.1f} x")
    share = costs.gflops / costs.sgemm_gflops
    out.print(f"Training at n = 1,000: {costs.gflops:.0f} GFLOP/s, {share:.0%} of sgemm's {costs.sgemm_gflops:.0f}")


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
