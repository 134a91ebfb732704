"""The page as text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

from studies.analysis.claims import Claim, check_claims
from studies.cli import main as cli
from studies.library.depth import log_gradient
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from studies.store.provenance import collect
from studies.store.store import Outcome, Store
from studies.web.report import ReportError, render_report
from studies.web.wording import verdicts

HARMFUL = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"quotes\" & 'apostrophes'",
    "{{ 7 * 7 }} ${7 * 7} <!-- ",
    "🦊 émoji ‮txet",
    "very" + "long" * 20,
)


class Page(HTMLParser):
    """The tags, texts and scripts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.scripts = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        return json.loads(next(script for script in self.scripts if script.lstrip().startswith("{")))


def renamed(study, names):
    """The study with its learners' labels replaced, and as many more kNN as there are names left."""
    learners = dict(zip(names, [*study.learners.values(), *[study.learners["kNN"]] * len(names)], strict=False))
    labels = dict(zip(study.learners, names, strict=False))
    questions = [
        question.model_copy(
            update={
                end: getattr(question, end).model_copy(update={"learner": labels[getattr(question, end).learner]})
                for end in ("a", "b")
            }
        )
        for question in study.questions
    ]
    return study.model_copy(update={"learners": learners, "questions": tuple(questions)})


def test_a_page_needs_nothing_but_itself(worth_results):
    page = Page(render_report(worth_results))
    addresses = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href", "srcset")]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert {tag for tag, _ in page.tags}.isdisjoint({"iframe", "object", "embed", "base", "form"})
    assert "@import" not in page.text
    assert re.search(r"url\((?!#)", page.text) is None  # but for parts of the page itself


def test_the_answer_comes_before_everything_else(worth_results):
    text = Page(render_report(worth_results)).text
    answer = text.index("The polar prior was worth 4 [")
    assert text.index("What is the prior worth?") < answer < text.index("Learning curves")
    assert answer < text.index("kNN needs 10,000 [") < text.index("Learning curves")


def test_the_picture_of_a_worth_is_under_the_answer(worth_results, worth):
    page = render_report(worth_results)
    picture = page.index('aria-label="At n = 1,000, the polar prior is worth 4 times the data: net needs 4,000 [')
    assert page.index('class="headline"') < picture < page.index(">Learning curves<")
    alone = worth.model_copy(update={"learners": {"kNN": worth.learners["kNN"]}, "questions": ()})
    assert "prior is worth" not in render_report(Results(alone, worth_results.store))


@pytest.fixture
def of_phenomenon(tmp_path):
    """The results of the study `depth`, invented: gradients as in theory, and nets of one sample size."""
    study = built_in()["depth"].model_copy(update={"seeds": 2})
    store = Store(f"sqlite:///{tmp_path}/results.db")
    for p in plan_study(study):
        size = np.exp(log_gradient(p.axes.get("activation", "relu"), p.axes.get("init_scale") or 1.0, p.axes["depth"]))
        norms = {f"gradient_norm_{layer}": size * (1 + 0.01 * p.cell.seed) for layer in range(1, p.axes["depth"] + 2)}
        store.add(Outcome(p.cell.key, p.cell.spec, "ok", {"accuracy_train": 0.5 + 0.01 * p.cell.seed, **norms}))
    return Results(study, store)


def test_a_study_of_a_phenomenon_begins_with_claims_and_its_own_plots(of_phenomenon):
    text = Page(render_report(of_phenomenon)).text
    claims = check_claims("depth", of_phenomenon.frame())
    lead = text.index(verdicts(claims))
    table = text.index("Claims of the literature")
    assert lead < table < text.index("Plots of this study") < text.index("Measurements")
    assert all(text.count(claim.says) == text.count(f"{claim.says} {claim.verdict}") == 1 for claim in claims)


