"""The page as a reader has it before them: in a real browser, headless, without network."""

import re

import numpy as np
import pytest

from studies.registry.bins import BY
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web.report import render_report

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
LABELS = ["net", "net + polar", "kNN"]


@pytest.fixture(scope="module")
def address(worth_results, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_report(worth_results), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def open_page(browser, address):
    """Open a page; whatever it logs or asks of the network is an error."""
    contexts, complaints = [], []

    def opened(at=address, **options):
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("data:", at)) or complaints.append(request.url))
        page.goto(at)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    return open_page()


def shown(page):
    """The learners whose curves have colours."""
    return [
        LABELS[int(place)]
        for place in page.locator(".curves:visible .curve:not(.background)").evaluate_all(
            "curves => curves.map(curve => curve.dataset.learner)"
        )
    ]


def marks(page, place):
    """The pixels of a learner's marks."""
    moves = page.locator(f".curves:visible .k{place} .mark:not(.end)").evaluate_all(
        "marks => marks.map(mark => mark.getAttribute('transform'))"
    )
    return np.array([[float(number) for number in re.findall(r"[-\d.]+", move)] for move in moves])


def axis(page, name):
    """The values at the ticks of an axis, and their pixels."""
    ticks = page.locator(f".curves:visible .axes .{name}").evaluate_all(
        f"ticks => ticks.map(tick => [tick.textContent, tick.getAttribute('{name}')])"
    )
    plain = str.maketrans({",": "", "%": "", "⁵": "0000"})
    pairs = [(text.translate(plain), place) for text, place in ticks if text != "training points n"]
    return np.array(pairs, dtype=float).T


def test_the_answer_is_read_without_scrolling(open_page):
    page = open_page(viewport=DESKTOP)
    for words in ("The polar prior was worth 4 [", "kNN needs 10,000"):
        box = page.get_by_text(words).first.bounding_box()
        assert box["y"] + box["height"] < DESKTOP["height"]
    assert "times the data to net at n = 316, 1,000" in open_page(viewport=PHONE).locator(".headline").inner_text()


@pytest.fixture(scope="module")
def many_address(tmp_path_factory):
    """A page on many learners: with an error of 0, sizes that are missing, one seed, a long name, times below 0."""
    names = [*(f"kNN {k}" for k in range(2, 7)), "kNN " + "very " * 9, "kNN 7"]
    learners = {name: {"estimator": "knn", "params": {"n_neighbors": k}} for k, name in enumerate(names, 2)}
    sizes = [10, 100, 1000, 10_000, 100_000]
    study = Study.from_dict({"name": "many", "question": "?", "seeds": 3, "sizes": sizes, "learners": learners})
    folder = tmp_path_factory.mktemp("many")
    with Store(f"sqlite:///{folder}/results.db") as store:
        for planned in plan_study(study):
            n, learner = planned.cell.n_samples, planned.learner
            wrong = 0.0 if (learner, n) == ("kNN 3", 1000) else (1 + 0.1 * planned.cell.seed) / n
            if (learner != "kNN 4" or n in (10, 100_000)) and (learner != "kNN 5" or planned.cell.seed == 0):
                values = {"accuracy": 1 - wrong, "fit_seconds": np.log10(n) - 3}
                store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
        (folder / "report.html").write_text(render_report(Results(study, store)), encoding="utf-8")
    return (folder / "report.html").as_uri()


def path_of(page, place, name):
    return page.locator(f".curves .k{place} .{name}").get_attribute("d")


def test_zeros_stand_at_the_foot_and_sizes_far_apart_are_not_joined(open_page, many_address):
    page = open_page(many_address)
    foot = page.locator(".axes path").first.get_attribute("d").rpartition("V")[2]
    assert page.locator(".curves .zero").get_attribute("transform").endswith(f" {foot}.0)")
    lines = [path_of(page, place, "line") for place in range(3)]
    assert [(line.count("M"), line.count("L")) for line in lines] == [(1, 4), (2, 2), (2, 0)]
    assert path_of(page, 0, "band").endswith("Z")
    assert page.locator(".curves .k3 .band").count() == 0  # of one seed


def test_names_stand_a_line_apart_beside_the_curves(open_page, many_address):
    names = open_page(many_address).locator(".curves text.name").all()
    places = np.sort([float(name.get_attribute("y")) for name in names])
    assert len(places) == 6
    assert np.diff(places).min() > 14.9
    assert 10 < places.min() < places.max() <= 356
    assert max(len(name.text_content()) for name in names) == 24


def test_values_below_zero_have_a_linear_axis(open_page, many_address):
    page = open_page(many_address)
    assert page.locator(".log-y").is_enabled()
    page.get_by_role("combobox", name="Show").select_option("Seconds to fit")
    assert page.locator(".log-y").is_disabled()
    assert "0 s" in page.locator(".axes .y").all_text_contents()


