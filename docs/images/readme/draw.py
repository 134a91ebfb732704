"""Draw README's picture for light and for dark pages: ``python docs/images/readme/draw.py``.

The numbers are those that are kept of the study `prior-vs-data`. The two nets whose decision regions are shown are
fitted again, which takes a minute.
"""

import runpy
from collections.abc import Callable
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from studies import Results, Store, built_in
from studies.execution.run import MAP_MARGIN
from studies.execution.tasks import fit_cell
from studies.plots.lines import rows_of
from studies.plots.style import darken
from studies.plots.worth import WORTH_SIZE, draw_worth
from studies.registry.test_sets import decision_map
from studies.spec.cells import Cell, plan_study
from studies.store.store import Outcome

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "results" / "data" / "prior-vs-data.csv"
INFORMED, PLAIN, N_SAMPLES = "net + polar", "net", 1000


def fitted_map(cell: Cell) -> NDArray[np.bool_]:
    """Fit a cell, and return its decision map."""
    return decision_map(fit_cell(cell), MAP_MARGIN * cell.build_problem().target.radius)


def kept_results(store: Store, map_of: Callable[[Cell], NDArray[np.bool_]] = fitted_map) -> Results:
    """Put the kept numbers and the decision maps of the two nets into a store, and return the results of the study."""
    places = pd.read_csv(KEPT).groupby(["learner", "n_samples", "seed"])
    kept = {place: dict(zip(rows["metric"], rows["value"], strict=True)) for place, rows in places}
    results = Results(built_in()["prior-vs-data"], store)
    shown = [results.cell(learner, N_SAMPLES) for learner in (PLAIN, INFORMED)]
    for planned in plan_study(results.study):
        cell = planned.cell
        values = kept[planned.learner, cell.n_samples, cell.seed]
        inside = map_of(cell) if cell in shown else None
        store.add(Outcome(cell.key, cell.spec, "ok", values, decision_map=inside))
    return results


@matplotlib.style.context("default")
def draw() -> None:
    """Write worth-light.png and worth-dark.png beside this file, reduced to 256 colours."""
    figure = Figure(figsize=WORTH_SIZE, layout="constrained")
    with Store("sqlite://") as store:
        results = kept_results(store)
        draw_worth(figure, results, rows_of(results), INFORMED, PLAIN, n=N_SAMPLES)
    figure.savefig(HERE / "worth-light.png", dpi=200)
    darken(figure)
    figure.savefig(HERE / "worth-dark.png", dpi=200)
    runpy.run_path(str(HERE.parent / "reduce.py"))["reduce"](HERE)


if __name__ == "__main__":
    draw()
