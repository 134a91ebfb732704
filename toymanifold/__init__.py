"""Labelled manifolds whose true labels, density and geometry are known in closed form."""

from toymanifold.block_model import block_model_problem
from toymanifold.datasets import DataProblem
from toymanifold.densities import GaussianMixture, UniformBall, UniformBox, UniformSphere
from toymanifold.embedding import Embedding
from toymanifold.gaussian import CoordinateFunction, gaussian_problem
from toymanifold.generators import make_concentric_spheres, make_sphere, make_spiral
from toymanifold.harmonics import Constant, Harmonic, Quadratic, SectoralHarmonic, SphereFunction
from toymanifold.modular import ModularOperation, ModularProblem, OneHotPairs, modular_problem
from toymanifold.problems import Problem
from toymanifold.protocols import Density, Region, Target
from toymanifold.spheres import Ball, Shells, concentric_spheres_problem, sphere_problem
from toymanifold.spirals import Screw, Spiral, SpiralBands, spiral_problem
from toymanifold.symmetries import (
    Antipodal,
    CyclicShifts,
    CyclicTurns,
    FunctionSymmetry,
    JointTurns,
    Rotations,
    SignFlips,
    SmallTurns,
    Symmetry,
)

__version__ = "0.1.0"

__all__ = [
    "Antipodal",
    "Ball",
    "Constant",
    "CoordinateFunction",
    "CyclicShifts",
    "CyclicTurns",
    "DataProblem",
    "Density",
    "Embedding",
    "FunctionSymmetry",
    "GaussianMixture",
    "Harmonic",
    "JointTurns",
    "ModularOperation",
    "ModularProblem",
    "OneHotPairs",
    "Problem",
    "Quadratic",
    "Region",
    "Rotations",
    "Screw",
    "SectoralHarmonic",
    "Shells",
    "SignFlips",
    "SmallTurns",
    "SphereFunction",
    "Spiral",
    "SpiralBands",
    "Symmetry",
    "Target",
    "UniformBall",
    "UniformBox",
    "UniformSphere",
    "block_model_problem",
    "concentric_spheres_problem",
    "gaussian_problem",
    "make_concentric_spheres",
    "make_sphere",
    "make_spiral",
    "modular_problem",
    "sphere_problem",
    "spiral_problem",
]
