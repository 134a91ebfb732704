from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from studies.execution.run import remaining, run
from studies.results.results import Results
from studies.spec.cells import first_cells, plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from toymanifold import spiral_problem


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        yield store


def run_all(study, store):
    with ThreadPoolExecutor(2) as executor:
        list(run(remaining(plan_study(study), store), store, executor))


def test_frame_is_tidy_and_in_the_studys_order(tiny, store):
    run_all(tiny, store)
    frame = Results(tiny, store).frame()
    assert list(frame.columns) == ["learner", "n_samples", "seed", "metric", "value"]
    assert list(dict.fromkeys(frame["learner"])) == list(tiny.learners)
    assert len(frame) == 4 * len(plan_study(tiny))


def test_frame_has_a_column_for_each_axis(store):
    study = Study.from_dict(
        {
            "name": "axes",
            "question": "?",
            "seeds": 1,
            "sizes": [20],
            "metrics": ["accuracy"],
            "problems": {"spiral": {"problem": "spiral", "params": {"turns": [2, 3]}}},
            "learners": {
                "kNN": {"estimator": "knn-1", "params": {"n_neighbors": [1, 5]}},
                "phase": {"estimator": "knn-1", "prior": "phase"},
            },
        }
    )
    run_all(study, store)
    frame = Results(study, store).frame()
    columns = ["problem", "learner", "family", "turns", "n_neighbors"]
    assert list(frame.columns) == [*columns, "n_samples", "seed", "metric", "value"]
    assert frame[columns].astype(object).where(frame[columns].notna(), None).to_numpy().tolist() == [
        ["spiral, turns=2", "kNN, n_neighbors=1", "kNN", 2, 1],
        ["spiral, turns=2", "kNN, n_neighbors=5", "kNN", 2, 5],
        ["spiral, turns=2", "phase", "phase", 2, None],
        ["spiral, turns=3", "kNN, n_neighbors=1", "kNN", 3, 1],
        ["spiral, turns=3", "kNN, n_neighbors=5", "kNN", 3, 5],
        ["spiral, turns=3", "phase", "phase", 3, None],
    ]


def test_a_frame_has_the_numbers_of_rows_and_test_points_of_its_problems(worth_of_rows, worth_results, worth, store):
    assert worth_results.frame().attrs == {"n_rows": None, "n_test": 50_000, "own_test": False, "on_rows": False}
    assert worth_of_rows.frame().attrs == {"n_rows": 100_000, "n_test": 500, "own_test": False, "on_rows": True}
    study = Study.from_dict(
        worth.model_dump(mode="json", exclude_defaults=True)
        | {"problems": {"a": {"problem": "spiral"}, "b": {"problem": "sphere"}}}
    )
    cells = first_cells(study)
    study.use_plan([replace(cell, rows=(60, 20)) if cell.problem == "sphere" else cell for cell in cells])
    assert Results(study, store).frame().attrs == {
        "n_rows": {"a": None, "b": 60},
        "n_test": {"a": 50_000, "b": 20},
        "own_test": False,
        "on_rows": {"a": False, "b": True},
    }


FRESH = {
    "name": "fresh",
    "question": "?",
    "seeds": 2,
    "first_seed": 5,
    "sizes": [20],
    "fresh_problems": True,
    "problems": {
        "spiral": {"problem": "spiral"},
        "moons": {"problem": "sklearn.datasets:make_moons", "params": {"pool": 400}},
        "gaussian": {"problem": "gaussian"},
    },
    "learners": {"kNN": {"estimator": "knn-1"}},
}


def test_results_have_the_problem_of_each_seed(store):
    results = Results(Study.from_dict(FRESH), store)
    assert results.fresh_problems == ["spiral", "moons"]
    for seed in (5, 6):
        density = results.problem("spiral", seed).density
        np.testing.assert_array_equal(density.centers, spiral_problem(problem_seed=seed).density.centers)
    first = results.problem("spiral").density.centers
    np.testing.assert_array_equal(first, results.problem("spiral", 5).density.centers)


def test_seeds_with_pools_of_their_own_share_no_rows(store):
    study = Study.from_dict(FRESH)
    attrs = Results(study, store).frame().attrs
    assert attrs["n_rows"] is None
    assert attrs["own_test"] == {"spiral": True, "moons": True, "gaussian": False}
    assert attrs["on_rows"] == {"spiral": False, "moons": True, "gaussian": False}
    run_all(study, store)
    results = Results(study, store)
    assert len(results.frame().query("metric == 'accuracy'").groupby(["problem", "value"])) == 4
    assert not results.failed()
    for planned, _ in results.outcomes():
        results.estimator(planned.cell)


def test_failed_cells_have_their_outcomes(tiny, store):
    planned = plan_study(tiny)[3]
    store.add(Outcome(planned.cell.key, planned.cell.spec, "error", error="once"))
    run_all(tiny, store)
    ((failed, outcome),) = Results(tiny, store).failed()
    assert (failed, outcome.error) == (planned, "once")
    place = f"{planned.learner!r}, problem='spiral', n_samples={planned.cell.n_samples}, seed={planned.cell.seed}"
    assert repr((failed, outcome)) == f"(PlannedCell({place}), Outcome({outcome.key[:12]!r}, 'error', error='once'))"


def test_results_print_their_counts_of_cells(worth_results):
    learners = {"net": 15, "net + polar": 15, "kNN": 21, "baseline": 21}
    sentence = f"worth: {sum(learners.values())} of {sum(learners.values())} cells measured, 0 failed."
    first, _, *rows = str(worth_results).splitlines()
    assert first == sentence
    assert {row.rsplit(maxsplit=3)[0].strip(): int(row.split()[-3]) for row in rows} == learners
    assert worth_results._repr_html_().startswith(f"<p>{sentence}</p><table")


def test_a_frame_can_be_grouped_by_an_axis_of_lists_or_tables(store):
    estimator = {"estimator": "sklearn.svm:SVC", "params": {"class_weight": [{"0": 1.0}, {"0": 2.0}]}}
    layers = {"estimator": "sklearn.neural_network:MLPClassifier", "params": {"hidden_layer_sizes": [[4], [4, 8]]}}
    study = Study.from_dict(
        {"name": "x", "question": "?", "seeds": 2, "sizes": [9], "learners": {"svc": estimator, "mlp": layers}}
    )
    for planned in plan_study(study):
        store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.5}))
    frame = Results(study, store).frame()
    assert list(frame.groupby("hidden_layer_sizes").groups) == [(4,), (4, 8)]
    assert frame["class_weight"].nunique() == 2
    assert len(frame.drop_duplicates()) == 8
