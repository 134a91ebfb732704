"""A study of the user's own problem, data, learner, prior, metric and picture, from a folder outside the repository."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies import Study, run_study
from studies.results.results import Results
from studies.store.store import Store

MINE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from studies import metric

class Radius(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        return np.hypot(*np.asarray(X).T)[:, None]

def make_rings(n_samples=100, width=0.3, random_state=None):
    X = np.random.default_rng(random_state).normal(size=(n_samples, 2))
    return X, (np.hypot(*X.T) / width % 2).astype(int)

def make_logistic(C=1.0):
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer((words, ["colour"]), (numbers, ["size"]))
    return make_pipeline(columns, LogisticRegression(C=C))

@metric("1", title="Share of class 1", best=0.5)
def share_of_ones(fitted) -> float:
    return float(np.mean(fitted.predict(fitted.tests.density) == 1))

def plot_mine(results, ax=None, *, learner: str):
    rows = results.frame().query("metric == 'accuracy' and learner == @learner")
    ax.plot(rows["n_samples"], 1 - rows["value"], "o")
    return ax
"""

STUDY = """
name = "mine"
question = "How much is my prior worth on my data?"
sizes = [20, 40, 80]
seeds = 2
metrics = ["accuracy", "balanced_accuracy", "mine_own:share_of_ones"]

[problems.rings]
problem = "mine_own:make_rings"
params = { width = 0.5, pool = 8000 }
[problems.moons]
problem = "sklearn.datasets:make_moons"
params = { noise = 0.2, pool = 8000 }
[problems.table]
problem = "data"
params = { path = "table.csv", target = "label" }
[problems.digits]
problem = "sklearn.datasets:load_digits"

[learners.knn]
estimator = "knn"
problems = ["rings", "moons", "digits"]
[learners.knn-mine]
estimator = "knn"
prior = "mine_own:Radius"
problems = ["rings", "moons"]
[learners.logistic]
estimator = "mine_own:make_logistic"
problems = ["table"]
[learners.svm]
estimator = "svm"
search = { params = { C = [1, 10] }, cv = 2 }
problems = ["digits"]

[[questions]]
worth = { prior = "knn-mine", of = "knn" }
[[pictures]]
plot = "mine_own:plot_mine"
learner = "knn"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a study, its module and its data, which is the current one."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine_own.py").write_text(MINE)
    (folder / "mine.toml").write_text(STUDY)
    rng = np.random.default_rng(0)
    size, colour = rng.normal(size=600), rng.choice(["red", "green"], 600)
    label = np.where(size + (colour == "red") > 0.5, "yes", "no")
    frame = pd.DataFrame({"size": size, "colour": colour, "label": label})
    frame.loc[::7, "size"], frame.loc[::11, "colour"] = None, None
    frame.to_csv(folder / "table.csv", index=False)
    before, path = Path.cwd(), [*sys.path]
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
    sys.modules.pop("mine_own", None)


@pytest.fixture(scope="module")
def ran(folder, toymanifold):
    return toymanifold("run", "mine.toml", "--allow", "mine_own", "--store", "own.db", "--quiet")


def test_what_was_measured_is_shown_without_running_its_code(folder, ran, toymanifold):
    sys.modules.pop("mine_own", None)
    shown = toymanifold("show", "mine.toml", "--pictures", "--store", "own.db")
    assert "mine_own" not in sys.modules
    assert "rings: How many times the data is knn-mine worth beside knn? The Radius prior was worth " in shown
    assert "no figure picture-1-mine_own-plot_mine" in shown  # its code is not allowed here
    assert "decision-regions" not in shown


def test_all_of_it_is_in_the_report(folder, ran, toymanifold):
    toymanifold("report", "mine.toml", "--allow", "mine_own", "--store", "own.db", "--output", "page.html")
    page = Path("page.html").read_text()
    texts = ("Share of class 1", "rows of one data set", "balanced accuracy", "Error on the test rows")
    assert all(text in page for text in texts)
    shown = toymanifold("show", "mine.toml", "--allow", "mine_own", "--all", "--pictures", "--store", "own.db")
    assert "Share of class 1" in shown  # its own title
    assert "picture-1-mine_own-plot_mine-rings.png" in shown or "picture-1-mine_own-plot_mine.png" in shown


def test_an_edited_module_or_file_is_measured_again(folder, ran, toymanifold):
    words = ("run", "mine.toml", "--allow", "mine_own", "--store", "own.db", "--dry-run")
    assert "0 cells to do" in toymanifold(*words)
    for name in ("mine_own.py", "table.csv"):
        file, text = folder / name, (folder / name).read_text()
        file.write_text(text + ("# edited\n" if name.endswith("py") else "1,red,no\n"))
        sys.modules.pop("mine_own", None)
        assert "0 cells to do" not in toymanifold(*words)
        refused = toymanifold("show", "mine.toml", "--store", "own.db", exit_code=2)
        assert "no plan of this study with its code and files as they are now" in refused
        file.write_text(text)
    sys.modules.pop("mine_own", None)
    assert "0 cells to do" in toymanifold(*words)


def test_the_same_on_two_dask_workers(folder, ran, dask_address):
    study = Study.from_toml("mine.toml", allow="mine_own")
    with Store("own.db") as here, Store("dask.db") as there:
        found = run_study(study, there, executor=dask_address)
        expected = Results(study, here).frame()
        pd.testing.assert_frame_equal(found.frame(), expected)


def test_a_cell_names_its_code_and_the_rows_of_its_data(folder, ran):
    with Store("own.db") as store:
        results = Results(Study.from_toml("mine.toml", allow="mine_own"), store)
        specs = {p.learner: json.loads(outcome.spec) for p, outcome in results.outcomes()}
        codes = {outcome.foreign_code for p, outcome in results.outcomes() if p.learner == "logistic"}
    assert specs["logistic"]["rows"] == [450, 150]
    assert specs["logistic"]["code"].keys() == {"mine_own"}
    assert [json.loads(code).keys() for code in codes] == [{"mine_own"}]
    assert specs["svm"]["search"] == {"cv": 2, "params": {"C": [1, 10]}}
