import json
import pickle
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.registry.errors import SpecError
from studies.registry.learners import VERSIONS
from studies.registry.metrics import METRICS
from studies.registry.problems import PROBLEMS
from studies.spec.cells import Cell, plan_study
from studies.spec.study import Study
from toymanifold import spiral_problem

CELL = Cell("spiral", {"turns": 2.0, "fill": 0.4}, "net", "polar", {"width": 32, "depth": 2}, 100, 0)

DESCRIBED = {
    "name": "x",
    "question": "?",
    "seeds": 2,
    "sizes": [10, 30],
    "problems": {
        "spiral": {"problem": "spiral", "params": {"turns": [2, 3.5], "tip": 1}},
        "ball": {"problem": "sphere", "params": {"dimension": 2}},
    },
    "learners": {
        "net": {"estimator": "net", "prior": ["none", "polar"], "params": {"width": [16, 64], "learning_rate": 1}},
        "MLP": {"estimator": "sklearn.neural_network:MLPClassifier", "params": {"hidden_layer_sizes": [[8, 8]]}},
        "forest": {
            "estimator": "forest",
            "params": {"max_features": [1, 1.0]},
            "problems": ["ball"],
            "max_samples": 10,
        },
    },
}


def keys(described):
    return Counter(p.cell.key for p in plan_study(Study.from_dict(described)))


