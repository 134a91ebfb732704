import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier

from studies import SpecError, data_equivalence, measure_curves, plot_learning_curves, run_study, write_report
from studies.spec.cells import plan_study
from toymanifold import DataProblem, make_spiral, spiral_problem

IRIS = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_jobs", 0, ValueError),
        ("n_jobs", 1.5, TypeError),
        ("n_jobs", True, TypeError),
        ("time_limit", 0, ValueError),
        ("time_limit", float("nan"), ValueError),
        ("time_limit", float("inf"), ValueError),
        ("time_limit", "1", TypeError),
        ("memory_limit", -1, ValueError),
        ("memory_limit", 1e9, TypeError),
    ],
)
def test_bad_limits_are_refused_before_anything_is_written(tiny, tmp_path, name, value, error):
    with pytest.raises(error, match=f"The '{name}' parameter of run_study must be"):
        run_study(tiny, tmp_path / "results.db", **{name: value})
    assert not list(tmp_path.iterdir())


def test_a_study_is_run_and_what_is_stored_is_not_run_again(tiny, tmp_path):
    results = run_study(tiny, tmp_path / "results.db", n_jobs=2, time_limit=1e12)
    assert {outcome.status for _, outcome in results.outcomes()} == {"ok"}
    again = run_study(tiny, tmp_path / "results.db", n_jobs=2)
    assert len(results.outcomes()) == len(plan_study(tiny)) == len(again.outcomes())
    assert again.frame().equals(results.frame())


class Majority:
    """The smallest estimator: not one of scikit-learn."""

    def __init__(self, label=0):
        self.label = label

    def get_params(self, deep=True):
        return {"label": self.label}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.value_ = np.bincount(y).argmax()
        return self

    def predict(self, X):
        return np.full(len(X), self.value_)


def rings(n_samples, random_state, noise=0.1):
    rng = np.random.default_rng(random_state)
    y = rng.integers(2, size=n_samples)
    angle = rng.uniform(0, 2 * np.pi, n_samples)
    r = 1 + y + noise * rng.normal(size=n_samples)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)]), y


def learners():
    class Local(KNeighborsClassifier):
        pass

    return {
        "mine": make_pipeline(FunctionTransformer(lambda X: np.hypot(X[:, :1], X[:, 1:2])), Local(3)),
        "forest": RandomForestClassifier(n_estimators=5),
        "tuned": GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5]}, cv=KFold(3, shuffle=True)),
        "majority": Majority(),
    }


def values(results):
    frame = results.frame()
    return frame[~frame["metric"].str.endswith("seconds")].reset_index(drop=True)


def test_curves_of_objects_are_compared_drawn_and_reported(tmp_path):
    pool = DataProblem.from_generator(rings, pool=4000, noise=0.2)
    results = measure_curves(learners(), pool, sizes=[20, 80, 320], seeds=3)
    assert not results.failed()
    frame = values(results)
    means = frame[frame["metric"] == "accuracy"].groupby("learner")["value"].mean()
    assert means["mine"] > 0.95
    assert means["majority"] < 0.6
    assert "forest needs" in str(data_equivalence(results, "mine", "forest", n=20))
    assert plot_learning_curves(results)
    page = write_report(results, tmp_path / "page.html").read_text()
    assert "RandomForestClassifier(n_estimators=5)" in page
    assert "toymanifold run" not in page
    fitted = results.estimator(results.cell("forest", 80, seed=1))
    assert fitted.random_state == 1
    test_set = results.problem().test()
    cell = (frame["learner"] == "forest") & (frame["n_samples"] == 80) & (frame["seed"] == 1)
    assert frame[cell]["value"].item() == np.mean(fitted.predict(test_set[0]) == test_set[1])


def test_a_generator_is_called_for_a_pool_of_rows():
    for noise in (0.1, 2.0):
        results = measure_curves({"a": DecisionTreeClassifier()}, partial(rings, noise=noise), sizes=[20], seeds=1)
        assert results.problem().n_test_rows == 50_000
        assert (values(results)["value"] > 0.65).all() == (noise < 1)


