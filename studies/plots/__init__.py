"""Plots of results: functions ``plot_x(results, ax=None, ...)`` that draw on axes and return them.

A study can ask for each by its name ``x``. What is drawn is computed in `studies.analysis`.
"""

from studies.plots.agop import plot_agop
from studies.plots.axis import plot_axis, plot_training_dynamics
from studies.plots.breakdown import plot_breakdown
from studies.plots.curves import plot_data_equivalence, plot_learning_curves
from studies.plots.ranking import plot_ranking
from studies.plots.regions import plot_decision_region, plot_density, plot_region

__all__ = [
    "plot_agop",
    "plot_axis",
    "plot_breakdown",
    "plot_data_equivalence",
    "plot_decision_region",
    "plot_density",
    "plot_learning_curves",
    "plot_ranking",
    "plot_region",
    "plot_training_dynamics",
]