@st.composite
def shuffled(draw, value):
    """The same data, with the keys of tables in random order, and some lists as tuples."""
    if isinstance(value, dict):
        return {key: draw(shuffled(value[key])) for key in draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return draw(st.sampled_from([list, tuple]))([draw(shuffled(item)) for item in value])
    return value


def test_plan_is_problems_by_learners_by_sizes_by_seeds():
    planned = plan_study(Study.from_dict(DESCRIBED))
    assert len(planned) == Study.from_dict(DESCRIBED).n_cells == 2 * 2 * (2 * (4 + 1) + (4 + 1)) + 2 * 2
    assert list(dict.fromkeys(p.problem for p in planned)) == ["spiral, turns=2", "spiral, turns=3.5", "ball"]
    assert [(p.learner, p.cell.n_samples, p.cell.seed) for p in planned if p.family == "forest"] == [
        ("forest, max_features=1", 10, 0),
        ("forest, max_features=1", 10, 1),
        ("forest, max_features=1.0", 10, 0),
        ("forest, max_features=1.0", 10, 1),
    ]


def test_each_planned_cell_has_labels_and_axes():
    first = plan_study(Study.from_dict(DESCRIBED))[0]
    assert (first.learner, first.family) == ("net, prior=none, width=16", "net")
    assert first.axes == {"turns": 2, "prior": "none", "width": 16}
    assert first.cell.problem_params == {"turns": 2.0, "tip": 1.0}
    assert first.cell.params == {"width": 16, "learning_rate": 1.0}
    assert first.cell.prior is None


def test_a_learner_axis_with_a_taken_name_has_another_column():
    described = {
        **DESCRIBED,
        "problems": {"a": {"problem": "sphere", "params": {"target": "harmonic", "degree": [1, 2]}}},
        "learners": {
            "a": {"estimator": "svm", "params": {"degree": [2, 3]}},
            "b": {"estimator": "sklearn.neighbors:KNeighborsClassifier", "params": {"metric": ["l1", "l2"]}},
        },
    }
    axes = {name for p in plan_study(Study.from_dict(described)) for name in p.axes}
    assert axes == {"degree", "learner_degree", "learner_metric"}


@pytest.mark.parametrize("name", ["seed", "learner", "n_samples", "value"])
def test_an_axis_of_a_problem_cannot_have_the_name_of_another_column(name):
    described = {**DESCRIBED, "problems": {"a": {"problem": "spiral", "params": {name: [1, 2]}}}}
    with pytest.raises(SpecError, match=rf"problems\.a\.params\.{name}: cannot be an axis"):
        Study.from_dict(described)


@settings(max_examples=settings().max_examples * 3 // 10, deadline=None)
@given(shuffled(DESCRIBED))
def test_cells_do_not_depend_on_the_order_of_keys_or_on_tuple_or_list(described):
    assert keys(described) == keys(DESCRIBED)


def test_labels_and_texts_are_not_part_of_the_cells():
    described = {
        **DESCRIBED,
        "name": "y",
        "question": "??",
        "gallery": [10],
        "quick": {"seeds": 1},
        "learners": {f"my {name}": learner for name, learner in DESCRIBED["learners"].items()},
    }
    assert keys(described) == keys(DESCRIBED)


SPELLINGS = [
    ({"problem": "spiral", "params": {"turns": 3}}, {"problem": "spiral", "params": {"turns": 3.0}}),
    ({"problem": "spiral"}, {"problem": "spiral", "params": {"turns": 4, "density": "mixture"}}),
    ({"problem": "spiral", "params": {"turns": [3]}}, {"problem": "spiral", "params": {"turns": 3}}),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_two_spellings_of_a_problem_are_one(one, other):
    assert keys({**DESCRIBED, "problems": {"a": one}, "learners": {"k": {"estimator": "knn-1"}}}) == keys(
        {**DESCRIBED, "problems": {"b": other}, "learners": {"k": {"estimator": "knn-1", "prior": "none"}}}
    )


def test_1_and_1_0_are_two_cells_where_they_differ_in_meaning():
    cells = [p.cell for p in plan_study(Study.from_dict(DESCRIBED)) if p.family == "forest"]
    assert len({cell.key for cell in cells}) == 4


def test_a_larger_study_shares_the_common_cells():
    problems = {**DESCRIBED["problems"], "noisy": {"problem": "spiral", "params": {"flip_probability": [0.0, 0.1]}}}
    learners = {**DESCRIBED["learners"], "net": {**DESCRIBED["learners"]["net"], "prior": "polar"}}
    wider = {**DESCRIBED, "problems": problems, "seeds": 3, "sizes": [10, 20, 30]}
    assert keys(DESCRIBED) < keys(wider)
    assert keys({**DESCRIBED, "learners": learners}) < keys(DESCRIBED)


def test_every_field_of_a_cell_but_those_of_the_person_is_part_of_its_key():
    changes = {
        "problem": "sphere",
        "problem_params": {},
        "estimator": "knn-1",
        "prior": None,
        "params": {"width": 33, "depth": 2},
        "n_samples": 101,
        "seed": 1,
        "metrics": ("accuracy",),
        "prior_params": {"encoding": "sincos"},
        "search": {"params": {"width": [8, 16]}, "cv": 5},
        "code": {"mine": "sha256:0"},
        "rows": (100, 30),
        "fresh_problem": True,
    }
    cell = replace(CELL, seed=2)
    assert set(changes) | {"allow", "folder"} == set(asdict(cell))
    assert len({replace(cell, **{name: value}).key for name, value in changes.items()} | {cell.key}) == len(changes) + 1
    assert replace(cell, allow=("x",), folder="y").key == cell.key
    later = {"allow", "folder", "search", "rows", "fresh_problem", "test_seed"}
    assert not later & json.loads(cell.spec).keys()  # as in cells of earlier versions


SPIRALS = {
    **DESCRIBED,
    "problems": {"spiral": {"problem": "spiral", "params": {"turns": 3}}, "fixed": {"problem": "concentric-spheres"}},
    "learners": {"kNN": {"estimator": "knn-1"}},
}


def by_problem(**changes):
    """Return the cells of a study of a spiral and a fixed problem at n = 10, by the problem's label and the seed."""
    planned = plan_study(Study.from_dict({**SPIRALS, "sizes": [10], "seeds": 3, **changes}))
    return {(p.problem, p.cell.seed): p.cell for p in planned}


def test_each_seed_draws_its_own_problem_and_test_points():
    fixed, fresh = by_problem(), by_problem(fresh_problems=True)
    assert list(fresh) == list(fixed)  # one label
    for seed in range(3):
        cell = fresh["spiral", seed]
        np.testing.assert_array_equal(
            cell.build_problem().density.centers, spiral_problem(turns=3, problem_seed=seed).density.centers
        )
        assert cell.test_seed == seed
        assert fresh["fixed", seed].key == fixed["fixed", seed].key
    assert [fresh["spiral", seed].key == fixed["spiral", seed].key for seed in range(3)] == [True, False, False]


def test_a_fresh_problem_is_another_cell_than_the_same_problem_with_the_test_points_of_all():
    spirals = {"spiral": {"problem": "spiral", "params": {"turns": 3, "problem_seed": 2}}}
    fixed = by_problem(problems=spirals)["spiral", 2]
    fresh = by_problem(fresh_problems=True)["spiral", 2]
    assert json.loads(fresh.spec) == json.loads(fixed.spec) | {"test_seed": 2}


def test_fresh_problems_begin_with_seed_0_whatever_the_default_of_the_builder_is(monkeypatch):
    def built(problem_seed: int = 1):
        return spiral_problem(problem_seed=problem_seed)

    monkeypatch.setitem(PROBLEMS, "built", built)
    cells = by_problem(fresh_problems=True, problems={"a": {"problem": "built"}})
    drawn = [cells["a", seed].build_problem().density.centers for seed in range(3)]
    for seed, centers in enumerate(drawn):
        np.testing.assert_array_equal(centers, spiral_problem(problem_seed=seed).density.centers)


def test_a_study_may_begin_with_another_seed():
    first = by_problem(fresh_problems=True, first_seed=100)
    assert {seed for _, seed in first} == {100, 101, 102}
    assert first["spiral", 101].key == by_problem(fresh_problems=True, seeds=102)["spiral", 101].key


def test_the_key_of_a_file_holds_its_content_and_not_its_path():
    cell = replace(CELL, problem="data", problem_params={"path": "/a/b.csv", "sha256": "0", "target": "y"})
    moved = replace(cell, problem_params={**cell.problem_params, "path": "/c.csv"})
    changed = replace(cell, problem_params={**cell.problem_params, "sha256": "1"})
    assert cell.key == moved.key != changed.key


def test_a_cell_can_be_pickled_and_hashed():
    cell = replace(CELL, allow=("x",))
    sent = pickle.loads(pickle.dumps(cell))
    assert (sent, sent.allow, sent.key) == (cell, ("x",), cell.key)
    assert {cell: 1}[sent] == 1


def test_a_new_version_of_a_metric_changes_the_cells_with_it(monkeypatch):
    other = replace(CELL, metrics=("accuracy_train",))
    before = CELL.key, other.key
    monkeypatch.setitem(METRICS._entries, "accuracy", replace(METRICS["accuracy"], version="1a"))
    assert replace(CELL).key != before[0]
    assert replace(other).key == before[1]


def test_a_new_version_of_the_learners_changes_all_cells_without_one_of_their_own(monkeypatch):
    cells = {name: replace(CELL, estimator=name) for name in ("knn-1", "sklearn.svm:SVC", "net")}
    before = {name: cell.key for name, cell in cells.items()}
    monkeypatch.setattr("studies.registry.learners.VERSION", "another")
    assert [name for name, cell in cells.items() if replace(cell).key != before[name]] == ["knn-1", "sklearn.svm:SVC"]


NETS = ("net", "estimators:NetClassifier", "estimators.nets:NetRegressor", "estimators.nets.classifier:NetClassifier")


@pytest.mark.parametrize("name", [*NETS, "knn-1", "knn-5", "estimators:NeighborsRegressor", "sklearn.svm:SVC"])
def test_a_new_version_of_an_estimator_changes_its_cells_only(monkeypatch, name):
    cell = replace(CELL, estimator=name)
    before = cell.key
    monkeypatch.setitem(VERSIONS, "net", "another")
    assert (replace(cell).key != before) == (name in NETS)
