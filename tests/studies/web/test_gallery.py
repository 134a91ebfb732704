import base64
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from studies.plots.figures import StudyFigure, study_figures
from studies.registry.test_sets import map_points
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web import gallery as module
from studies.web.gallery import embedded, galleries, points_path, region_image
from studies.web.report import render_report
from toymanifold import spiral_problem


def pixels(uri):
    """The pixels of a data URI, the first row at the bottom."""
    encoded = uri.removeprefix("data:image/png;base64,")
    return imread(io.BytesIO(base64.b64decode(encoded, validate=True)))[::-1]


def test_a_region_is_teal_where_right_red_where_wrong_and_clear_elsewhere():
    truth = spiral_problem().label(map_points(1.2)).reshape(240, 240) == 1
    predicted = truth.copy()
    predicted[:120] = ~predicted[:120]
    red, _, blue, alpha = np.moveaxis(pixels(region_image(predicted, truth)), -1, 0)
    np.testing.assert_array_equal((alpha > 0) & (blue > red), predicted & truth)
    np.testing.assert_array_equal((alpha > 0) & (red > blue), predicted != truth)


def test_points_are_dots_at_their_places():
    X = np.array([[0.0, 0.0], [1.2, 1.2], [-0.6, 0.6], [5.0, 0.0]])
    assert points_path(X, 1.2) == "M120 120h0M240 0h0M60 60h0"


def test_a_gallery_has_a_row_per_size_and_an_image_per_learner(worth_results):
    gallery = galleries(worth_results)[""]
    assert [(row.n_samples, [image.learner for image in row.images]) for row in gallery.rows] == [
        (100, ["net", "net + polar", "kNN"]),
        (10_000, ["net", "net + polar", "kNN"]),
    ]
    assert gallery.left_out == 0
    assert [row.n_points for row in gallery.rows] == [100, 2000]


def test_what_does_not_fit_is_left_out_and_counted(worth_results, monkeypatch):
    monkeypatch.setattr(module, "MOST_IMAGES", 4)
    gallery = galleries(worth_results)[""]
    assert [len(row.images) for row in gallery.rows] == [3, 1]
    assert gallery.left_out == 2


def test_a_study_without_gallery_has_none(worth_results, worth):
    plain = worth.model_copy(update={"gallery": ()})
    assert galleries(type(worth_results)(plain, worth_results.store)) == {}


@pytest.mark.parametrize("problem", ["sphere", "modular", "gaussian"])
def test_a_problem_off_the_plane_has_no_gallery_and_the_report_is_written(problem, sqlite_url):
    """Though its gallery's sizes are measured: another problem of the study may be in the plane."""
    described = {
        "name": "x",
        "question": "?",
        "seeds": 1,
        "sizes": [20, 40],
        "gallery": [20],
        "problems": {"off the plane": {"problem": problem}},
        "learners": {"kNN": {"estimator": "knn-1"}},
    }
    study = Study.from_dict(described)
    with Store(sqlite_url) as store:
        for planned in plan_study(study):
            values = dict.fromkeys(("accuracy", "mse"), 0.5)
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
        results = Results(study, store)
        assert galleries(results) == {}
        assert "decision-regions" not in {figure.name for figure in study_figures(results)}
        assert "<h1" in render_report(results)


@pytest.mark.parametrize(("n_points", "tag"), [(10, "<svg"), (10_000, "<img")])
def test_a_figure_is_a_png_where_that_is_smaller(n_points, tag):
    figure = Figure()
    figure.subplots().scatter(*np.random.default_rng(0).normal(size=(2, n_points)))
    assert embedded(StudyFigure("points", figure), '"points"').startswith(tag)