def test_hovering_a_mark_shows_its_values(page):
    tip = page.locator(".tip:visible")
    assert tip.count() == 0
    page.locator(".curves:visible .k2 .mark").first.hover(force=True)
    assert tip.inner_text().split("\n") == [
        "kNN, n = 100",
        page.locator(".values").first.locator("tbody tr:nth-child(3) td:nth-child(2)").inner_text().replace("\n", " "),
        "3 seeds",
    ]
    page.locator("h1").hover()
    assert tip.count() == 0


def test_the_tip_stays_on_a_phone(open_page):
    page = open_page(viewport=PHONE, has_touch=True)
    for mark in (0, -1):
        page.locator(".curves:visible .k2 .mark").nth(mark).hover(force=True)
        box = page.locator(".tip:visible").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]


def test_the_arrow_keys_go_from_value_to_value_and_speak(page):
    page.locator(".chart:visible").focus()
    spoken = page.locator(".chart:visible [role=status]")
    for key, expected in (
        ("ArrowRight", "net, n = 100"),
        ("ArrowRight", "net, n = 316"),
        ("ArrowDown", "net + polar, n = 316"),
        ("ArrowUp", "net, n = 316"),
        ("ArrowUp", "kNN, n = 316"),
        ("ArrowLeft", "kNN, n = 100"),
        ("ArrowLeft", "kNN, n = 100"),
    ):
        page.keyboard.press(key)
        assert spoken.text_content().startswith(expected + ", ")
    page.keyboard.press("Escape")
    assert page.locator(".tip:visible").count() == 0


def test_a_toggle_takes_the_colour_of_a_learner_and_gives_it_back(page):
    toggle = page.get_by_role("button", name="net + polar", exact=True)
    before = page.locator(".curves:visible").evaluate("svg => svg.outerHTML")
    toggle.click()
    assert shown(page) == ["net", "kNN"]
    assert toggle.get_attribute("aria-pressed") == "false"
    toggle.click()
    assert shown(page) == LABELS
    assert page.locator(".curves:visible").evaluate("svg => svg.outerHTML") == before


@pytest.mark.parametrize("hidden", [(), ("kNN",)])
def test_marks_lie_where_the_axes_say(page, hidden):
    for name in hidden:
        page.get_by_role("button", name=name, exact=True).click()
    sizes = np.array([100, 316, 1000, 3162, 10_000])
    per_cent = 150 * sizes**-0.5 * np.mean(1 + 0.05 * np.sin(7 * np.arange(3) + 3))
    for log_x, log_y in ((True, True), (False, True), (False, False), (True, False)):
        page.locator(".log-x").set_checked(log_x)
        page.locator(".log-y").set_checked(log_y)
        at = marks(page, 1)
        for name, log, values, pixels in (("x", log_x, sizes, at[:, 0]), ("y", log_y, per_cent, at[:, 1])):
            scale = np.log if log else np.asarray
            ticks, places = axis(page, name)
            slope, start = np.polyfit(scale(ticks), places, 1)
            np.testing.assert_allclose(start + slope * scale(ticks), places, atol=0.2)
            np.testing.assert_allclose(start + slope * scale(values), pixels, atol=0.2)


def test_the_axes_stay_when_learners_lose_their_colours(page):
    before = [list(axis(page, name)[0]) for name in "xy"]
    for name in LABELS:
        page.get_by_role("button", name=name, exact=True).click()
    assert shown(page) == []
    assert [list(axis(page, name)[0]) for name in "xy"] == before


def test_the_baseline_is_a_line_at_its_error_and_the_last_row(page):
    ticks, pixels = axis(page, "y")
    line = page.locator(".curves:visible .baseline path").get_attribute("d")
    (height,) = {float(y) for y in re.findall(r" ([\d.]+)", line)}
    assert np.polyval(np.polyfit(np.log(ticks), pixels, 1), np.log(40)) == pytest.approx(height, abs=0.2)
    assert page.locator(".curves:visible .baseline text").text_content() == "baseline"
    rows = page.locator("table.values:visible tbody tr th .name").all_text_contents()
    assert rows == [*LABELS, "baseline"]
    page.locator(".metric").select_option("error_uniform")
    assert page.locator(".curves:visible .baseline").count() == 0, "it is not measured"


def test_more_than_six_curves_are_grey_until_they_are_selected(open_page, many_address):
    page = open_page(many_address)
    grey = page.locator(".curves:visible .background")
    assert grey.count() == 1
    assert grey.locator(".mark:visible").count() == 0
    page.locator(".curves:visible .zero").first.hover(force=True)
    assert "none in 50,000" in page.locator(".tip:visible").inner_text()
    page.locator(".toggle[aria-pressed=false]").click()
    assert grey.count() == 0


