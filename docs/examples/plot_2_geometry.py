"""
Geometry that is known in closed form
=====================================

Of the spiral not only the labels are known: so are its boundary, the signed distance of any point from it, and the
coordinate in which inside and outside are one interval. And the same figure can lie in a space of any dimension.
"""

import matplotlib.pyplot as plt
import numpy as np

from toymanifold import spiral_problem

problem = spiral_problem()
spiral = problem.target

# %%
# Boundary and distance
# ---------------------
#
# The boundary is made of Archimedean arcs; points on it are evenly spaced by arc length. The distance is
# Euclidean and exact, negative inside.

side = np.linspace(-1.15, 1.15, 300)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
distance = problem.signed_distance(grid).reshape(300, 300)

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
left.plot(*spiral.boundary(400).T, ".", ms=3, color="#333333")
left.set(aspect="equal", title=f"400 points of the boundary, {spiral.arc_length:.1f} long")
drawn = right.contourf(side, side, distance, levels=np.linspace(-0.15, 0.15, 13), cmap="RdBu", extend="both")
right.contour(side, side, distance, levels=[0], colors="black", linewidths=1)
right.set(aspect="equal", title="signed distance")
fig.colorbar(drawn, ax=right, shrink=0.8)
plt.show()

# %%
# The exact prior
# ---------------
#
# The *phase* of a point says how far it lies into the band, in pitches. In it inside is one interval, [0, 1/2]:
# who knows the phase knows everything but the labels.

phase = spiral.phase(grid).reshape(300, 300)
X, y = problem.sample(5_000, 0)
print(f"labels follow from the phase: {np.all((spiral.phase(X) <= spiral.band) == y)}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
drawn = left.imshow(phase, origin="lower", extent=(-1.15, 1.15, -1.15, 1.15), cmap="twilight")
left.set_title("phase")
fig.colorbar(drawn, ax=left, shrink=0.8)
bins = np.linspace(0, 2, 81)
for label, colour, name in ((0, "0.6", "outside"), (1, "#1d97ad", "inside")):
    right.hist(spiral.phase(X[y == label]).ravel(), bins, color=colour, label=name, alpha=0.8)
right.set(xlabel="phase", ylabel="points of a sample of 5,000")
right.legend()
plt.show()

# %%
# In fifty dimensions
# -------------------
#
# The plane of the spiral lies at random in R^50, and the other directions carry a little noise. The frame of
# the plane is known, so one can ask of a learner whether it found it (:doc:`/diagnostics`).

embedded = spiral_problem(dimension=50, nuisance_scale=0.1)
X, y = embedded.sample(1_000, 0)
plane = X @ embedded.embedding.frame
print(X.shape, plane.shape, f"labels agree: {np.all(spiral.label(plane) == y)}")
