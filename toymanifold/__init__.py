"""Labelled manifolds whose true labels, density and geometry are known in closed form."""

from toymanifold.arithmetic import ModularOperation, ModularProblem, OneHotPairs, modular_problem
from toymanifold.densities import Density, GaussianMixture, UniformBall, UniformBox, UniformSphere
from toymanifold.embedding import Embedding
from toymanifold.gaussians import CoordinateFunction, gaussian_problem
from toymanifold.generators import make_concentric_spheres, make_sphere, make_spiral
from toymanifold.problems import Problem, concentric_spheres_problem, sphere_problem, spiral_problem
from toymanifold.regions import Ball, Region, Shells, Target
from toymanifold.spirals import Spiral, SpiralBands
from toymanifold.targets import Constant, Harmonic, Quadratic, SphereFunction

__version__ = "0.1.0"

__all__ = [
    "Ball",
    "Constant",
    "CoordinateFunction",
    "Density",
    "Embedding",
    "GaussianMixture",
    "Harmonic",
    "ModularOperation",
    "ModularProblem",
    "OneHotPairs",
    "Problem",
    "Quadratic",
    "Region",
    "Shells",
    "SphereFunction",
    "Spiral",
    "SpiralBands",
    "Target",
    "UniformBall",
    "UniformBox",
    "UniformSphere",
    "concentric_spheres_problem",
    "gaussian_problem",
    "make_concentric_spheres",
    "make_sphere",
    "make_spiral",
    "modular_problem",
    "sphere_problem",
    "spiral_problem",
]
