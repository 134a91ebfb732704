import json
from dataclasses import asdict, replace

from hypothesis import given
from hypothesis import strategies as st

from studies import Cell, plan_study

CELL = Cell("spiral", {"turns": 4.0, "fill": 0.5}, "net", "polar", {"width": 64, "depth": 3}, 100, 0)


def test_plan_is_learners_by_sizes_by_seeds(tiny):
    cells = [(p.learner, p.cell.n_samples, p.cell.seed) for p in plan_study(tiny)]
    expected = [("kNN", n, seed) for n in (20, 200) for seed in (0, 1)]
    assert cells == [*expected, ("kNN + phase", 20, 0), ("kNN + phase", 20, 1)]


def test_cells_are_distinct(tiny):
    assert len({p.cell.key for p in plan_study(tiny)}) == len(plan_study(tiny))


@given(st.permutations(["turns", "fill"]), st.permutations(["width", "depth"]))
def test_key_does_not_depend_on_the_order_of_a_description(problem_order, order):
    shuffled = replace(
        CELL,
        problem_params={name: CELL.problem_params[name] for name in problem_order},
        params={name: CELL.params[name] for name in order},
    )
    assert shuffled.key == CELL.key


def test_everything_in_a_cell_is_part_of_its_key():
    changes = {
        "problem": "sphere",
        "problem_params": {},
        "estimator": "knn-1",
        "prior": None,
        "params": {"width": 65, "depth": 3},
        "n_samples": 101,
        "seed": 1,
    }
    assert set(changes) == set(asdict(CELL))
    keys = {replace(CELL, **{name: value}).key for name, value in changes.items()}
    assert len(keys | {CELL.key}) == len(changes) + 1


def test_what_a_learner_is_called_is_no_part_of_its_cells(tiny):
    renamed = tiny.model_copy(update={"learners": {f"my {name}": spec for name, spec in tiny.learners.items()}})
    assert [p.cell.key for p in plan_study(renamed)] == [p.cell.key for p in plan_study(tiny)]


def test_a_change_of_the_measurement_is_a_change_of_the_cell(monkeypatch):
    before = CELL.spec
    monkeypatch.setattr("studies.plan.MEASUREMENT", -1)
    assert json.loads(CELL.spec)["measurement"] == -1
    assert CELL.spec != before
