"""The plots that built-in studies ask for are drawn from their results, full or reduced, and from no others."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from studies.analysis.claims import NotMeasured
from studies.registry.plots import PLOTS
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from tests.studies.library.test_kept import RESULTS

OWN = {name for name, found in PLOTS.items() if found.draw.__module__.startswith("studies.library")}
NOT_KEPT = {"gradient_by_layer"}  # too many numbers
ASKED = [(study, spec) for study in built_in().values() for spec in study.pictures if spec.plot in OWN]


def planned_part(frame, study):
    """Return the rows of a frame that are of cells of a study."""
    where = [column for column in ("problem", "learner") if column in frame]
    planned = {(*(getattr(p, c) for c in where), p.cell.n_samples, p.cell.seed) for p in plan_study(study)}
    return frame[[row in planned for row in frame[[*where, "n_samples", "seed"]].itertuples(index=False, name=None)]]


def test_every_plot_of_the_library_is_asked_for():
    assert {spec.plot for _, spec in ASKED} == OWN


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    ("study", "spec"),
    [part for part in ASKED if part[1].plot not in NOT_KEPT],
    ids=lambda part: getattr(part, "plot", getattr(part, "name", None)),
)
def test_a_plot_is_drawn_from_the_kept_results(study, spec, quick, shown):
    frame = pd.read_csv(RESULTS / "data" / f"{study.name}.csv")
    ax = Figure().subplots()
    part = planned_part(frame, study.reduced() if quick else study)
    part.attrs["study"] = study.name
    assert PLOTS[spec.plot].draw(shown(part), ax, **spec.arguments) is ax
    assert ax.lines or ax.collections
    assert ax.get_legend().get_texts()


@pytest.mark.parametrize("plot", sorted(OWN))
def test_a_plot_of_another_study_is_not_drawn(plot, shown):
    rows = [("net", "net", n, seed, "accuracy", 0.9) for n in (100, 1000) for seed in (0, 1)]
    frame = pd.DataFrame(rows, columns=["learner", "family", "n_samples", "seed", "metric", "value"])
    for rows in (frame, frame[:0]):
        with pytest.raises(NotMeasured):
            PLOTS[plot].draw(shown(rows), Figure().subplots())
