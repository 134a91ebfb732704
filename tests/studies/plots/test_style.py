from matplotlib.figure import Figure
from matplotlib.legend import Legend

from studies.plots.looks import look_of
from studies.plots.style import End, draw_reference, name_curves, name_references


def test_plots_are_imported_without_pyplot_seaborn_or_torch(run_apart):
    loaded = "[name for name in ('matplotlib.pyplot', 'seaborn', 'torch') if name in sys.modules]"
    assert run_apart(f"import sys, studies.plots; print({loaded})") == "[]\n"


def test_a_legend_of_references_stands_beside_that_of_curves():
    ax, look = Figure().subplots(), look_of("net")
    draw_reference(ax, [1, 2], [3, 4], look)
    name_references(ax, "theory")
    name_curves(ax, [End("a long name " * 5, 1, 1, look)])
    legends = [artist for artist in ax.get_children() if isinstance(artist, Legend)]
    assert [legend.get_texts()[0].get_text().split()[0] for legend in legends] == ["theory", "a"]
