"""README is short, its links work wherever it is shown, and its numbers are those that were measured."""

import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies import Store, data_equivalence, plot_worth
from studies.analysis import Interval, summary
from studies.cli.main import app
from studies.library.worths import kept_worths
from studies.registry.test_sets import MAP_SIZE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = (
    r"https://(?:github\.com/toymanifold/toymanifold/blob|raw\.githubusercontent\.com/toymanifold/toymanifold)/main/"
)


def test_readme_is_short():
    assert len(README.encode()) <= 6000


def test_links_are_absolute_and_lead_to_files_that_are_there():
    links = re.findall(r"""(?:\]\(|src=["']|srcset=["'])([^)"']+)""", README)
    assert all(link.startswith("https://") for link in links)
    files = [re.sub(FILES, "", link) for link in links if re.match(FILES, link)]
    assert files
    assert not [file for file in files if not (ROOT / file).exists()]


@pytest.fixture(scope="module")
def kept():
    frame = pd.read_csv(ROOT / "docs" / "results" / "data" / "prior-vs-data.csv").query("metric == 'accuracy'")
    return frame.assign(metric="error", value=1 - frame["value"])


@pytest.mark.parametrize("learner", ["net + polar", "net", "kNN, k=1 + polar", "kNN, k=1"])
def test_the_table_is_what_was_measured(learner, kept):
    table = summary(kept).set_index(["learner", "n_samples"])
    errors = [Interval(*100 * table.loc[(learner, n), ["mean", "low", "high"]]) for n in (1_000, 10_000)]
    row = f"| {learner} | {errors[0]:.3g} | {errors[1]:.3g} |"
    assert row in README
    if learner != "net + polar":
        needed = [round(float(f"{value:.3g}")) for value in needed_points(kept, learner)]
        assert f"{row} {needed[0]:,} [{needed[1]:,}, {needed[2]:,}] |" in README


@pytest.mark.parametrize(
    ("name", "informed"),
    [
        ("3 turns that change no value", "kNN + 3 turns"),
        ("all such turns", "kNN + all turns"),
        ("wrong turns", "kNN + wrong turns"),
    ],
)
def test_worths_are_those_that_are_kept(name, informed):
    found = next(worth.texts for worth in kept_worths() if worth.informed == informed)
    theory = found["theory"].partition(" (")[0]
    assert f"| {name} | {found['worth']} | {theory} |".replace("  ", " ") in README


def needed_points(frame, learner):
    found = data_equivalence(frame, "net + polar", learner, n=1_000).n_samples
    return found.mean, found.low, found.high


def test_the_picture_is_drawn_from_the_kept_numbers_and_has_that_of_the_text(kept):
    drawing = runpy.run_path(str(ROOT / "docs" / "images" / "readme" / "draw.py"))
    with Store("sqlite://") as store:
        results = drawing["kept_results"](store, map_of=lambda cell: np.zeros((MAP_SIZE, MAP_SIZE), dtype=bool))
        ax = plot_worth(results, drawing["INFORMED"], drawing["PLAIN"], n=1_000)
    times = data_equivalence(kept, "net + polar", "net", n=1_000).times.value_text(2)
    assert ax.figure.get_suptitle() == f"At n = 1,000, the polar prior is worth {times} times the data"
    assert f"The polar prior is worth {times} times the data to the net." in README
    assert f"is marked times {times}," in README
    assert len(ax.figure.axes) == 3


def test_every_command_is_on_a_page():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    commands = [
        *((typer, "") for typer in [app]),
        *((typer, f"{name} ") for name, typer in groups.items()),
    ]
    for typer, prefix in commands:
        for command in typer.registered_commands:
            name = prefix + (command.name or command.callback.__name__)
            assert f"toymanifold {name}" in pages, f"no page has: toymanifold {name}"
