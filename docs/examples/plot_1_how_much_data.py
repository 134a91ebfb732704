"""
Tutorial: how much data is a prior worth?
=========================================

A closed spiral in the plane; points drawn from a density that knows nothing of it; labels inside and outside, without
noise. What does a small net make of a thousand points? What if it sees polar coordinates? And how many points does a
method need that has no prior and only looks up the nearest neighbour?

Everything here is small, so that it runs in seconds: nets are trained for 200 epochs, where the study `prior-vs-data`
takes 1,000. At the end the numbers of the two are set side by side.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from sklearn.base import clone

from estimators import NetClassifier, fit_many, make_learner
from studies.analysis import summary
from toymanifold import spiral_problem

# %%
# The problem
# -----------
#
# A problem is a *target*, here the spiral, and a *density*, which says where one gets to look: a mixture of
# Gaussian spots that were placed at random. Some windings are crowded, and others nearly empty.

problem = spiral_problem()
X, y = problem.sample(1_000, 0)

side = np.linspace(-1.15, 1.15, 300)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
truth = problem.label(grid).reshape(300, 300)
density = np.exp(problem.log_density(grid)).reshape(300, 300)

INSIDE, WRONG, INK = "#1d97ad", "#fe3b53", "#333333"
EXTENT = (side[0], side[-1], side[0], side[-1])


def draw_spiral(ax):
    ax.imshow(truth, origin="lower", extent=EXTENT, cmap=ListedColormap(["white", "0.88"]))
    ax.set(xticks=[], yticks=[], xlim=EXTENT[:2], ylim=EXTENT[2:])


fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
draw_spiral(left)
left.contour(side, side, density, levels=8, cmap="viridis", linewidths=1)
left.set_title("the spiral, and the density")
draw_spiral(right)
for label, colour in ((0, INK), (1, INSIDE)):
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
# A net without a prior and on polar coordinates
# ----------------------------------------------
#
# A net with three hidden layers of 64, on raw coordinates; the same on polar coordinates; and the latter with
# what one would try next: focal loss, layer norm and weight decay. Each on five samples. The prior is one word,
# and `fit_many` fits each net to its own sample.

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
# The nearest neighbour has no prior and learns nothing but the points. Samples are nested: the first 1,000 rows of
# a sample of 10,000 are the sample of 1,000, so the learners below get the points of those above, and more.

neighbours = {}
for n in (1_000, 10_000):
    neighbours[n] = [make_learner("knn", n_neighbors=1).fit(*problem.sample(n, seed)) for seed in SEEDS]
    errors["kNN, k=1", n] = [error(learner) for learner in neighbours[n]]
    print(f"{'kNN, k=1':20}  n = {n:6,}  {np.mean(errors['kNN, k=1', n]):5.2f} %")

# %%
# With ten times the data it catches up with the polar net. Where each is wrong, on the first sample: inside and
# outside as the learner predicts them, wrong points in red.

LEARNERS = {
    "net, n = 1,000": nets["net"][0],
    "net + polar, n = 1,000": nets["net + polar"][0],
    "kNN, n = 1,000": neighbours[1_000][0],
    "kNN, n = 10,000": neighbours[10_000][0],
}
fig, axes = plt.subplots(2, 2, figsize=(8, 8.4), layout="constrained")
for ax, (name, learner) in zip(axes.flat, LEARNERS.items(), strict=True):
    predicted = learner.predict(grid).reshape(300, 300)
    colours = ListedColormap(["white", "0.8", WRONG])
    ax.imshow(np.where(predicted == truth, predicted, 2), origin="lower", extent=EXTENT, cmap=colours)
    ax.set(title=f"{name}: {error(learner):.1f} %", xticks=[], yticks=[])
plt.show()

# %%
# Beside the full study
# ---------------------
#
# The built-in study `prior-vs-data` does all this in full: 1,000 epochs, samples from 100 to a million. What it found
# is on the page :doc:`/results/prior-vs-data`; its numbers are kept beside it.

kept = pd.read_csv("../results/data/prior-vs-data.csv").query("metric == 'accuracy'")
full = summary(kept.assign(metric="error", value=1 - kept["value"])).set_index(["learner", "n_samples"])
full = 100 * full[["mean", "low", "high"]]

print(f"{'':21}   {'':9}   {'here':>6}   {'full study':>10}")
for (name, n), found in errors.items():
    mean, low, high = full.loc[name, n]
    print(f"{name:21}   {n:9,}   {np.mean(found):4.2f} %   {mean:4.2f} % [{low:.2f}, {high:.2f}]")

# %%
# The nets are better after 1,000 epochs, the plain one above all: short training makes the prior look better
# than it is. The nearest neighbour has no epochs, and the numbers agree.
#
# So how much data is the prior worth? Go from the polar net at n = 1,000 to the right, until the curve of
# another learner is as low: that is how many times the data it needs.

fig, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
for name, colour, marker in (("net", "#0099f1", "o"), ("net + polar", "#00609a", "o"), ("kNN, k=1", "#d85400", "s")):
    curve = full.loc[name]
    ax.plot(curve.index, curve["mean"], color=colour, marker=marker, label=f"{name}, full study")
    ax.fill_between(curve.index, curve["low"], curve["high"], color=colour, alpha=0.2, lw=0)
    here = [(n, np.mean(found)) for (other, n), found in errors.items() if other == name]
    ax.plot(*np.transpose(here), color=colour, marker=marker, mfc="white", ms=9, lw=0, label=f"{name}, here")
level = full.loc[("net + polar", 1_000), "mean"]
ax.annotate("", (11_600, level), (1_000, level), arrowprops={"arrowstyle": "->", "lw": 1.5})
ax.text(3_300, level * 0.82, "11.6 times the data", ha="center", va="top")
ax.set(xscale="log", yscale="log", xlabel="training points n", ylabel="error in per cent")
ax.legend(fontsize="small")
ax.grid(color="0.9")
plt.show()

# %%
# The factor, with its interval, is what `studies.data_equivalence` says of kNN: see
# :doc:`/statistics`. The next step is a study of your own: :doc:`/howto-studies`.
