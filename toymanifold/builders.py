"""The builders of problems by name."""

from collections.abc import Callable
from typing import Any

from toymanifold.block_model import block_model_problem
from toymanifold.gaussian import gaussian_problem
from toymanifold.modular import modular_problem
from toymanifold.spheres import concentric_spheres_problem, sphere_problem
from toymanifold.spirals import spiral_problem

PROBLEM_SEED = "problem_seed"
"""Parameter of a builder that draws a random problem."""

PROBLEMS: dict[str, Callable[..., Any]] = {
    "spiral": spiral_problem,
    "sphere": sphere_problem,
    "concentric-spheres": concentric_spheres_problem,
    "gaussian": gaussian_problem,
    "modular": modular_problem,
    "block-model": block_model_problem,
}
"""Builders of problems by name."""