def test_another_metric_is_shown_with_its_table(page):
    page.get_by_role("combobox", name="Show").select_option("Seconds to fit")
    assert page.locator(".curves").get_attribute("aria-label").startswith("Seconds to fit against")
    assert page.locator("[data-metric]:visible").get_attribute("data-metric") == "fit_seconds"
    assert page.locator("summary:visible").first.inner_text() == "Table: Seconds to fit"
    page.locator("summary:visible").first.click()
    assert page.get_by_role("cell", name="0.01 s [0.01, 0.01]").first.is_visible()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_and_the_switch(open_page, system):
    page = open_page(color_scheme=system)
    paper = "getComputedStyle(document.body).backgroundColor"
    switch = page.locator("#theme")
    learner_options = {"light": "Dark theme", "dark": "Light theme"}
    first = page.evaluate(paper)
    assert switch.inner_text() == learner_options[system]
    switch.click()
    second = page.evaluate(paper)
    assert switch.inner_text() != learner_options[system]
    switch.click()
    assert page.evaluate(paper) == first
    assert switch.inner_text() == learner_options[system]
    light = "rgb(255, 255, 255)"
    assert (first == light, second == light) == (system == "light", system == "dark")


def test_the_keyboard_reaches_every_control(page):
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("[document.activeElement.className, document.activeElement.innerText.trim()]"))
    names = [name for name, _ in reached]
    assert {"metric", "log-x", "log-y", "chart", "scroll"} <= set(names)
    assert [text for name, text in reached if name == "toggle"] == LABELS
    page.get_by_role("button", name="kNN", exact=True).focus()
    page.keyboard.press("Space")
    assert shown(page) == LABELS[:2]


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_wider_than_the_window(open_page, viewport, scripts):
    page = open_page(viewport=viewport, java_script_enabled=scripts)
    assert page.locator("html").evaluate("html => html.scrollWidth") == viewport["width"]
    parts = page.locator("body > *, main > *, h1, h2, p, figure, .highlight, button, select")
    rights = parts.evaluate_all("all => all.map(part => part.getBoundingClientRect().right)")
    assert max(rights) <= viewport["width"]


def test_without_scripts_the_picture_of_the_curves_and_all_tables_are_there(open_page):
    page = open_page(java_script_enabled=False)
    picture = page.get_by_role("img", name="Error under the sampling density against training points")
    assert picture.is_visible()
    drawn = picture.locator("text").all_text_contents()
    assert {*LABELS, "baseline", "fitted law", "Error under the sampling density"} <= set(drawn)
    assert page.locator("table:visible").count() == 2
    page.locator("summary").nth(1).click()
    assert page.locator("table:visible").count() == 3
    assert page.locator(".interactive:visible").count() == page.locator("#theme:visible").count() == 0


def test_pictures_have_the_colours_and_the_font_of_the_theme(open_page):
    found = {}
    for scheme in ("light", "dark"):
        page = open_page(java_script_enabled=False, color_scheme=scheme)
        texts = page.locator(".picture text")
        fonts = texts.evaluate_all("all => all.map(text => getComputedStyle(text).fontFamily)")
        assert set(fonts) == {page.evaluate("getComputedStyle(document.body).fontFamily")}
        colours = texts.evaluate_all("all => all.map(text => getComputedStyle(text).fill)")
        found[scheme] = [sum(map(int, re.findall(r"\d+", colour))) for colour in colours]
    assert max(found["light"]) < 3 * 128 < min(found["dark"])