def test_one_sample_size_is_a_table_without_a_curve(of_phenomenon):
    page = Page(render_report(of_phenomenon))
    assert "Learning curves" not in page.text
    assert "85 learners were measured with 500 training points." in page.text
    assert not [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("class") == "curves"]


def test_claims_follow_the_answer_where_the_study_has_no_plot_of_its_own(worth_results, monkeypatch):
    claim = Claim("Priors help.", "folklore", "a lower error", "by 1.0 [0.9, 1.1] points", None, "2 would be", "the n")
    monkeypatch.setattr("studies.web.report.check_claims", lambda study, frame: [claim])
    text = Page(render_report(worth_results)).text
    assert text.index("The polar prior was worth") < text.index("Learning curves") < text.index("Priors help.")
    assert all(shown in text for shown in ("inconclusive", "; 2 would be", "a lower error (changed: the n)"))


def test_every_mean_is_in_a_table_and_in_the_data_of_the_script(worth_results):
    page = Page(render_report(worth_results))
    curves = page.data["metrics"]["error"]["curves"]
    texts = [point["text"] for curve in curves for point in curve["points"]]
    assert len(texts) == 5 + 5 + 7
    assert all(text in page.text for text in texts)
    assert page.text.count("not run") == 3 * 2 * 2


def test_a_page_says_how_its_intervals_hold_for_samples_of_one_data_set(worth_of_rows, worth_results):
    page = Page(render_report(worth_of_rows))
    assert "drawn from the 100,000 rows of one data set. Intervals are corrected for their overlap" in page.text
    assert "on 500 test rows each, the same for all learners" in page.text
    assert page.data["metrics"]["error"]["zero"] == "none in 500"
    fresh = Page(render_report(worth_results))
    assert "overlap" not in fresh.text
    assert "on 50,000 fresh test points each, the same for all learners" in fresh.text


def test_a_page_says_of_which_problems_each_seed_has_its_own(worth, tmp_path):
    errors = dict.fromkeys(worth.learners, 0.1)
    assert "intervals over 3 paired seeds." in Page(render_of(worth, tmp_path, errors)).text
    own = worth.model_copy(update={"fresh_problems": True})
    assert "over 3 paired seeds, each with its own problem." in Page(render_of(own, tmp_path, errors)).text


def test_a_page_of_one_seed_is_json_without_intervals(worth_results, worth):
    one = Results(worth.model_copy(update={"seeds": 1}), worth_results.store)
    points = Page(render_report(one)).data["metrics"]["error"]["curves"][0]["points"]
    assert {(point["low"], point["high"]) for point in points} == {(None, None)}


def test_names_are_text_whatever_they_are(worth, tmp_path):
    study = renamed(worth, HARMFUL)
    harmless = Page(render_of(study, tmp_path, dict.fromkeys(HARMFUL, 0.1)))
    plain = Page(render_of(renamed(worth, "abcdef"), tmp_path, dict.fromkeys("abcdef", 0.1)))
    drawing = {"g", "path", "use", "text", "defs", "clippath", "rect"}  # long names stand in the legend of a picture
    tags = [[tag for tag, _ in page.tags if tag not in drawing] for page in (harmless, plain)]
    assert tags[0] == tags[1]
    assert [learner["name"] for learner in harmless.data["learners"]] == list(HARMFUL)
    shown = "".join(harmless.texts)
    assert all(name in shown for name in HARMFUL)
    assert not any(key.startswith("on") for _, attrs in harmless.tags for key in attrs)


def render_of(study, tmp_path, errors, status="ok"):
    with Store(f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}.db") as store:
        for planned in plan_study(study):
            cell = planned.cell
            ending = {"values": {"accuracy": 1 - errors[planned.learner]}}
            if cell.seed == 0 and status != "ok":
                ending = {"error": f"{status}: <b>{planned.learner}</b>", "traceback": "line\n" * 5000}
            store.add(Outcome(cell.key, cell.spec, "ok" if "values" in ending else status, **ending))
        return render_report(Results(study, store))


