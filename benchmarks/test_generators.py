"""What drawing and labelling cost, each beside a peer in the same run.

Where the cost of a point does not depend on how many there are, the slower side gets fewer.
"""

import subprocess
import sys

import numpy as np
import pytest
import shapely
from matplotlib.path import Path
from sklearn.datasets import make_moons

from toymanifold import Spiral, UniformSphere, make_sphere, make_spiral, spiral_problem

N = 10**7
DENSITIES = {"in the square": "uniform", "of a sample": "mixture", "in the bands": "bands"}

STREAM = """
from toymanifold import spiral_problem
for X, y in spiral_problem().batches({n_samples}, 10**5, 0):
    pass
"""


def points(density, n_samples):
    return make_spiral(n_samples, density=density, random_state=0)[0]


@pytest.mark.benchmark(group="draw and label 1e7 points in the plane (make_moons: 1e6)")
class TestDrawAndLabel:
    def test_standard_normal(self, timed):
        rng = np.random.default_rng(0)
        timed("standard_normal", lambda: rng.standard_normal((N, 2)), N)

    def test_make_spiral(self, timed):
        timed("make_spiral", lambda: make_spiral(N, random_state=0), N)

    def test_make_moons(self, timed):
        # Its shuffle makes larger samples dearer a point, so that 1e6 is in its favour.
        timed("make_moons", lambda: make_moons(N // 10, noise=0.1, random_state=0), N // 10)


@pytest.mark.benchmark(group="label alone: 1e6 points (shapely: 1e5, matplotlib: 1e4)")
@pytest.mark.parametrize("where", DENSITIES)
class TestLabel:
    def test_contains(self, timed, where):
        X = points(DENSITIES[where], 10**6)
        timed(f"Spiral.contains, {where}", lambda: Spiral().contains(X), len(X), rounds=21)

    def test_shapely(self, timed, where):
        X = points(DENSITIES[where], 10**5)
        polygon = shapely.Polygon(Spiral().boundary(1000))
        shapely.prepare(polygon)
        timed(f"shapely.contains_xy, {where}", lambda: shapely.contains_xy(polygon, X), len(X), rounds=21)

    def test_matplotlib(self, timed, where):
        X = points(DENSITIES[where], 10**4)
        path = Path(Spiral().boundary(1000))
        timed(f"Path.contains_points, {where}", lambda: path.contains_points(X), len(X), rounds=21)


@pytest.mark.benchmark(group="draw 200,000 points on S^99")
class TestSphere:
    N = 200_000

    def test_standard_normal(self, timed):
        rng = np.random.default_rng(0)
        timed("standard_normal, 100 columns", lambda: rng.standard_normal((self.N, 100)), self.N)

    def test_uniform_sphere(self, timed):
        rng = np.random.default_rng(0)
        timed("UniformSphere(100)", lambda: UniformSphere(100).sample(self.N, rng), self.N)

    def test_make_sphere_labelled(self, timed):
        name = "make_sphere(dimension=100, target='linear')"
        timed(name, lambda: make_sphere(self.N, dimension=100, target="linear", random_state=0), self.N)


@pytest.mark.benchmark(group="distance of 1e5 points to the boundary (shapely: 1e4)")
class TestSignedDistance:
    def test_signed_distance(self, timed):
        X = points("mixture", 10**5)
        timed("Spiral.signed_distance", lambda: Spiral().signed_distance(X), len(X))

    def test_shapely(self, timed):
        X = shapely.points(points("mixture", 10**4))
        ring = shapely.LinearRing(Spiral().boundary(1000))
        shapely.prepare(ring)
        timed("shapely.distance", lambda: shapely.distance(ring, X), len(X))


@pytest.mark.benchmark(group="stream 1e8 labelled points")
def test_batches(timed, measured, peak_memory):
    n_samples, peaks = 10**8, []
    program = STREAM.format(n_samples=n_samples)
    timed("batches", lambda: peaks.append(peak_memory(program)), n_samples, rounds=1, warmup_rounds=0)
    measured["peak memory of 1e8 points in batches", None] = max(peaks)


@pytest.mark.benchmark(group="threads: 1e7 points")
@pytest.mark.parametrize("n_jobs", [2, 1])
def test_threads(timed, n_jobs):
    name = f"sample, {n_jobs} thread{'s' if n_jobs > 1 else ''}"
    timed(name, lambda: spiral_problem().sample(N, 0, n_jobs=n_jobs), N)


@pytest.mark.benchmark(group="import, interpreter included")
@pytest.mark.parametrize("module", ["numpy", "toymanifold"])
def test_import(timed, module):
    command = [sys.executable, "-c", f"import {module}"]
    timed(f"import {module}", lambda: subprocess.run(command, check=True), 1)
