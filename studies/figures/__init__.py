"""Pictures: a study's results become axes, by functions ``plot_x(results, ax=None)`` that a study can ask for."""

from studies.figures.agop import plot_agop
from studies.figures.axis import plot_axis, plot_training_dynamics
from studies.figures.breakdown import plot_breakdown
from studies.figures.curves import plot_data_equivalence, plot_learning_curves
from studies.figures.regions import plot_decision_region, plot_density, plot_region

__all__ = [
    "plot_agop",
    "plot_axis",
    "plot_breakdown",
    "plot_data_equivalence",
    "plot_decision_region",
    "plot_density",
    "plot_learning_curves",
    "plot_region",
    "plot_training_dynamics",
]
