import pandas as pd
from matplotlib.figure import Figure

from studies.plots.style import draw_median, finish_axes


def test_plots_are_imported_without_pyplot_seaborn_or_torch(run_apart):
    loaded = "[name for name in ('matplotlib.pyplot', 'seaborn', 'torch') if name in sys.modules]"
    assert run_apart(f"import sys, studies.plots; print({loaded})") == "[]\n"


def test_the_median_of_the_seeds_is_drawn():
    ax = Figure().subplots()
    table = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]})
    draw_median(ax, table, color="red")
    assert ax.lines[0].get_xydata().tolist() == [[10, 2.0], [100, 0.2], [1000, 0.02]]
    assert ax.lines[0].get_color() == "red"


def test_logarithmic_axes_get_readable_ticks_unless_they_have_ticks_of_their_own():
    ax = Figure().subplots()
    ax.set(xscale="log", yscale="log", xlim=(1, 10), ylim=(1, 1e4))
    ax.set_xticks([1, 2, 5], ["one", "two", "five"])
    ax.plot([1, 5], [1, 1e4], label="line")
    finish_axes(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two", "five"]
    assert ax.yaxis.get_major_formatter()(1000) == "1,000"
