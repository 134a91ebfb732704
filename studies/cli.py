"""The command ``toymanifold``: parse, call, print, exit."""

import os
import random
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from studies import spec, store_cli
from studies.export import Format
from studies.terminal import DEFAULT_STORE, RESULTS, Allow, StoreUrl, StudyName, fail, opened, out, study_named, wide
from studies.verify import TOLERANCE, Comparison

app = typer.Typer(
    help="How much data is a prior worth? Comparison studies, measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(store_cli.app, name="store")

Quick = Annotated[bool, typer.Option("--quick", help="A first look: fewer seeds, smaller samples.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds, instead of the study's own number.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one for each core.")]


@app.command("list")
def list_studies(store: StoreUrl = DEFAULT_STORE) -> None:
    """List the built-in studies and how much of each is measured."""
    from studies.plan import plan_study

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
    study: StudyName,
    quick: Quick = False,
    seeds: Seeds = None,
    allow: Allow = None,
    jobs: Jobs = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cells again.")] = False,
    store: StoreUrl = DEFAULT_STORE,
) -> None:
    """Run what of a study is not measured yet. Kill it at any time; the next run goes on from there."""
    from studies import runner
    from studies.plan import plan_study
    from studies.progress import watch
    from studies.slots import Slots

    planned = plan_study(_study(study, quick, seeds, allow))
    n_workers = jobs or os.cpu_count() or 1
    with opened(store) as results:
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
    allow: Allow = None,
    store: StoreUrl = DEFAULT_STORE,
    output: Annotated[Path, typer.Option(help="Folder of the pictures.")] = RESULTS,
) -> None:
    """Print a study's answers and its table, with 95 % intervals over seeds, and write its pictures."""
    from studies.plan import plan_study
    from studies.results import Results
    from studies.show import answers, measurements, write_pictures

    described = _study(study, quick, seeds, allow)
    with opened(store) as stored:
        results = Results(described, stored)
        ended, failed = results.outcomes(), results.failed()
        if len(ended) == len(failed):
            fail(_unmeasured(study))
        for table in measurements(results):
            wide.print(table)
        for answer in answers(results):
            out.print(answer)
        if len(ended) < len(plan_study(described)) or failed:
            out.print(
                f"{len(ended) - len(failed)} of {len(plan_study(described))} cells measured, {len(failed)} failed."
            )
        for path in write_pictures(results, output / described.name):
            out.print(f"wrote {path}")


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
    from studies.export import ExportError, table, write_table
    from studies.results import Results

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
    from studies.provenance import collect
    from studies.results import Results
    from studies.slots import Slots
    from studies.verify import verify as computed_again

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
    study = study.quickened() if quick else study
    return study.model_copy(update={"seeds": seeds}) if seeds else study