def test_print_shows_the_picture_and_all_tables_and_no_controls(page):
    page.get_by_role("button", name="Dark theme").click()
    assert page.locator(".still .picture:visible").count() == 0
    page.emulate_media(media="print")
    assert page.locator(".still .picture:visible").count() == 1
    heights = [table.bounding_box()["height"] for table in page.locator("table").all()]
    assert len(heights) == 4
    assert min(heights) > 50
    assert page.locator(".interactive:visible").count() == page.locator("#theme:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def binned_address(tmp_path_factory):
    """A page on errors by bin, which asks for a picture."""
    study = Study.from_dict(
        {
            "name": "binned",
            "question": "Where does the prior help?",
            "seeds": 3,
            "sizes": [50, 100],
            "metrics": ["accuracy", "error_density", "error_distance"],
            "learners": {"kNN": {"estimator": "knn-1"}, "kNN + polar": {"estimator": "knn-1", "prior": "polar"}},
            "pictures": [
                {"plot": "density", "title": "Where the points lie"},
                {"plot": "agop", "learner": "kNN", "n_samples": 50},
            ],
        }
    )
    folder = tmp_path_factory.mktemp("binned")
    with Store(f"sqlite:///{folder}/results.db") as store:
        for planned in plan_study(study):
            polar, shift = planned.learner != "kNN", 0.001 * planned.cell.seed
            wrong = 0.2 * (planned.cell.n_samples / 50) ** -0.5 - 0.01 * polar + shift
            bins = {
                f"error_{by}_{k}": 0.1 * k * (1.2 - polar * (k - 2.2) / 8) + shift for by in BY for k in range(1, 6)
            }
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 1 - wrong, **bins}))
        (folder / "report.html").write_text(render_report(Results(study, store)), encoding="utf-8")
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_errors_by_bin_are_tables_with_what_the_prior_does(open_page, binned_address, scheme, viewport):
    page = open_page(binned_address, color_scheme=scheme, viewport=viewport)
    tables = page.locator(".breakdown")
    assert tables.count() == 2
    assert tables.first.locator("thead th").all_inner_texts() == ["learner", "sparsest", "2", "3", "4", "densest"]
    last = tables.first.locator(".difference td").all_inner_texts()
    assert [text.split()[0] for text in last[:4]] == ["+1.5", "+0.5", "-3", "-9"]
    assert ["harms" in text for text in last] == [True, True, False, False, False]
    assert ["helps" in text for text in last] == [False, False, True, True, True]
    ink, paper = (
        page.locator(".breakdown td").first.evaluate(f"cell => getComputedStyle({of}).{name}")
        for of, name in (("cell", "color"), ("document.body", "backgroundColor"))
    )
    light, dark = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink))
    assert abs(light - dark) > 380
    assert page.locator("html").evaluate("html => html.scrollWidth") == viewport["width"]
    shares = tables.first.locator(".bar").evaluate_all(
        "all => all.map(bar => parseFloat(bar.style.cssText.match(/[0-9.]+/)))"
    )
    assert max(shares) == 100


def test_plots_of_the_study_are_in_the_page_or_say_why_not(open_page, binned_address):
    page = open_page(binned_address)
    requested = page.locator(".requested")
    assert requested.count() == 2
    picture = requested.first.get_by_role("img", name="Where the points lie")
    assert picture.bounding_box()["width"] > 600
    assert picture.get_attribute("class") == "picture"  # for both themes, since its image is transparent
    assert requested.last.get_by_role("img").count() == 0
    refusal = requested.last.inner_text()
    assert refusal.startswith('Agop: learner = "kNN", n_samples = 50: not drawn')
    assert "has no gradients" in refusal


def test_pictures_of_regions_are_drawn(page):
    pictures = page.locator(".region image")
    assert pictures.count() == 6
    assert page.locator(".region use").count() == 12
    sizes = page.evaluate(
        "Promise.all([...document.querySelectorAll('image')].map(async (image) => {"
        "  const picture = new Image(); picture.src = image.getAttribute('href'); await picture.decode();"
        "  return picture.naturalWidth; }))"
    )
    assert set(sizes) == {240}


def test_tables_and_pictures_have_names_for_those_who_do_not_see_them(page):
    assert page.locator("table").count() == page.locator("table > caption").count()
    assert (
        page.locator("svg[role=img]:not([aria-label]), svg:not([role=img]):not([aria-hidden])").evaluate_all(
            "all => all.filter(svg => !svg.closest('[aria-hidden]')).length"
        )
        == 0
    )
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(heading => Number(heading.tagName[1]))")
    assert levels[0] == 1
    assert max(np.diff(levels)) <= 1


def test_harmful_names_are_harmless_and_readable(open_page, worth, worth_url, tmp_path):
    names = ["<script>alert(1)</script>", "\"><img src=x onerror='alert(2)'> 🦊", "very" + "long" * 24]
    labels = dict(zip(worth.learners, names, strict=True))
    asked = [
        question.model_copy(
            update={
                end: (point := getattr(question, end)).model_copy(update={"learner": labels[point.learner]})
                for end in ("a", "b")
            }
        )
        for question in worth.questions
    ]
    learners = dict(zip(names, worth.learners.values(), strict=True))
    study = worth.model_copy(update={"learners": learners, "questions": tuple(asked), "question": names[0]})
    path = tmp_path / "harmful.html"
    with Store(worth_url) as store:
        path.write_text(render_report(Results(study, store)), encoding="utf-8")
    for viewport in (DESKTOP, PHONE):
        page = open_page(path.as_uri(), viewport=viewport)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        assert page.locator("h1").inner_text() == names[0]
        assert page.locator("img").count() == 0
        assert page.locator(".toggle .name").all_inner_texts() == names
        page.locator(".curves:visible .k1 .mark").first.hover(force=True)
        assert page.locator(".tip strong").first.inner_text() == f"{names[1]}, n = 100"
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
