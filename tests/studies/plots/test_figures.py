"""The files that figures are written to: one each, whatever the labels of problems are."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.plots.figures import file_suffixes, study_figures, write_figures
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study, built_in
from studies.store.store import Outcome, Store

PRIORS = ("none", "polar", "phase", "polar-sincos")
LABELS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100), min_size=1, max_size=8, unique=True)


@given(LABELS | st.lists(st.text("ab /\\()[].=-", min_size=1, max_size=4), min_size=2, max_size=8, unique=True))
def test_every_label_has_a_suffix_of_its_own_that_a_file_can_have(labels):
    suffixes = file_suffixes(labels)
    assert len({unicodedata.normalize("NFKC", suffix).casefold() for suffix in suffixes.values()}) == len(labels)
    for suffix in suffixes.values():
        assert len(suffix.encode()) <= 120
        assert not set(suffix) & set('/\\\0\n:*?"<>|')
    assert file_suffixes(labels[::-1]) == suffixes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("spiral (easy)", "spiral [easy]"),
        ("a/b", "a\\b"),
        ("!", "?"),
        ("🦊", "🐍"),
        ("Spiral", "spiral"),
        ("é", unicodedata.normalize("NFD", "é")),
        ("螺" * 100, "螺" * 99 + "旋"),
    ],
)
def test_labels_that_differ_in_what_a_file_name_loses_stay_apart(one, other):
    first, second = file_suffixes([one, other]).values()
    assert unicodedata.normalize("NFKC", first).casefold() != unicodedata.normalize("NFKC", second).casefold()


@pytest.mark.parametrize("name", ["dimension", "feature-learning"])
def test_the_labels_of_built_in_studies_are_in_the_names_as_they_are(name):
    labels = list(dict.fromkeys(p.problem for p in plan_study(built_in()[name])))
    expected = ["-" + label.replace(", ", "-").replace(" ", "-") for label in labels]
    assert list(file_suffixes(labels).values()) == expected


def test_figures_of_any_labels_are_written_to_one_file_each_without_warnings(tmp_path):
    labels = ["螺" * 91, "螺" * 90 + "旋", "spiral (easy)", "spiral [easy]", "🦊", "🐍"]
    study = Study.model_validate(
        {
            "name": "labels",
            "question": "螺旋 🦊?",
            "seeds": 2,
            "sizes": [20, 40],
            "metrics": ["accuracy"],
            "problems": {label: {"problem": "spiral", "params": {"turns": 1 + i}} for i, label in enumerate(labels)},
            "learners": {"kNN 🐍": {"estimator": "knn-1"}},
        }
    )
    with Store("sqlite://") as store:
        for p in plan_study(study):
            accuracy = 0.9 - p.cell.seed / 50 - 1 / np.sqrt(p.cell.n_samples)
            store.add(Outcome(p.cell.key, p.cell.spec, "ok", {"accuracy": accuracy}))
        lines = write_figures(Results(study, store), tmp_path)
    assert len(list(tmp_path.glob("learning-curves-*.png"))) == len(labels) == len(lines)


@pytest.mark.parametrize(("metrics", "columns"), [(["accuracy"], 2), (["accuracy", "accuracy_uniform"], 2)])
def test_families_are_panels_with_labels_at_the_outer_axes(metrics, columns):
    learners = {f"{name} {prior}": {"estimator": name, "prior": prior} for name in ("net", "knn-1") for prior in PRIORS}
    learners["svm"] = {"estimator": "svm"}
    described = {"name": "many", "question": "?", "seeds": 2, "sizes": [10, 100], "metrics": metrics}
    study = Study.from_dict(described | {"learners": learners})
    with Store("sqlite://") as store:
        for p in plan_study(study):
            values = dict.fromkeys(p.cell.metrics, 0.9 - p.cell.seed / 50 - 1 / p.cell.n_samples)
            store.add(Outcome(p.cell.key, p.cell.spec, "ok", values))
        figure = next(study_figures(Results(study, store))).figure
    axes = figure.axes
    assert len(axes) == 3 * len(metrics)
    assert axes[0].get_gridspec().ncols == columns
    assert [bool(ax.get_xlabel()) for ax in axes] == [False] * (len(axes) - columns) + [True] * columns
    figure.draw_without_rendering()
    outer = [any(label.get_visible() for label in ax.get_yticklabels()) for ax in axes]
    assert outer == [place % columns == 0 for place in range(len(axes))]
