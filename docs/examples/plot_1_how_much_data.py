"""
Tutorial: how much data is a prior worth?
=========================================

A closed spiral in the plane; points drawn from a density that knows nothing of it; labels inside and outside, without
noise. What does a small net make of a thousand points? What if it is told to look at radius and angle? And how many
points does a method need that is told nothing and only looks up the nearest neighbour?

Everything here is small, so that it runs in seconds: nets are trained for 200 epochs, where the study `prior-vs-data`
takes 1,000. At the end the numbers of the two are set side by side.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.base import clone

from estimators import NetClassifier, fit_many, make
from toymanifold import spiral_problem

# %%
# The problem
# -----------
#
# A problem is a *target*, here the spiral, and a *density*, which says where one gets to look: a mixture of
# Gaussian spots that were placed at random. Some windings are crowded, and others hardly seen.

problem = spiral_problem()
X, y = problem.sample(1_000, 0)

side = np.linspace(-1.15, 1.15, 300)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
truth = problem.label(grid).reshape(300, 300)
density = np.exp(problem.log_density(grid)).reshape(300, 300)

BLUE, ORANGE = "#0173b2", "#de8f05"
EXTENT = (side[0], side[-1], side[0], side[-1])


def draw_spiral(ax):
    ax.imshow(truth, origin="lower", extent=EXTENT, cmap=ListedColormap(["white", "0.88"]))
    ax.set(xticks=[], yticks=[], xlim=EXTENT[:2], ylim=EXTENT[2:])


fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
draw_spiral(left)
left.contour(side, side, density, levels=8, cmap="viridis", linewidths=1)
left.set_title("the spiral, and the density")
draw_spiral(right)
for label, colour in ((0, ORANGE), (1, BLUE)):
    right.scatter(*X[y == label].T, s=6, color=colour, label=("outside", "inside")[label])
right.legend(loc="upper right")
right.set_title("1,000 points")
plt.show()

# %%
# The label of *any* point is known, so that the error of a learner can be measured on as many fresh points as
# one likes. No training seed reaches those of the split "test".

X_test, y_test = problem.sample(20_000, 0, split="test")


def error(learner):
    return 100 * (1 - learner.score(X_test, y_test))  # per cent


# %%
# A net, told nothing and told to look at (r, θ)
# ----------------------------------------------
#
# A net with three hidden layers of 64, on raw coordinates; the same on polar coordinates; and the latter with
# what one would try next: focal loss, layer norm and weight decay. Each on five samples. The prior is one word,
# and `fit_many` trains nets of one kind together.

SEEDS = range(5)
VARIANTS = {
    "net": {},
    "net + polar": {"prior": "polar"},
    "net + polar + extras": {
        "prior": "polar",
        "loss": "focal",
        "layer_norm": True,
        "weight_decay": 0.01,
    },
}
samples = [problem.sample(1_000, seed) for seed in SEEDS]
base = NetClassifier(epochs=200, batch_size=128)
nets = {}
for name, params in VARIANTS.items():
    nets[name] = [clone(base).set_params(random_state=seed, **params) for seed in SEEDS]
    fit_many(nets[name], samples)

errors = {(name, 1_000): [error(net) for net in fitted] for name, fitted in nets.items()}
for (name, n), found in errors.items():
    print(f"{name:20}  n = {n:6,}  {np.mean(found):5.2f} % ({min(found):.2f} to {max(found):.2f})")

# %%
# The prior saves the net most of its errors. The extras change little beside it: the two rows overlap.
#
# Nearest neighbours, with more data
# ----------------------------------
#
# The nearest neighbour is told nothing, and learns nothing but the points. Samples are nested: the first 1,000
# rows of a sample of 10,000 are the sample of 1,000, so the learners below saw what those above saw, and more.

neighbours = {}
for n in (1_000, 10_000):
    neighbours[n] = [make("knn-1").fit(*problem.sample(n, seed)) for seed in SEEDS]
    errors["kNN, k=1", n] = [error(learner) for learner in neighbours[n]]
    print(f"{'kNN, k=1':20}  n = {n:6,}  {np.mean(errors['kNN, k=1', n]):5.2f} %")

# %%
# With ten times the data it catches up with the net that was told. Where each is wrong, on the first sample:
# inside and outside as the learner has it, wrong points in orange.

LEARNERS = {
    "net, n = 1,000": nets["net"][0],
    "net + polar, n = 1,000": nets["net + polar"][0],
    "kNN, n = 1,000": neighbours[1_000][0],
    "kNN, n = 10,000": neighbours[10_000][0],
}
fig, axes = plt.subplots(2, 2, figsize=(8, 8.4), layout="constrained")
for ax, (name, learner) in zip(axes.flat, LEARNERS.items(), strict=True):
    said = learner.predict(grid).reshape(300, 300)
    colours = ListedColormap(["white", "0.8", ORANGE])
    ax.imshow(np.where(said == truth, said, 2), origin="lower", extent=EXTENT, cmap=colours)
    ax.set(title=f"{name}: {error(learner):.1f} %", xticks=[], yticks=[])
plt.show()

# %%
# Beside the full study
# ---------------------
#
# The built-in study `prior-vs-data` does all this in full: eight learners, 1,000 epochs, samples from 100 to
# 100,000. What it found is told in :doc:`/results/prior-vs-data`, whose table is read here.

page = Path("../results/prior-vs-data.md").read_text(encoding="utf-8")
ROW = re.compile(r"^ *([\d,]+)  (\S.*?) {2,}([\d.e-]+) \[([\d.e-]+), ([\d.e-]+)\]", re.MULTILINE)
full = {(name, int(n.replace(",", ""))): tuple(map(float, numbers)) for n, name, *numbers in ROW.findall(page)}

print(f"{'':21}   {'':9}   {'here':>6}   {'full study':>10}")
for (name, n), found in errors.items():
    mean, low, high = full[name, n]
    print(f"{name:21}   {n:9,}   {np.mean(found):4.2f} %   {mean:4.2f} % [{low}, {high}]")

# %%
# The nets are better after 1,000 epochs, the plain one above all: short training makes the prior look better
# than it is. The nearest neighbour has no epochs, and the numbers agree.
#
# So how much data is the prior worth? Go from the polar net at n = 1,000 to the right, until the curve of
# another learner is as low: that is how many times the data it needs.

fig, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
for name, colour, marker in (("net", BLUE, "o"), ("net + polar", ORANGE, "s"), ("kNN, k=1", "#029e73", "^")):
    curve = sorted((n, *numbers) for (other, n), numbers in full.items() if other == name)
    n, mean, low, high = np.transpose(curve)
    ax.plot(n, mean, color=colour, marker=marker, label=f"{name}, full study")
    ax.fill_between(n, low, high, color=colour, alpha=0.2, lw=0)
    here = [(n, np.mean(found)) for (other, n), found in errors.items() if other == name]
    ax.plot(*np.transpose(here), color=colour, marker=marker, mfc="white", ms=9, lw=0, label=f"{name}, here")
level = full["net + polar", 1_000][0]
ax.annotate("", (10_800, level), (1_000, level), arrowprops={"arrowstyle": "->", "lw": 1.5})
ax.text(3_300, level * 0.82, "10.8 times the data", ha="center", va="top")
ax.set(xscale="log", yscale="log", xlabel="training points n", ylabel="error in per cent")
ax.legend(fontsize="small")
ax.grid(color="0.9")
plt.show()

# %%
# The 10.8, with its interval [8.1, 14.8], is what `studies.data_equivalence` says of kNN: see
# :doc:`/statistics`. The next step is a study of your own: :doc:`/howto-studies`.
