"""Labelled manifolds whose true labels, density and geometry are known in closed form."""

from toymanifold.densities import Density, GaussianMixture, UniformBox
from toymanifold.generators import make_sphere, make_spiral
from toymanifold.problems import Problem, sphere_problem, spiral_problem
from toymanifold.regions import Ball, Region, Spiral

__version__ = "0.1.0"

__all__ = [
    "Ball",
    "Density",
    "GaussianMixture",
    "Problem",
    "Region",
    "Spiral",
    "UniformBox",
    "make_sphere",
    "make_spiral",
    "sphere_problem",
    "spiral_problem",
]
