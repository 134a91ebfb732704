"""The pictures that built-in studies ask for are drawn from their results, full or reduced, and from no others."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from studies.analysis.claims import NotMeasured
from studies.plots.figures import requested_plots
from studies.plots.looks import MOST_CURVES
from studies.registry.plots import PLOTS
from studies.registry.reference_curves import REFERENCE_CURVES
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from studies.store.store import Outcome, Store
from tests.studies.library.test_kept import RESULTS

OWN = {name for name, found in PLOTS.items() if found.draw.__module__.startswith("studies.library")}
NOT_KEPT = {"gradient_by_layer", "agop"}  # too many numbers, and models
ASKED = {
    name: [spec for spec in study.pictures if spec.plot not in NOT_KEPT]
    for name, study in built_in().items()
    if study.pictures
}
CURVES = {
    "adversarial-spheres": [1, 2],  # of the nearest neighbour without a prior; bounds in two dimensions
    "depth": [4, 4, 0],
    "dimension": [3, 3],
    "double-descent": [1, 1, 0, 0],  # of random features without a ridge
    "feature-learning": [1, 0, 0],  # of 4,000 points
    "graphs": [2, 2, 2],  # of the nearest mean and one convolution
    "robustness-law": [4, 4],
    "symmetry": [5, 0],  # not of wrong turns; of the spheres
    "transfer": [2, 0],
    "unlabelled": [2, 2],
}
"""Reference curves of each picture of the full studies."""


@pytest.fixture(scope="module")
def kept_results():
    """Return the results of a built-in study that are kept beside its page, for the full or the reduced study."""

    def results(study, store):
        frame = pd.read_csv(RESULTS / "data" / f"{study.name}.csv")
        place = [column for column in ("problem", "learner", "n_samples", "seed") if column in frame]
        values = {key: dict(zip(part["metric"], part["value"], strict=True)) for key, part in frame.groupby(place)}
        for p in plan_study(study):
            key = (*((p.problem,) if "problem" in place else ()), p.learner, p.cell.n_samples, p.cell.seed)
            if key in values or not study.name.endswith("tuning"):  # whose highest rates are too high for some seeds
                store.add(Outcome(p.cell.key, p.cell.spec, "ok", values[key], seconds=1.0))
        return Results(study.model_copy(update={"pictures": tuple(ASKED[study.name])}), store)

    return results


def test_every_plot_and_curve_of_the_library_is_asked_for():
    asked = [spec for study in built_in().values() for spec in study.pictures]
    assert {spec.plot for spec in asked} & OWN == OWN
    assert {spec.arguments["reference"] for spec in asked if "reference" in spec.arguments} == set(REFERENCE_CURVES)


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("name", ASKED)
def test_pictures_are_drawn_from_the_kept_results_under_a_title(name, quick, kept_results):
    study = built_in()[name]
    with Store("sqlite://") as store:
        pages = list(requested_plots(kept_results(study.reduced() if quick else study, store)))
    for page, spec in zip(pages, ASKED[name], strict=True):
        assert page.figure is not None, page.refusal
        assert page.title == spec.title != ""
        assert page.figure.get_suptitle().replace("\n", " ") == spec.title
        if spec.plot == "axis":
            (ax,) = page.figure.axes
            named = [line for line in ax.lines if not line.get_label().startswith("_")]
            assert 0 < len(named) <= MOST_CURVES
            assert ax.get_legend() is None  # the curves are named at their ends
    behind = [[line.get_label() for line in page.figure.axes[0].lines].count("_reference") for page in pages]
    assert quick or behind == CURVES.get(name, [0] * len(pages))


@pytest.mark.parametrize("plot", sorted(OWN))
def test_a_plot_of_another_study_is_not_drawn(plot, shown):
    rows = [("net", "net", n, seed, "accuracy", 0.9) for n in (100, 1000) for seed in (0, 1)]
    frame = pd.DataFrame(rows, columns=["learner", "family", "n_samples", "seed", "metric", "value"])
    for rows in (frame, frame[:0]):
        with pytest.raises(NotMeasured):
            PLOTS[plot].draw(shown(rows), Figure().subplots())