def test_a_generator_of_ours_stands_for_its_problem():
    results = measure_curves({"a": DecisionTreeClassifier()}, partial(make_spiral, turns=2), sizes=[20], seeds=1)
    assert results.problem().target == spiral_problem(turns=2).target


def test_workers_and_this_process_measure_the_same_bit_for_bit():
    options = {"sizes": [20, 40], "seeds": 2}
    pool = DataProblem.from_generator(rings, pool=2000)
    here = measure_curves(learners(), {"rings": pool, "spiral": spiral_problem()}, **options)
    there = measure_curves(
        learners(), {"rings": pool, "spiral": spiral_problem()}, **options, n_jobs=2, time_limit=100.0
    )
    assert not here.failed() + there.failed()
    assert values(here).equals(values(there))
    cell = here.cell("mine", 40, problem="spiral")
    assert here.decision_map(cell).tolist() == there.decision_map(there.cell("mine", 40, problem="spiral")).tolist()


def test_objects_of_a_notebook_or_script_need_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from sklearn.datasets import load_iris\n"
        "from sklearn.neighbors import KNeighborsClassifier\n"
        "from studies import measure_curves\n"
        "class Mine(KNeighborsClassifier):\n"
        "    pass\n"
        "results = measure_curves({'mine': Mine(1)}, load_iris(return_X_y=True), sizes=[20, 50], seeds=2)\n"
        "print(results)\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert "curves: 8 of 8 cells measured, 0 failed." in ran.stdout, ran.stderr


def test_a_data_frame_with_strings_and_gaps_reaches_the_pipeline():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"colour": rng.choice(["red", "blue"], 200), "size": rng.normal(size=200)})
    y = np.where((X["colour"] == "red") & (X["size"] > 0), "yes", "no")
    X.loc[::7, "colour"] = None
    X.loc[::11, "size"] = np.nan
    encoded = make_column_transformer((OneHotEncoder(), ["colour"]), (SimpleImputer(), ["size"]))
    results = measure_curves(
        {"tree": make_pipeline(encoded, DecisionTreeClassifier())}, (X, y), sizes={"start": 20, "stop": 100}, seeds=2
    )
    assert not results.failed()
    assert values(results)["value"].min() > 0.6
    assert set(results.estimator(results.cell("tree", 20))[0].feature_names_in_) == {"colour", "size"}


def test_a_cell_that_fails_is_an_outcome_with_a_warning():
    failing = make_pipeline(FunctionTransformer(lambda X: 1 / 0), KNeighborsClassifier())
    with pytest.warns(UserWarning, match="2 of 6 cells failed"):
        results = measure_curves({"bad": failing, "kNN": KNeighborsClassifier(1)}, IRIS, sizes=[20], seeds=2)
    assert {outcome.error for _, outcome in results.failed()} == {"ZeroDivisionError: division by zero"}


