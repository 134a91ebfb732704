"""The tables and lines of `toymanifold show` agree with the findings, laws and crossovers."""

import json

import matplotlib
import numpy as np
import pytest

from studies.analysis.crossovers import find_crossovers
from studies.analysis.findings import find
from studies.analysis.intervals import number
from studies.analysis.learning_curves import learning_curve
from studies.analysis.scaling_laws import fit_scaling
from studies.cli.tables import comparisons, measurements, results_as_json, scalings, write_figures
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web.report import render_report
from studies.web.wording import highlights


def cells(table, column):
    return list(table.columns[column].cells)


def test_exponents_and_floors_are_those_of_the_laws(worth_results, worth):
    (table,) = scalings(worth_results)
    assert cells(table, 0) == list(worth.learners)
    law = fit_scaling(learning_curve(worth_results.frame(), "kNN"))
    exponent = cells(table, 1)[2]
    assert exponent == f"{number(law.exponent.mean)} [{number(law.exponent.low)}, {number(law.exponent.high)}]"
    assert cells(table, 3)[2] == law.chosen.model.formula
    assert cells(table, 2)[2].startswith("0 %")


def test_a_reason_that_all_learners_share_is_given_once(worth_results, worth):
    (table,) = scalings(Results(worth.model_copy(update={"seeds": 2}), worth_results.store))
    assert [row[0] for row in zip(cells(table, 0), strict=True)] == ["all learners"]
    assert cells(table, 3) == ["none: 2 seeds, 3 needed"]


def test_a_study_of_one_size_has_no_table_of_laws(worth_results, worth):
    learners = {name: spec.model_copy(update={"sizes": (100,)}) for name, spec in worth.learners.items()}
    one = Results(worth.model_copy(update={"sizes": (100,), "learners": learners}), worth_results.store)
    assert scalings(one) == []


def test_worths_are_those_of_the_findings(worth_results, worth):
    (found,) = find(worth, worth_results.frame())
    lines = comparisons(worth_results)
    for line, highlight in zip(lines, highlights(found), strict=False):
        assert line.startswith(f"{highlight.label}: {highlight.value}")
        assert highlight.detail in line
    assert lines[0].startswith("Worth of the polar prior to net at n = 1,000: 4 times the data [")


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
    assert f"Where steep and flat cross: {found}." in comparisons(crossing)


def test_measurements_say_how_their_intervals_hold_for_samples_of_one_data_set(worth_of_rows, worth_results):
    (drawn,), (fresh,) = measurements(worth_of_rows), measurements(worth_results)
    assert str(drawn.caption).startswith("Training samples are drawn from the 100,000 rows of one data set.")
    assert fresh.caption is None
    assert cells(drawn, 2)[-1] == cells(fresh, 2)[-1].split()[0]  # of all rows


def test_errors_by_bin_are_not_columns_of_the_table(crossing):
    (table,) = measurements(crossing)
    assert [column.header for column in table.columns] == ["n", "learner", "error %", "seeds"]


def test_results_as_json_have_counts_answers_and_means(worth_results):
    shown = json.loads(results_as_json(worth_results))
    assert shown["cells"] == {"planned": 51, "measured": 51, "failed": 0}
    assert len(shown["answers"]) == 2
    (mean,) = (
        row for row in shown["means"] if (row["learner"], row["n_samples"], row["metric"]) == ("kNN", 1000, "error")
    )
    assert mean["low"] < mean["mean"] < mean["high"]
    assert mean["seeds"] == 3


def test_figures_and_report_do_not_depend_on_the_users_style(worth_results, tmp_path):
    """LaTeX is not installed here, and would refuse labels with an underscore anyway."""
    pages = [render_report(worth_results)]
    with matplotlib.rc_context({"text.usetex": True, "figure.dpi": 300, "axes.facecolor": "red"}):
        assert write_figures(worth_results, tmp_path, ["learning-curves"])[0].startswith("wrote ")
        pages.append(render_report(worth_results))
    assert pages[0] == pages[1]
