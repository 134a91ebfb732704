"""A study of one's own may have the name of a built-in one, or be part of one: it has the claims of what it shares."""

from contextlib import suppress

import pandas as pd
import pytest
from matplotlib.figure import Figure

from studies.analysis.claims import CLAIMS, NotMeasured, check_claims
from studies.analysis.verdicts import VERDICTS
from studies.cli.tables import results_as_json, shown_results
from studies.plots.figures import study_figures
from studies.registry.plots import PLOTS
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study, built_in
from studies.store.store import Outcome, Store
from studies.web.report import render_report
from tests.studies.library.test_kept import RESULTS
from tests.studies.library.test_plots import ASKED, OWN

WITH_CLAIMS = sorted({check.study for check in CLAIMS.values()})


def own_study(name, **changes):
    study = {
        "name": name,
        "question": "Mine?",
        "seeds": 2,
        "sizes": [20, 40],
        "learners": {"kNN": {"estimator": "knn-1"}},
    }
    return Study.model_validate(study | changes)


def measured(study):
    """Return the results of a study whose cells all measured the same, and a little more with each seed."""
    store = Store("sqlite://")
    for p in plan_study(study):
        value = 0.7 + 0.01 * p.cell.seed
        store.add(Outcome(p.cell.key, p.cell.spec, "ok", dict.fromkeys(("accuracy", "mse", "accuracy_train"), value)))
    return Results(study, store)


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_study_of_one_learner_called_like_a_built_in_one_is_shown_without_claims(name):
    results = measured(own_study(name))
    shown = list(shown_results(results, 80, everything=True))
    assert [part for part in shown if not isinstance(part, str)]
    assert not [part for part in shown if isinstance(part, str) and part.startswith(tuple(VERDICTS.values()))]
    assert '"claims": []' in results_as_json(results)


def test_such_a_study_is_drawn_and_reported():
    results = measured(own_study("grokking"))
    assert [found.name for found in study_figures(results)] == ["learning-curves"]
    assert "grokking" in render_report(results)


def test_learners_labelled_as_in_a_built_in_study_do_not_make_its_claims():
    learners = {"least squares": {"estimator": "sklearn.linear_model:Ridge"}}
    problems = {"ball": {"problem": "sphere", "params": {"target": "linear", "task": "regression"}}}
    study = own_study("double-descent", learners=learners, problems=problems, sizes=[50, 90, 200])
    results = measured(study)
    assert check_claims("double-descent", results.frame())
    assert check_claims(study, results.frame()) == []


def test_a_copy_of_a_built_in_study_with_more_seeds_and_fewer_metrics_has_its_claims():
    copy = built_in()["label-noise"].model_copy(update={"seeds": 22, "metrics": ["accuracy"]})
    frame = measured(copy).frame()
    claims = check_claims(copy, frame)
    assert claims == check_claims("label-noise", frame) != []


def test_a_copy_with_other_problems_for_each_seed_does_not_have_its_claims():
    original = built_in()["label-noise"]
    copy = original.model_copy(update={"fresh_problems": not original.fresh_problems})
    assert check_claims(copy, measured(copy).frame()) == []


def test_a_copy_with_one_problem_is_labelled_as_the_original():
    original = built_in()["feature-learning"]
    kept = {"low-rank": original.problems["low-rank"]}
    learners = {
        label: learner.model_copy(update={"problems": None})
        for label, learner in original.learners.items()
        if "low-rank" in original.problems_of(learner)
    }
    copy = original.model_copy(update={"problems": kept, "learners": learners})
    frame = pd.read_csv(RESULTS / "data" / "feature-learning.csv")
    part = frame[frame["problem"] == "low-rank"]
    assert len(Results(copy, Store("sqlite://")).problems) == 1
    expected = check_claims("feature-learning", part)
    assert expected
    assert check_claims(copy, part.drop(columns="problem")) == expected


def parts(frame):
    """Yield parts of kept results: without a column, of one value of a column, without a learner, and a tenth."""
    for column in [name for name in frame if name not in ("metric", "value", "seed")]:
        yield frame[frame[column] == frame[column].dropna().iloc[0]]
        if column not in ("learner", "n_samples"):
            yield frame.drop(columns=column)
    yield from (frame[frame["learner"] != frame["learner"].iloc[0]], frame.sample(frac=0.1, random_state=0))


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_claims_of_part_of_the_results_are_made_or_not_measured(name):
    frame = pd.read_csv(RESULTS / "data" / f"{name}.csv")
    for part in parts(frame[frame["seed"] < 2]):
        check_claims(name, part)


@pytest.mark.parametrize(
    ("name", "plot"), [(name, spec.plot) for name in ASKED for spec in ASKED[name] if spec.plot in OWN]
)
def test_plots_of_results_without_axes_are_drawn_or_not_measured(name, plot, shown):
    frame = pd.read_csv(RESULTS / "data" / f"{name}.csv")
    part = frame[frame["seed"] < 2].drop_duplicates(["learner", "n_samples", "seed", "metric"])
    for columns in (["learner"], ["learner", "family"], ["learner", "family", "problem"]):
        with suppress(NotMeasured):
            there = [*(name for name in columns if name in part), "n_samples", "seed", "metric", "value"]
            own = part[there]
            own.attrs["study"] = name
            PLOTS[plot].draw(shown(own), Figure().subplots())