def test_a_problem_that_fails_is_an_outcome_in_a_cell_and_an_error_before():
    class Broken(DataProblem):
        def sample(self, *_, **__):
            raise OSError("the disk is gone")

    with pytest.warns(UserWarning, match="2 of 4 cells failed"):
        results = measure_curves(
            {"kNN": KNeighborsClassifier(1)},
            {"broken": Broken.from_data(*IRIS), "iris": IRIS},
            sizes=[20],
            seeds=1,
        )
    failed = [(p.learner, p.problem, outcome.error) for p, outcome in results.failed()]
    assert failed == [(name, "broken", "OSError: the disk is gone") for name in ("kNN", "baseline")]
    with pytest.raises(ZeroDivisionError):
        measure_curves(learners(), lambda n_samples, random_state: 1 / 0, sizes=[20])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"learners": [KNeighborsClassifier()]}, TypeError, "'learners' parameter of measure_curves must be a dict"),
        ({"learners": {"a": KNeighborsClassifier}}, TypeError, r"learners\['a'\].* must be an estimator, with fit"),
        ({"learners": {"a": "knn"}}, TypeError, r"learners\['a'\].* Got 'knn' instead"),
        ({"learners": {}}, SpecError, "learners"),
        ({"learners": {"a\n": KNeighborsClassifier()}}, SpecError, "learners"),
        ({"learners": {"a": SVR()}}, SpecError, r"learners.a.estimator: must be for classification.*Got SVR\(\)"),
        ({"sizes": [20, 1]}, SpecError, "sizes"),
        ({"sizes": [20, 1000]}, SpecError, r"\Astudy: sizes: must be 113 or less, the number of training rows.*\Z"),
        ({"seeds": 0}, SpecError, "seeds: must be 1 or more"),
        ({"metrics": ["speed"]}, SpecError, "unknown metric 'speed'"),
        ({"problem": lambda n: None}, ValueError, "must have the parameters n_samples and random_state"),
        ({"problem": "spiral"}, TypeError, "'problem' parameter of measure_curves must be"),
        ({"worth": ["a"]}, TypeError, "'worth' parameter of measure_curves must be None or a dict"),
        ({"n_jobs": 0}, ValueError, "'n_jobs' parameter of measure_curves must be"),
        ({"time_limit": 1.0}, ValueError, "'time_limit' parameter.* n_jobs=2"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_its_name(arguments, error, message):
    given = {"learners": {"a": KNeighborsClassifier(), "b": KNeighborsClassifier(1)}, "problem": IRIS, "sizes": [20]}
    with pytest.raises(error, match=message):
        measure_curves(**given | arguments)


def test_an_estimator_that_cannot_be_cloned_is_refused_with_its_label():
    class Greedy(KNeighborsClassifier):
        def __init__(self, n_neighbors=5):
            super().__init__(n_neighbors + 1)

    with pytest.raises(ValueError, match=r"learners\['greedy'\].*sklearn.base.clone"):
        measure_curves({"greedy": Greedy()}, IRIS, sizes=[20])


def test_a_store_keeps_results_of_importable_code_only(tmp_path):
    url = tmp_path / "results.db"
    with pytest.raises(ValueError, match=r"'mine' can be measured in memory only \(store=None\)"):
        measure_curves(learners(), IRIS, sizes=[20], store=url)
    assert not url.exists()
    fitted = KNeighborsClassifier(3).fit(*IRIS)
    first = measure_curves({"kNN": fitted}, IRIS, sizes=[20, 50], seeds=2, store=url)
    again = measure_curves({"three": KNeighborsClassifier(3)}, IRIS, sizes=[20, 50], seeds=2, store=url)
    assert len(again.runs) == 1
    assert again.frame()["value"].equals(first.frame()["value"])  # with the times
    measure_curves(learners(), IRIS, sizes=[20], seeds=1, store="sqlite://")


def test_an_interrupt_ends_a_run_in_this_process():
    class Interrupted(KNeighborsClassifier):
        def fit(self, X, y):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_curves({"mine": Interrupted()}, IRIS, sizes=[20])


def test_the_report_of_curves_answers_what_a_prior_is_worth(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 2))
    y = (np.hypot(*X.T) > 0.7).astype(int)
    radius = FunctionTransformer(lambda X: np.hypot(X[:, :1], X[:, 1:]))
    learners = {"mine": make_pipeline(radius, KNeighborsClassifier(1)), "knn": KNeighborsClassifier(1)}
    results = measure_curves(learners, (X, y), sizes=[20, 60, 200], seeds=3, worth={"mine": "knn"})
    write_report(results, tmp_path / "page.html")
    assert "How many times the data is mine worth beside knn?" in (tmp_path / "page.html").read_text()
    with pytest.raises(ValueError, match=r"'accuracy' is not a loss, .* its loss is 'error'"):
        data_equivalence(results, "mine", "knn", n=60, metric="accuracy")
    with pytest.raises(ValueError, match="no 'mse' of 'mine' is in the frame; its losses are 'error'"):
        data_equivalence(results, "mine", "knn", n=60, metric="mse")
