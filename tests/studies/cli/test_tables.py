"""What `toymanifold show` prints fits the terminal, and agrees with the findings, laws and crossovers."""

import io
import json

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from studies.analysis.claims import Claim
from studies.analysis.crossovers import find_crossovers
from studies.analysis.findings import find
from studies.analysis.intervals import Interval, number
from studies.analysis.learning_curves import learning_curve
from studies.analysis.scaling_laws import fit_scaling
from studies.cli.tables import as_records, compact, means, results_as_json, shown_results
from studies.plots.figures import write_figures
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.sections import Question, Worth
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web.report import render_report
from studies.web.wording import highlights, worth_lines


def lines(results, *, everything=False):
    return [part for part in shown_results(results, 80, everything=everything) if isinstance(part, str)]


def tables(results, width=80, *, everything=False):
    return [part for part in shown_results(results, width, everything=everything) if isinstance(part, Table)]


def cells(table, column):
    return list(table.columns[column].cells)


def headings(table):
    return [str(column.header) for column in table.columns]


def rendered(table, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def test_the_answers_come_first_then_one_table(worth_results):
    shown = list(shown_results(worth_results, 80))
    assert shown[0] == "worth: What is the prior worth?"
    assert shown[2].startswith("Does the prior help? Yes: ")
    assert [isinstance(part, Table) for part in shown].count(True) == 1
    assert lines(worth_results)[-2] == "5 of 7 sizes; --all prints all."


@pytest.mark.parametrize("width", [30, 80, 200])
@pytest.mark.parametrize("everything", [False, True])
def test_tables_fit_the_terminal_and_nothing_is_cut(worth_results, width, everything):
    for table in tables(worth_results, width, everything=everything):
        text = rendered(table, width)
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width


def test_all_sizes_of_all_metrics_are_printed_once(worth_results):
    (*measured, laws) = tables(worth_results, everything=True)
    sizes = [heading for table in measured for heading in headings(table)[1:]]
    assert sizes == 3 * [f"n={n:,}" for n in worth_results.study.sizes]
    assert headings(laws) == ["learner", "exponent, last decade", "exponent, law", "floor", "law"]
    (whole,) = tables(worth_results, 200)
    assert cells(whole, 1) == cells(measured[0], 1)


def test_a_folded_table_has_the_size_that_all_learners_have_and_those_of_questions(worth_results):
    (table,) = tables(worth_results, 45)
    assert headings(table) == ["learner", "n=1,000", "n=10,000"]


def test_more_learners_than_fit_a_screen_are_folded_to_those_with_the_smallest_errors(tmp_path):
    learners = {"kNN": {"estimator": "knn", "params": {"n_neighbors": list(range(1, 41))}}}
    study = Study.from_dict({"name": "x", "question": "?", "seeds": 2, "sizes": [100], "learners": learners})
    with Store("sqlite://") as store:
        for planned in plan_study(study):
            values = {"accuracy": planned.axes["n_neighbors"] / 100 + planned.cell.seed / 1e4}
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
        results = Results(study, store)
        (table,) = tables(results)
        assert cells(table, 0) == [f"kNN, n_neighbors={k}" for k in range(40, 20, -1)]
        assert "the 20 of 40 learners with the smallest values at n = 100; --all prints all." in lines(results)
        assert len(cells(tables(results, everything=True)[0], 0)) == 40


def test_claims_are_counted_and_listed_with_all(monkeypatch, worth_results):
    claim = Claim("Sky is blue.", "A paper", "above 0", "by 3 [2, 4] points", True, changed="the hue")
    monkeypatch.setattr("studies.cli.tables.check_claims", lambda *_: [claim])
    assert lines(worth_results)[-1] == "Of 1 claim 1 is supported. --all lists them."
    assert lines(worth_results, everything=True)[-1] == (
        "supported: Sky is blue (A paper). Tolerated: above 0 (changed: the hue). Measured: by 3 [2, 4] points."
    )


@given(st.floats(1e-9, 1e6), st.floats(0, 1), st.floats(0, 3))
def test_a_compact_interval_is_short_and_covers_the_interval_as_far_as_its_digits(mean, below, above):
    interval = Interval(mean, mean * (1 - below), mean * (1 + above))
    text = compact(interval)
    if "±" in text:
        center, half = (float(part.replace(",", "")) for part in text.split("±"))
        assert center == pytest.approx(mean, rel=0.01, abs=half)
        assert half == pytest.approx(mean * max(below, above), rel=0.5)


@pytest.mark.parametrize(("mean", "text"), [(5000, "5,000"), (999.7, "1,000"), (999.4, "999"), (0.29512, "0.295")])
def test_a_number_without_an_interval_has_no_exponent(mean, text):
    assert compact(Interval(mean, mean, mean)) == compact(Interval(mean, np.nan, np.nan)) == text


def test_exponents_and_floors_are_those_of_the_laws(worth_results, worth):
    table = tables(worth_results, everything=True)[-1]
    assert cells(table, 0) == list(worth.learners)
    law = fit_scaling(learning_curve(worth_results.frame(), "kNN"))
    assert cells(table, 1)[2] == f"{law.curve.local_exponent():.2f}"
    assert cells(table, 2)[2] == f"{law.exponent:.2f}"
    assert cells(table, 3)[2] == f"none above {number(100 * law.largest_floor)} % needed"
    assert cells(table, 4)[2] == law.chosen.model.formula


def test_a_reason_that_all_learners_share_is_given_once(worth_results, worth):
    results = Results(worth.model_copy(update={"seeds": 2}), worth_results.store)
    table = tables(results, everything=True)[-1]
    assert headings(table) == ["learner", "exponent, last decade"]
    assert cells(table, 0) == list(worth.learners)
    assert "No scaling law is claimed: 2 seeds, 3 needed" in lines(results, everything=True)


def test_a_study_of_one_size_has_its_metrics_side_by_side_and_no_table_of_laws(worth_results, worth):
    learners = {name: spec.model_copy(update={"sizes": (100,)}) for name, spec in worth.learners.items()}
    one = Results(worth.model_copy(update={"sizes": (100,), "learners": learners}), worth_results.store)
    assert headings(tables(one)[0]) == ["learner", "error %", "uniform %", "fit s"]
    assert len(tables(one, everything=True)) == 3


def test_worths_are_those_of_the_findings(worth_results, worth):
    (found,) = find(worth, worth_results.frame())
    first, second, *_ = lines(worth_results)[4:]
    (worth_line,), (_, competitor) = worth_lines(found), highlights(found)
    assert first == worth_line
    assert first.startswith("The polar prior was worth 4 [")
    assert second.startswith(f"{competitor.label} {competitor.value}")
    assert competitor.detail in second


def test_a_worth_that_is_an_answer_is_not_repeated(worth_results, worth):
    asked = Question(worth=Worth(prior="net + polar", of="net", n_samples=1000))
    study = worth.model_copy(update={"questions": (*worth.questions, asked)})
    shown = lines(Results(study, worth_results.store))
    assert sum("net needs 4,000" in line for line in shown) == 1
    assert any(line.startswith("kNN matches net + polar") for line in shown)


@pytest.mark.parametrize("everything", [False, True])
def test_a_mean_of_0_is_explained_below_its_table(everything):
    learners = {"kNN": {"estimator": "knn-1"}}
    study = Study.from_dict({"name": "x", "question": "?", "seeds": 2, "sizes": [10, 100], "learners": learners})
    with Store("sqlite://") as store:
        for planned in plan_study(study):
            values = {"accuracy": 1.0 if planned.cell.n_samples == 100 else 0.5, "fit_seconds": 0.0}
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
        shown = lines(Results(study, store), everything=everything)
    assert shown.count("0: none in 50,000 test points wrong.") == 1


@pytest.fixture
def crossing(tmp_path):
    """Results in which one curve crosses another, with errors by bin."""
    sizes = [100, 300, 1000, 3000, 10_000]
    learners = {"steep": {"estimator": "knn-1"}, "flat": {"estimator": "knn-5"}}
    study = Study.from_dict({"name": "x", "question": "?", "seeds": 3, "sizes": sizes, "learners": learners})
    with Store(f"sqlite:///{tmp_path}/x.db") as store:
        for planned in plan_study(study):
            cell, steep = planned.cell, planned.learner == "steep"
            wrong = (
                0.1 * (cell.n_samples / 1000) ** (-0.8 if steep else -0.3) * (1 + 0.02 * np.sin(5 * cell.seed + steep))
            )
            values = {"accuracy": 1 - wrong, "error_density_1": wrong}
            store.add(Outcome(cell.key, cell.spec, "ok", values, seconds=1.0))
        yield Results(study, store)


def test_crossovers_are_those_of_the_primary_metric(crossing):
    (found,) = find_crossovers(crossing.frame())
    assert f"Where steep and flat cross: {found}." in lines(crossing, everything=True)


def test_samples_of_one_data_set_are_explained_and_all_of_its_rows_have_no_interval(worth_of_rows, worth_results):
    explained = "Training samples are drawn from the 100,000 rows of one data set."
    assert any(line.startswith(explained) for line in lines(worth_of_rows))
    assert not any(line.startswith(explained) for line in lines(worth_results))
    (drawn,), (fresh,) = tables(worth_of_rows), tables(worth_results)
    assert headings(drawn)[-1] == "n=100,000"
    assert any(line.startswith("n = 100,000 is all rows, the same for each seed") for line in lines(worth_of_rows))
    assert "±" in cells(fresh, -1)[-2]
    assert "±" not in cells(drawn, -1)[-2]


def test_problems_of_which_each_seed_has_its_own_are_named():
    described = {"name": "x", "question": "?", "seeds": 2, "sizes": [20], "learners": {"a": {"estimator": "knn-1"}}}
    spiral, fixed = {"problem": "spiral"}, {"problem": "concentric-spheres"}
    for problems, own in [({"b": spiral}, "problem"), ({"b": spiral, "c": fixed, "d": spiral}, "b, d")]:
        study = Study.from_dict({**described, "problems": problems, "fresh_problems": True})
        with Store("sqlite://") as store:
            for planned in plan_study(study):
                store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.5}))
            assert lines(Results(study, store))[1] == f"Each seed has its own {own}."


