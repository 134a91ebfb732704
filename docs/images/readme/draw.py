"""Draw README's figure from what `prior-vs-data` measured: ``python docs/images/readme/draw.py``."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from studies.analysis.learning_curves import losses
from studies.plots.curves import draw_curves
from studies.plots.looks import look_of
from studies.plots.style import name_curves

LOOKS = {
    "net": look_of("net"),
    "net + polar": look_of("net", "polar"),
    "net + phase": look_of("net", "phase"),
    "kNN, k=1": look_of("knn-1"),
    "SVM": look_of("svm-tuned"),
}
HERE = Path(__file__).parent


def draw() -> None:
    """Write learning-curves.png beside this file."""
    rows = losses(pd.read_csv(HERE.parents[1] / "results" / "data" / "prior-vs-data.csv"))
    rows = rows[(rows["metric"] == "error") & rows["learner"].isin(LOOKS)]
    figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    ends = draw_curves(ax, rows, "error", LOOKS, rows["n_samples"].unique())
    ax.set_xlim(70, 3e6)  # the laws extrapolate farther
    name_curves(ax, ends)
    figure.savefig(HERE / "learning-curves.png", dpi=120)


if __name__ == "__main__":
    draw()
