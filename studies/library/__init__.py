"""The built-in studies: a TOML file each, and a module where one measures, claims or draws something of its own."""

from studies.library import (
    ablation,
    adversarial_spheres,
    depth,
    dimension,
    double_descent,
    feature_learning,
    graphs,
    grokking,
    label_noise,
    prior_vs_data,
    regularisers,
    robustness_law,
    symmetry,
    transfer,
    unlabelled,
)

__all__ = [
    "ablation",
    "adversarial_spheres",
    "depth",
    "dimension",
    "double_descent",
    "feature_learning",
    "graphs",
    "grokking",
    "label_noise",
    "prior_vs_data",
    "regularisers",
    "robustness_law",
    "symmetry",
    "transfer",
    "unlabelled",
]