def test_errors_by_bin_are_not_printed(crossing):
    assert not any("density" in line for line in lines(crossing, everything=True))


def test_the_csv_has_the_means_and_intervals(worth_results):
    found = means(worth_results)
    assert list(found.columns) == ["learner", "n_samples", "metric", "mean", "low", "high", "seeds", "problem"]
    assert len(found) == 3 * 17 + 7, "and the error of the baseline"


def test_results_as_json_have_counts_answers_and_means(worth_results):
    shown = json.loads(results_as_json(worth_results))
    assert shown["cells"] == {"planned": 72, "measured": 72, "failed": 0, "missing_seeds": []}
    assert len(shown["answers"]) == 2
    (mean,) = (
        row for row in shown["means"] if (row["learner"], row["n_samples"], row["metric"]) == ("kNN", 1000, "error")
    )
    assert mean["low"] < mean["mean"] < mean["high"]
    assert mean["seeds"] == 3


def test_records_have_all_digits_and_none_for_no_number():
    table = pd.DataFrame({"value": [1.537866123456e-16, np.nan], "n": [3, 4]})
    assert json.loads(json.dumps(as_records(table))) == [{"value": 1.537866123456e-16, "n": 3}, {"value": None, "n": 4}]


def test_figures_and_report_do_not_depend_on_the_users_style(worth_results, tmp_path):
    """LaTeX is not installed here, and would refuse labels with an underscore anyway."""
    pages = [render_report(worth_results)]
    with matplotlib.rc_context({"text.usetex": True, "figure.dpi": 300, "axes.facecolor": "red"}):
        assert write_figures(worth_results, tmp_path, ["learning-curves"])[0].startswith("wrote ")
        pages.append(render_report(worth_results))
    assert pages[0] == pages[1]


def test_values_of_a_metric_that_is_not_measured_any_more_are_shown_and_exported(
    tiny, sqlite_url, tmp_path, toymanifold
):
    study = tmp_path / "tiny.toml"
    study.write_text(tiny.to_toml(), encoding="utf-8")
    with Store(sqlite_url) as store:
        for planned in plan_study(tiny):
            values = {"accuracy": 0.75, "accuracy_uniform": 0.625, "accuracy_sparse": 0.5 + 0.125 * planned.cell.seed}
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
    shown = toymanifold("show", str(study), "--all", "--store", sqlite_url)
    assert "sparsest %, mean of 2 seeds" in shown
    assert toymanifold("run", str(study), "--dry-run", "--store", sqlite_url).count(" 0     2 ") == 3
    toymanifold("export", str(study), "--store", sqlite_url, "--output", str(tmp_path / "export.csv"))
    exported = pd.read_csv(tmp_path / "export.csv")
    assert exported.loc[exported["metric"] == "accuracy_sparse", "value"].tolist() == [0.5, 0.625] * 3
