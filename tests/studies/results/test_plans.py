"""Plans that a store keeps."""

import json
import subprocess
import sys

import pytest

from studies.results.plans import code_digest, find_plan, keep_plan
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study, built_in
from studies.store.store import Store
from tests.studies.conftest import store_errors

STUDY = """
name = "mine"
question = "Is it kept?"
seeds = 2
sizes = [20, 40]
metrics = ["accuracy"]
gallery = [20]

[learners.mine]
estimator = "my_learner:Mine"
params = { n_neighbors = [1, 3] }

[learners.forest]
estimator = "sklearn.ensemble:RandomForestClassifier"
"""

MODULE = """
from sklearn.neighbors import KNeighborsClassifier

class Mine(KNeighborsClassifier):
    pass
"""

COMMANDS = [["show"], ["report"], ["export"], ["show", "--seeds", "1", "--json"], ["verify", "--list"]]

SHOW = """
import sys
from studies.cli.main import app
for words in {commands}:
    try:
        app(words)
    except SystemExit as end:
        assert end.code == 0, words
print([name for name in ("my_learner", "sklearn.ensemble", "torch") if name in sys.modules])
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The file of a study with a learner of one's own, and a store with its results and plan; the module is gone."""
    file = tmp_path / "mine.toml"
    file.write_text(STUDY)
    (tmp_path / "my_learner.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    study = Study.from_toml(file, allow=["my_learner"])
    with Store(tmp_path / "results.db") as store:
        store_errors(study, store, lambda *_: 0.25)
        keep_plan(study, store)
    del sys.modules["my_learner"]
    (tmp_path / "my_learner.py").unlink()
    return file


def test_what_was_measured_is_shown_without_its_learners(mine):
    commands = [[verb, str(mine), *options, "--store", "results.db"] for verb, *options in COMMANDS]
    program = [sys.executable, "-c", SHOW.format(commands=commands)]
    ran = subprocess.run(program, capture_output=True, text=True, cwd=mine.parent)
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["[]"]), ran.stderr


def test_a_change_of_code_or_study_is_a_miss(mine, tmp_path, monkeypatch, toymanifold):
    store = str(tmp_path / "results.db")
    mine.write_text(STUDY.replace("[1, 3]", "[1, 2, 3]"))
    assert "the package 'my_learner' is not allowed" in toymanifold("show", str(mine), "--store", store, exit_code=2)
    mine.write_text(STUDY.replace("question", "# a comment\nquestion").replace("[20, 40]", "[20]"))
    toymanifold("export", str(mine), "--store", store, "--output", str(tmp_path / "x.csv"))
    monkeypatch.setattr("studies.results.plans.code_digest", lambda: "other code")
    assert "the package 'my_learner' is not allowed" in toymanifold("show", str(mine), "--store", store, exit_code=2)


@pytest.mark.parametrize("name", built_in())
def test_a_kept_plan_is_the_plan(name):
    study = built_in()[name]
    planned = plan_study(study)
    with Store("sqlite://") as store:
        assert not find_plan(study, store)
        keep_plan(study, store)
        again = built_in()[name]
        assert find_plan(again, store)
        assert plan_study(again) == planned
        assert [p.cell.key for p in plan_study(again)] == [p.cell.key for p in planned]


def test_the_plan_of_fixed_problems_is_not_that_of_fresh_ones(tiny):
    fresh = Study.model_validate(tiny.model_dump() | {"fresh_problems": True})
    with Store("sqlite://") as store:
        keep_plan(tiny, store)
        assert not find_plan(fresh, store)


@pytest.mark.parametrize(
    "plan",
    ["", "[]", "{}", "[[1, 2]]", '[["spiral", {}, "knn", null, {}, ["no such metric"]]]', "[" * 100_000],
)
def test_a_plan_that_is_not_one_of_the_study_is_a_miss(tiny, plan):
    with Store("sqlite://") as store:
        keep_plan(tiny, store)
        with store.database.writing() as connection:
            study = connection.exec_driver_sql("SELECT study FROM plans").scalar()
        store.keep_plan(study, code_digest(), plan)
        assert not find_plan(Study.model_validate(tiny.model_dump()), store)


def test_a_kept_plan_does_not_decide_what_is_fitted(tiny):
    """A store of others may name other learners in it."""
    with Store("sqlite://") as store:
        keep_plan(tiny, store)
        with store.database.writing() as connection:
            study, plan = connection.exec_driver_sql("SELECT study, plan FROM plans").one()
        found = json.loads(plan)
        found[0]["estimator"] = "sklearn.neighbors:RadiusNeighborsClassifier"
        store.keep_plan(study, code_digest(), json.dumps(found))
        other = Study.model_validate(tiny.model_dump())
        assert find_plan(other, store)
        results = Results(other, store)
        with pytest.raises(ValueError, match="the study 'tiny', as it is now, has no such cell"):
            results.estimator(results.cell("kNN", 20))


def test_a_data_file_that_cannot_be_read_is_a_miss(tiny, tmp_path, monkeypatch):
    """Then the study is checked, whose error has the reason."""
    (tmp_path / "my.csv").write_text("x,label\n" + "1,a\n2,b\n" * 50)
    problem = {"problem": "data", "params": {"path": str(tmp_path / "my.csv"), "target": "label"}}
    described = {**tiny.model_dump(exclude={"pictures", "metrics"}), "problems": {"mine": problem}}
    described |= {"sizes": [10], "gallery": [], "questions": [], "learners": {"a": {"estimator": "knn"}}}
    with Store("sqlite://") as store:
        keep_plan(Study.from_dict(described), store)
        again = Study.from_dict(described)
        assert find_plan(again, store)
        monkeypatch.setattr("studies.registry.data.MAX_BYTES", 10)
        assert not find_plan(again, store)
