"""The picture of a worth says what `data_equivalence` finds, in its title, its arrow and its words."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from studies import Results, Store, Study, data_equivalence, measure_curves, plot_worth
from studies.plots.figures import requested_plots, study_figures
from studies.plots.lines import rows_of
from studies.plots.looks import dark_of, learner_looks
from studies.plots.style import darken
from studies.plots.svg import svg_text
from studies.plots.worth import draw_worth

TIMES = "\N{MULTIPLICATION SIGN}"
NET = {"estimator": "net", "params": {"epochs": 10}}
LEARNERS = {"net": NET, "net + polar": {**NET, "prior": "polar"}, "kNN": {"estimator": "knn-1"}}


def errors(head_start, exponent=0.5, noise=0.02):
    """Errors along a power law: the polar net is as many points ahead of the net, and kNN behind both."""

    def values_of(planned):
        ahead = head_start if planned.learner == "net + polar" else 0.4 if planned.learner == "kNN" else 1
        luck = noise * np.sin(9 * planned.cell.seed + 5 * ahead)
        return {"accuracy": 1 - (ahead * planned.cell.n_samples) ** -exponent * (1 + luck)}

    return values_of


def arrows(ax):
    """The ends of all arrows, from the curve that has n, and their styles."""
    drawn = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None and not text.get_text()]
    return [(*text.xyann, *text.xy, text.arrowprops["arrowstyle"]) for text in drawn]


def words(ax):
    """The title of the picture, and the texts in the axes."""
    texts = [text.get_text() for text in ax.texts if text.get_text() not in LEARNERS]
    return " ".join([ax.figure.get_suptitle(), *texts]).replace("\n", " ")


def test_title_and_arrow_have_the_number_of_the_data_equivalence(worth_results):
    ax = plot_worth(worth_results, "net + polar", "net", n=1000)
    found = data_equivalence(worth_results, "net + polar", "net", n=1000)
    ((start, height, end, at, style),) = arrows(ax)
    assert (start, end, style) == (1000, pytest.approx(1000 * found.times.mean), "<->")
    assert height == at == pytest.approx(worth_error(worth_results, "net + polar", 1000))
    said = f"{found.times.value_text(2)} "
    assert ax.figure.get_suptitle() == f"At n = 1,000, the polar prior is worth {said}times the data"
    assert f"{TIMES} {said}" in words(ax)
    assert found.times.bounds_text(2) in words(ax)
    assert ax.get_title(loc="left").startswith("net needs 4,000 [")


def worth_error(results, learner, n):
    frame = results.frame()
    rows = frame.query("learner == @learner and n_samples == @n and metric == 'accuracy'")
    return 1 - rows["value"].mean()


@pytest.mark.parametrize(
    ("informed", "plain", "n", "arrow", "said"),
    [
        ("net + polar", "net", 100, "<->", "the polar prior is worth"),
        ("net", "net + polar", 1000, "<->", "net needs"),
        ("net + polar", "kNN", 1000, "->", "kNN needs more than"),
    ],
)
def test_any_two_learners_are_compared_from_either_side(results_of, informed, plain, n, arrow, said):
    results = results_of(errors(8), sizes=[100, 316, 1000, 3162], learners=LEARNERS)
    ax = plot_worth(results, informed, plain, n=n)
    ((start, _, end, _, style),) = arrows(ax)
    gap = max(start, end) / min(start, end)
    assert (start, style) == (n, arrow)
    assert f"At n = {n:,}, {said}" in words(ax)
    assert f"{gap:.2g} times" in ax.figure.get_suptitle()


@pytest.mark.parametrize(
    ("values_of", "described", "said"),
    [
        (
            errors(1),
            {},
            "no significant worth, at most 1, 1 [1, 1] and 1 [at least 0.99] times the data to net at n = 100,",
        ),
        (errors(1.1, noise=0.1), {}, "no significant difference"),
        (errors(8), {"seeds": 1}, "Cannot tell: 'net + polar' and 'net' have one seed in common"),
        (errors(8, exponent=-0.1, noise=0.001), {}, "Cannot tell: no data equivalence: the error of"),
    ],
)
def test_without_a_finding_the_title_is_the_question_and_words_say_why(results_of, values_of, described, said):
    results = results_of(values_of, sizes=[100, 316, 1000], learners=LEARNERS, **described)
    ax = plot_worth(results, "net + polar", "net", n=316)
    assert not arrows(ax)
    assert ax.figure.get_suptitle() == results.study.question
    assert said in " ".join(ax.get_title(loc="left").split())


def test_regions_of_both_are_beside_the_curves_where_the_store_has_them(worth_results):
    ax = plot_worth(worth_results, "net + polar", "net", n=100)
    upper, curves, lower = ax.figure.axes
    assert curves is ax
    assert [each.get_title().split(":")[0] for each in (upper, lower)] == ["net", "net + polar"]
    title = " ".join(lower.get_title().split())
    assert title == f"net + polar: mean error {100 * worth_error(worth_results, 'net + polar', 100):.3g} %"
    assert len(plot_worth(worth_results, "net + polar", "net", n=1000).figure.axes) == 1


def boxes(ax):
    """The boxes of the number and its interval, in pixels, after the picture is laid out."""
    ax.figure.draw_without_rendering()
    return [text.get_window_extent() for text in ax.texts if text.get_text().startswith((TIMES, "95 %", "more"))]


def flat(planned):
    """Errors of which that of the polar net hardly falls, to the left of the arrow to it."""
    measured = [0.18, 0.162, 0.15, 0.145, 0.14] if planned.cell.prior else [0.53, 0.38, 0.2, 0.158, 0.157]
    error = measured[[30, 100, 316, 1000, 1100].index(planned.cell.n_samples)]
    return {"accuracy": 1 - error * (1 + 0.003 * planned.cell.seed)}


@pytest.mark.parametrize("values_of", [errors(4), errors(50), flat])
@pytest.mark.parametrize("n", [100, 1100])
def test_the_number_stands_where_no_curve_or_arrow_crosses_it(results_of, values_of, n):
    results = results_of(values_of, sizes=[30, 100, 316, 1000, 1100], learners=LEARNERS)
    ax = plot_worth(results, "net + polar", "net", n=n)
    arrow = next(text.arrow_patch for text in ax.texts if text.arrow_patch and not text.get_text())
    paths = [arrow.get_path(), *(line.get_transform().transform_path(line.get_path()) for line in ax.lines)]
    found = boxes(ax)
    assert len(found) in (1, 2)
    assert not any(path.intersects_bbox(box, filled=False) for path in paths for box in found)
    assert all(ax.bbox.contains(*corner) for box in found for corner in (box.min, box.max))


@pytest.mark.parametrize("width", [5, 8])
def test_titles_and_key_are_as_wide_as_the_picture(worth_results, width):
    figure = Figure(figsize=(width, 5), layout="constrained")
    ax = draw_worth(figure, worth_results, rows_of(worth_results), "net + polar", "net", n=100)
    figure.draw_without_rendering()
    titles = [text for text in figure.findobj(Text) if text.get_text() in (figure.get_suptitle(), ax.get_title("left"))]
    assert len(titles) == 2
    for drawn in (*titles, *figure.legends[: width == 8]):
        box = drawn.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_intervals_at_one_size_stand_apart(worth_results):
    ax = plot_worth(worth_results, "net + polar", "net", n=1000)
    ax.figure.draw_without_rendering()
    places = {lines.get_transform().transform(lines.get_segments()[0])[0, 0] for lines in ax.collections}
    assert len(places) == 3
    assert np.diff(sorted(places)) == pytest.approx(2 / 72 * ax.figure.dpi)


def test_curves_alone_are_drawn_where_they_are_asked_to_be(worth_results):
    figure, (left, right) = plt.subplots(1, 2)
    assert plot_worth(worth_results, "net + polar", "net", n=100, ax=right) is right
    assert figure.axes == [left, right]
    title = " ".join(right.get_title().split())
    assert title.startswith("At n = 100, the polar prior is worth 4 times the data net needs")


def test_a_study_asks_for_it_by_name_on_each_of_its_problems(results_of):
    asked = [{"plot": "worth", "informed": "net + polar", "plain": "net", "n": 316}]
    problems = {name: {"problem": "spiral", "params": {"turns": n}} for name, n in (("a", 2), ("b", 3))}
    results = results_of(errors(4), sizes=[100, 316, 1000], learners=LEARNERS, problems=problems, pictures=asked)
    drawn = [page.figure.axes[0] for page in requested_plots(results)]
    assert [len(arrows(ax)) for ax in drawn] == [1, 1]
    with pytest.raises(ValueError, match="problem"):
        plot_worth(results, "net + polar", "net")
    with pytest.raises(ValueError, match="'net'"):
        plot_worth(results, "nett", "net", problem="a")


def test_data_of_ones_own_in_three_dimensions_have_curves():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
    learners = {"linear": LogisticRegression(), "kNN": KNeighborsClassifier(), "tree": DecisionTreeClassifier()}
    results = measure_curves(learners, (X, y), sizes=[20, 50, 100, 200], seeds=5)
    ax = plot_worth(results, "linear", "kNN", n=50)
    assert ax.figure.axes == [ax]
    assert ax.figure.get_suptitle() == "At n = 50, kNN needs more than 4 times the data of linear"
    assert len(arrows(ax)) == 1


def test_as_svg_it_is_for_both_pages_but_not_with_an_opaque_image(worth_results):
    figure = plot_worth(worth_results, "net + polar", "net", n=100).figure
    assert 'class="picture"' in svg_text(figure, "worth", "A title")
    figure.axes[0].imshow([[0, 1]])
    assert 'class="picture card"' in svg_text(figure, "worth", "A title")


def test_a_dark_page_has_the_dark_colours_of_the_looks_and_light_text(worth_results):
    ax = plot_worth(worth_results, "net + polar", "net", n=100)
    light = {line.get_label(): to_hex(line.get_color()) for line in ax.lines}
    darken(ax.figure)
    dark = {line.get_label(): to_hex(line.get_color()) for line in ax.lines}
    looks = learner_looks(worth_results.study)
    assert all((light[name], dark[name]) == (look.colour, look.dark) for name, look in looks.items())
    texts = [text for each in ax.figure.axes for text in (*each.texts, each.title, each.xaxis.label)]
    assert {to_hex(text.get_color()) for text in texts} == {dark_of("#333333"), dark_of("#000000")}
    assert to_hex(ax.figure.get_facecolor()) == to_hex(ax.get_facecolor()) == dark_of("#ffffff")
    darken(ax.figure)  # as in a cell of a notebook that is run again
    assert {to_hex(text.get_color()) for text in texts} == {dark_of("#333333"), dark_of("#000000")}


def test_nothing_measured_is_an_error_that_says_so():
    study = Study.from_dict({"name": "new", "question": "?", "seeds": 2, "sizes": [20, 40], "learners": LEARNERS})
    message = "nothing of new on spiral is measured yet"
    with Store("sqlite://") as store:
        results = Results(study, store)
        with pytest.raises(ValueError, match=message):
            plot_worth(results, "net + polar", "net")
        with pytest.raises(ValueError, match=message):
            list(study_figures(results))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "within the sizes of 'net \\+ polar'"),
        ({"plain": "net + polar"}, "must differ. Got 'net \\+ polar' twice"),
        ({"plain": "nett"}, "did you mean 'net'"),
    ],
)
def test_an_error_names_its_reason_and_leaves_no_figure(results_of, arguments, message):
    results = results_of(errors(4), sizes=[100, 316, 1000], learners=LEARNERS)
    with pytest.raises(ValueError, match=message):
        plot_worth(results, **{"informed": "net + polar", "plain": "net", **arguments})
    assert not plt.get_fignums()


def test_the_picture_in_words_has_dollars_as_they_are(results_of):
    learners = {"$n$": NET, "$n$ + polar": {**NET, "prior": "polar"}}
    results = results_of(
        lambda planned: errors(4)(replace(planned, learner=planned.learner.replace("$n$", "net"))),
        sizes=[100, 316, 1000],
        learners=learners,
    )
    (title,) = (figure.title for figure in study_figures(results) if figure.name == "worth")
    assert title.startswith("At n = 1,000, the polar prior is worth")
    assert ": $n$ + polar with " in title
    assert " matches $n$ with " in title