def test_failures_are_shown_once_for_each_kind_with_error_and_traceback(worth, tmp_path):
    page = render_of(worth, tmp_path, dict.fromkeys(worth.learners, 0.1), status="timeout")
    text = Page(page).text
    assert "34 of 72 cells are measured, 17 failed" in text
    assert "timeout: <b>net + polar</b>" in text
    assert text.count("net + polar, n = 1,000, seed 0") == 1
    assert text.count("Traceback") == 3
    assert len(page) < 300_000


def test_each_run_with_cells_is_shown_with_its_machine_and_versions(worth, tmp_path):
    with Store(f"sqlite:///{tmp_path}/runs.db") as store:
        first, second, _ = (store.begin_run(replace(collect("worth", 3), command=f"command {i}")) for i in range(3))
        for place, planned in enumerate(plan_study(worth)):
            outcome = Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.9})
            store.add(outcome, first if place < 40 else second)
        text = Page(render_report(Results(worth, store))).text
    versions = f"numpy {np.__version__}"
    assert re.findall(r"(\d+) cells? by (command \d), on [^;]*; [^;]*?(numpy [\d.]+)", text) == [
        ("40", "command 0", versions),
        ("11", "command 1", versions),
    ]


def test_the_commands_that_make_the_page_again_are_on_it(worth_results):
    commands = ["toymanifold run 'my study.toml' --allow lightgbm", "toymanifold report 'my study.toml'"]
    assert " ".join(commands) in Page(render_report(worth_results, commands)).text
    assert "toymanifold run worth toymanifold report worth" in Page(render_report(worth_results)).text


def test_a_study_measured_in_part_says_so(worth_results, worth):
    more = Results(worth.model_copy(update={"seeds": 4}), worth_results.store)
    assert "72 of 96 cells are measured" in Page(render_report(more)).text


def test_nothing_measured_is_nothing_to_report(worth, tmp_path):
    with Store(f"sqlite:///{tmp_path}/empty.db") as store, pytest.raises(ReportError, match="toymanifold run worth"):
        render_report(Results(worth, store))


def test_failed_cells_alone_are_nothing_to_report(worth, sqlite_url):
    with Store(sqlite_url) as store:
        for planned in plan_study(worth):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "error", error="ValueError: no"))
        with pytest.raises(
            ReportError, match=r"51 cells of worth that have run failed:\n51 cells, error: ValueError: no"
        ):
            render_report(Results(worth, store))


def test_the_page_stays_small(worth, tmp_path):
    names = [f"learner {i}" for i in range(40)]
    study = renamed(worth, names).model_copy(update={"seeds": 1})
    assert len(render_of(study, tmp_path, dict.fromkeys(names, 0.1)).encode()) < 1_000_000


@pytest.fixture
def command(monkeypatch, worth, worth_url, tmp_path):
    monkeypatch.setattr("studies.spec.study.built_in", lambda: {"worth": worth})
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli.app, ["report", "worth", "--store", worth_url, *words])


def test_the_command_writes_the_page_beside_the_plots(command, worth_url, tmp_path):
    written = command("--quick")
    path = tmp_path / "toymanifold-results" / "worth" / "report.html"
    assert written.exit_code == 0
    assert "report.html: 0." in written.output
    text = Page(path.read_text(encoding="utf-8")).text
    assert f"toymanifold run worth --quick --store {worth_url}" in text


def test_the_command_writes_to_output(command, tmp_path):
    assert command("--output", "a folder/page.html", "--seeds", "2").exit_code == 0
    text = Page((tmp_path / "a folder" / "page.html").read_text(encoding="utf-8")).text
    assert "toymanifold report worth --seeds 2 --store " in text


def test_a_page_that_cannot_be_written_is_one_clear_error(command, tmp_path):
    (tmp_path / "file").touch()
    refused = command("--output", "file/page.html")
    assert refused.exit_code == 2
    assert "error: " in refused.stderr
