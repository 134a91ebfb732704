import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from studies.cli.tables import shown_results
from studies.execution.run import remaining, run
from studies.plots import plot_learning_curves
from studies.plots.figures import study_figures
from studies.registry.metrics import METRICS
from studies.registry.plots import PLOTS
from studies.registry.registry import Registry
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Store
from studies.web.report import render_report

OUTSIDE = '''
"""A module of somebody who knows only the public door."""

from studies import metric, plot


@metric("1", title="Share of neighbours in use", heading="in use", unit="%", default=False)
def neighbours_in_use(fitted) -> float:
    return fitted.estimator.n_neighbors / fitted.n_samples


@plot(whole_study=True)
def plot_last_size(results, ax=None, *, learner: str):
    ax.set_title(f"{learner}: {results.frame()['n_samples'].max()}")
    return ax
'''

STUDY = {
    "name": "outside",
    "question": "Does it show?",
    "seeds": 2,
    "sizes": [20, 40],
    "metrics": ["accuracy", "neighbours_in_use"],
    "learners": {"kNN": {"estimator": "knn-5"}},
    "pictures": [{"plot": "last_size", "learner": "kNN"}],
}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Results of a study that names a metric and a plot of a module outside the packages."""
    for registry in (METRICS, PLOTS):
        monkeypatch.setattr(registry, "_entries", dict(registry))
    (tmp_path / "somebodys_module.py").write_text(OUTSIDE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("somebodys_module")
    study = Study.from_dict(STUDY)
    with Store("sqlite://") as store, ThreadPoolExecutor(1) as executor:
        for _, outcome in run(remaining(plan_study(study), store), store, executor):
            assert outcome.status == "ok", outcome.error
        yield Results(study, store)


def test_a_metric_and_a_plot_from_outside_are_shown_like_built_in_ones(outside):
    shown = list(shown_results(outside, 80, everything=True))
    table = shown[1 + next(i for i, part in enumerate(shown) if str(part).startswith("in use %"))]
    assert [next(column.cells) for column in table.columns[1:]] == ["25", "12.5"]
    ax = plot_learning_curves(outside, metric="neighbours_in_use")
    assert ax.get_ylabel() == "Share of neighbours in use"
    assert ax.yaxis.get_major_formatter()(0.1) == "10 %"
    asked = {found.name: found.figure for found in study_figures(outside)}["picture-1-last_size"]
    assert asked.axes[0].get_title() == "kNN: 40"
    assert "<summary>Table: Share of neighbours in use</summary>" in render_report(outside)


def test_a_name_is_registered_once():
    registry = Registry("thing")
    registry.add("a", 1)
    with pytest.raises(ValueError, match="the thing 'a' is registered already"):
        registry.add("a", 2)
    assert dict(registry) == {"a": 1}


def made_by(function):
    function.__module__ = "somebodys_module"
    return function


def test_a_function_that_is_defined_again_replaces_the_old_one():
    """As when a cell of a notebook is run again, or its module reloaded; another one of its name does not."""
    registry = Registry("thing")
    old, new, other = (lambda: 1), made_by(lambda: 2), made_by(lambda: 3)
    old.__module__, other.__qualname__ = "somebodys_module", "other"
    registry.add("a", 1, old)
    registry.add("b", 2, old)
    registry.add("a", 3, new)
    assert list(registry.items()) == [("a", 3), ("b", 2)]
    with pytest.raises(ValueError, match="the thing 'a' is registered already"):
        registry.add("a", 4, other)


def test_a_registry_whose_modules_cannot_be_imported_does_so_each_time(tmp_path, monkeypatch):
    (tmp_path / "interrupted_module.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("thing", "interrupted_module")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            list(registry)
