"""The built-in studies: a TOML file each, and a module where one measures, claims or draws something of its own."""

from studies.library import ablation, label_noise, prior_vs_data

__all__ = ["ablation", "label_noise", "prior_vs_data"]
