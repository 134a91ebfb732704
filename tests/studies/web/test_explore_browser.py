"""The page of `toymanifold explore` as a teacher has it before them: in a real browser, headless."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from matplotlib.colors import to_rgb

from studies.plots.looks import look_of

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SETTLED = "figure[aria-busy=false]"


@pytest.fixture
def open_page(browser, explored):
    """Open the page with a query; whatever it logs or asks of others is an error."""
    contexts, complaints = [], []

    def opened(query="?n_samples=100", **options):
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        context.set_default_timeout(120_000)  # milliseconds: a machine at work is no failure
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        own = ("data:", f"{explored}/")
        page.on("request", lambda request: request.url.startswith(own) or complaints.append(request.url))
        page.goto(f"{explored}/{query}")
        page.wait_for_selector(SETTLED)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in complaints if "status of 4" not in text] == []  # which a refusal is, by the browser's log


@pytest.fixture
def page(open_page):
    return open_page()


def shown(page):
    """What is on the page: picture and error."""
    return page.get_attribute("#region", "href"), page.inner_text("#error")


def state(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def fill(circle):
    """The colour of a circle, as shares of red, green and blue."""
    colour = circle.evaluate("circle => getComputedStyle(circle).fill")
    return tuple(int(share) / 255 for share in re.findall(r"\d+", colour))


def settle(page):
    page.wait_for_selector(SETTLED)


@pytest.mark.parametrize(
    ("control", "value"), [("turns", "2"), ("size", "27"), ("flip_probability", "0.3"), ("n_neighbors", "5")]
)
def test_moving_a_slider_changes_picture_and_error(page, control, value):
    before = shown(page)
    page.locator(f"#{control}").fill(value)
    settle(page)
    after = shown(page)
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert re.fullmatch(r"[\d.]+ %", after[1])


def test_the_error_is_in_a_sentence_and_in_the_label_of_the_region(page):
    error = page.inner_text("#error")
    assert page.inner_text("#status").startswith(f"k nearest neighbours, k = 1, n = 100: {error} of predictions wrong.")
    assert page.get_by_role("img", name=f"n = 100: {error} of predictions wrong").count() == 1


def test_a_net_has_controls_of_its_own_and_fewer_points(open_page):
    page = open_page("?n_samples=100000&n_neighbors=3&epochs=10")
    assert page.get_by_label("Neighbours k").is_visible()
    with page.expect_request("**/scene?*learner=net*") as sent:
        page.get_by_label("Learner", exact=True).select_option("net")
    assert "n_samples=2512&" in sent.value.url
    assert page.get_by_label("Epochs").is_visible()
    assert not page.get_by_label("Neighbours k").is_visible()
    page.locator("#size").fill("20")
    settle(page)
    assert page.inner_text("#status").startswith("net, 3 hidden layers of 64, 10 epochs, n = 100: ")
    assert "n_neighbors" not in state(page)


def test_another_seed_draws_other_points(page):
    before = page.get_attribute("#points", "d")
    page.get_by_role("button", name="Draw again").click()
    settle(page)
    assert page.get_attribute("#points", "d") != before
    assert state(page)["seed"] == "1"


def test_the_address_holds_the_state(page, open_page):
    page.locator("#turns").fill("3")
    page.locator("#size").fill("25")
    page.get_by_label("Prior").select_option("phase")
    settle(page)
    assert state(page).items() >= {"turns": "3", "n_samples": "316", "prior": "phase", "learner": "knn"}.items()
    again = open_page("?" + urlsplit(page.url).query)
    assert shown(again) == shown(page)
    assert again.input_value("#turns") == "3"
    assert again.inner_text("output[for=size]") == "316"


def test_the_keyboard_does_it_all(page):
    focused = []
    for _ in range(8):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.id"))
    assert focused == ["turns", "size", "flip_probability", "seed", "again", "learner", "prior", "n_neighbors"]
    before = shown(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('output[for=n_neighbors]').value === '2'")
    settle(page)
    assert shown(page) != before
    assert page.get_attribute("#n_neighbors", "aria-valuetext") == "2"


def test_of_requests_that_wait_only_the_newest_is_sent(page):
    held = []
    page.route("**/scene?*", lambda route: held.append(route))
    for turns in ("2", "3", "5", "6"):
        page.locator("#turns").fill(turns)
    assert len(held) == 1
    with page.expect_request("**/scene?turns=6&*"):
        held[0].continue_()
    assert page.get_attribute("figure", "aria-busy") == "true"
    held[1].continue_()
    settle(page)
    assert len(held) == 2
    assert state(page)["turns"] == "6"


@pytest.mark.parametrize(
    ("query", "words"),
    [("?turns=99", "turns: must be 8 or less"), ("?n_samples=10&n_neighbors=11", "n_neighbors")],
)
def test_an_error_message_is_shown_until_there_is_a_scene(open_page, query, words):
    page = open_page(query)
    refusal = page.get_by_role("alert")
    assert words in refusal.inner_text()
    assert page.inner_text("#status") == ""
    page.locator("#size").fill("20")
    settle(page)
    assert not refusal.is_visible()
    assert shown(page)[1].endswith(" %")


def test_a_missing_answer_is_an_error_message(page):
    page.route("**/scene?*", lambda route: route.fulfill(body="no JSON"))
    page.locator("#turns").fill("2")
    settle(page)
    assert page.get_by_role("alert").inner_text() == "No answer: is toymanifold explore still running?"


def test_errors_so_far_are_drawn_by_learner_and_problem(page):
    circles = page.locator(".history circle")
    page.locator("#size").fill("25")
    settle(page)
    page.get_by_label("Prior").select_option("polar")
    settle(page)
    assert circles.count() == 3
    assert page.locator(".history .present circle").count() == 1
    assert fill(page.locator(".history .present circle")) == to_rgb(look_of("knn-1", "polar").colour)
    assert page.get_by_role("img", name=f"prior: polar, raw angle: {page.inner_text('#error')} at n = 316").count() == 1
    page.locator("#turns").fill("3")
    settle(page)
    assert circles.count() == 1


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_wider_than_the_window(open_page, viewport):
    page = open_page("?n_samples=100&flip_probability=0.2&prior=polar-sincos", viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    parts = page.locator("body *:visible:not(svg *)")
    assert max(parts.evaluate_all("all => all.map(part => part.getBoundingClientRect().right)")) <= viewport["width"]


def test_on_a_phone_the_picture_stays_while_controls_are_reached(open_page):
    page = open_page(viewport=PHONE)
    page.locator("#n_neighbors").scroll_into_view_if_needed()
    box = page.locator(".scene figure").bounding_box()
    assert 0 <= box["y"] < 60
    assert box["height"] < PHONE["height"] / 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_that_of_the_system(open_page, scheme):
    page = open_page(color_scheme=scheme)
    colours = {"light": look_of("knn-1").colour, "dark": look_of("knn-1").dark}
    assert fill(page.locator(".history circle")) == to_rgb(colours[scheme])
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")


def test_every_control_has_a_name(page):
    names = page.locator("input:visible, select:visible").evaluate_all(
        "all => all.map(control => control.labels[0]?.textContent.trim() ?? '')"
    )
    assert len(names) == 7
    assert all(names)
