"""Images that are embedded in a page: figures, and galleries of decision regions.

The predictions of each learner are a transparent PNG; the density under them and the points over them are shared.
"""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.image import imsave
from numpy.typing import NDArray

from studies.execution.run import MAP_MARGIN
from studies.plots.figures import StudyFigure
from studies.plots.regions import drawn_problem, region_pixels
from studies.plots.style import save_figure
from studies.plots.svg import svg_text
from studies.registry.problems import labelled_sample
from studies.registry.test_sets import MAP_SIZE, map_points
from studies.results.results import Results
from studies.spec.cells import Cell
from toymanifold import Problem

MOST_IMAGES = 60
"""Largest number of decision regions on a page, which has to stay small."""

MOST_POINTS = 2000
"""Largest number of training points that are shown: the first, since samples are nested."""

_DPI = 130  # of a figure as a PNG
_LARGE_SVG = 300_000  # letters beyond which a PNG can be smaller
_GREY = 0.5  # visible on a light page and on a dark one


@dataclass(frozen=True)
class RegionImage:
    """The decision regions of one learner, as a data URI, and its error."""

    learner: str
    image: str
    error: float


@dataclass(frozen=True)
class Row:
    """The images of one sample size, and their training points as the path of an SVG of `MAP_SIZE` units."""

    n_samples: int
    points: str
    n_points: int
    images: tuple[RegionImage, ...]


@dataclass(frozen=True)
class Gallery:
    """The rows of one problem, over its density with its true boundary; `left_out` images did not fit."""

    background: str
    rows: tuple[Row, ...]
    left_out: int


def galleries(results: Results) -> dict[str, Gallery]:
    """Return the gallery of each problem that has decision maps, by its label; that is "" if there is one problem."""
    found: dict[str, dict[int, list[tuple[str, Cell, float]]]] = {}
    for planned, outcome in results.outcomes():
        cell = planned.cell
        if (
            cell.seed == results.study.first_seed
            and cell.n_samples in results.study.gallery
            and "accuracy" in outcome.values
        ):
            sizes = found.setdefault(results.place(planned).get("problem", ""), {})
            sizes.setdefault(cell.n_samples, []).append((planned.learner, cell, 1 - outcome.values["accuracy"]))
    shown = {problem: _gallery(results, problem or None, sizes) for problem, sizes in found.items()}
    return {problem: gallery for problem, gallery in shown.items() if gallery.rows}


def _gallery(results: Results, label: str | None, sizes: dict[int, list[tuple[str, Cell, float]]]) -> Gallery:
    try:
        problem = drawn_problem(results, label)
    except ValueError:  # it has no decision maps, or its code is not allowed here
        return Gallery("", (), 0)
    half_width = MAP_MARGIN * problem.target.radius
    rows, room = [], MOST_IMAGES
    for n_samples, cells in sorted(sizes.items()):
        images = tuple(_images(results, problem, half_width, cells[:room]))
        if images:
            X, _ = labelled_sample(problem, min(n_samples, MOST_POINTS), results.study.first_seed)
            rows.append(Row(n_samples, points_path(X, half_width), len(X), images))
            room -= len(images)
    if not rows:
        return Gallery("", (), 0)
    left_out = sum(map(len, sizes.values())) - (MOST_IMAGES - room)
    return Gallery(background_image(problem, half_width), tuple(rows), left_out)


def _images(
    results: Results, problem: Problem, half_width: float, cells: list[tuple[str, Cell, float]]
) -> Iterator[RegionImage]:
    truth = problem.label(map_points(half_width)).reshape(MAP_SIZE, MAP_SIZE) == 1
    for learner, cell, error in cells:
        inside = results.decision_map(cell)
        if inside is not None:
            yield RegionImage(learner, region_image(inside, truth), error)


def region_image(inside: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
    """Return the predictions of class 1 as a transparent image; see `region_pixels`."""
    return _data_uri(region_pixels(inside, truth))


def points_path(X: NDArray[np.float64], half_width: float) -> str:
    """Return points as a path of dots, which a stroke with round ends makes visible."""
    places = np.rint((X / half_width + 1) * (MAP_SIZE / 2)).astype(int)
    within = ((places >= 0) & (places <= MAP_SIZE)).all(axis=1)
    return "".join(f"M{x} {MAP_SIZE - y}h0" for x, y in places[within])


def background_image(problem: Problem, half_width: float) -> str:
    """Return the sampling density in shades of grey, with the true boundary."""
    points = map_points(half_width)
    density = np.exp(problem.log_density(points)).reshape(MAP_SIZE, MAP_SIZE)
    truth = problem.label(points).reshape(MAP_SIZE, MAP_SIZE)
    pixels = np.full((MAP_SIZE, MAP_SIZE, 4), _GREY)
    pixels[..., 3] = np.round(8 * density / density.max()) / 12
    edge = np.zeros_like(truth, dtype=bool)
    edge[:-1] |= truth[:-1] != truth[1:]
    edge[:, :-1] |= truth[:, :-1] != truth[:, 1:]
    pixels[edge, 3] = 1
    return _data_uri(pixels)


def _data_uri(pixels: NDArray[np.float64]) -> str:
    file = io.BytesIO()
    imsave(file, pixels, format="png", origin="lower")
    return _png_uri(file)


def embedded(found: StudyFigure, title: str) -> Markup:
    """Return a figure as an element of a page, with a title for readers who cannot see it.

    It is an SVG; or a PNG, if that is smaller and the SVG is large, such as one of very many points.
    """
    assert found.figure is not None
    svg = svg_text(found.figure, found.name, title)
    if len(svg) > _LARGE_SVG:
        file = io.BytesIO()
        save_figure(found.figure, file, dpi=_DPI)
        if len(uri := _png_uri(file)) < len(svg):
            width = round(96 * found.figure.get_figwidth())
            return Markup('<img class="picture card" src="{}" width="{}" alt="{}">').format(uri, width, title)
    return Markup(svg)


def _png_uri(file: io.BytesIO) -> str:
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
