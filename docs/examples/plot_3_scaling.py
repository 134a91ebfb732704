"""
How a scaling law is fitted
===========================

The error of the nearest neighbour falls as a power of n. Which power, and what error would a larger sample have? A law
is fitted to the means over seeds, its intervals come from leaving out whole seeds, and the forecast is put to the test.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from estimators import make_learner
from studies.analysis import NoScalingLaw, crossover, fit_scaling, learning_curve
from toymanifold import spiral_problem

# %%
# What is measured
# ----------------
#
# Two learners that take no time, on five samples of nine sizes. The table is of the form that `Results.frame` has.

problem = spiral_problem()
X_test, y_test = problem.sample(50_000, 0, split="test")
SIZES = [100, 178, 316, 562, 1_000, 1_778, 3_162, 5_623, 10_000]


def accuracy(learner, n, seed):
    return learner.fit(*problem.sample(n, seed)).score(X_test, y_test)


LEARNERS = {f"kNN, k={k}": make_learner("knn", n_neighbors=k) for k in (1, 5)}
rows = [
    (name, n, seed, "accuracy", accuracy(learner, n, seed))
    for name, learner in LEARNERS.items()
    for n in SIZES
    for seed in range(5)
]
frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])

# %%
# The law, and its forecast
# -------------------------

curve = learning_curve(frame, "kNN, k=1")
law = fit_scaling(curve)
print(f"{law.family}: exponent {law.exponent:.2g}, floor {law.floor:.2g}")

far = 40_000
forecast = law.extrapolate(far)
found = np.mean([1 - accuracy(LEARNERS["kNN, k=1"], far, seed) for seed in range(5)])
print(f"error at n = {far:,}: predicted {forecast:.2g}, found {found:.3g}")

# %%

n = np.geomspace(SIZES[0], far, 20)
band = [law.extrapolate(size) for size in n]
fig, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
ax.plot(n, law.predict(n), color="#d85400", label=f"{law.family}")
ax.fill_between(n, [i.low for i in band], [i.high for i in band], color="#d85400", alpha=0.2, lw=0)
ax.plot(curve.sizes, curve.errors.T, ".", color="0.6", ms=4)
ax.plot(curve.sizes, curve.errors.mean(axis=0), "o", color="#d85400", label="means of five seeds")
ax.plot(far, found, "D", color="#333333", label="found afterwards")
ax.set(xscale="log", yscale="log", xlabel="training points n", ylabel="error")
ax.legend()
ax.grid(color="0.9")
plt.show()

# %%
# Which of two is ahead
# ---------------------

print(crossover(frame, "kNN, k=5", "kNN, k=1"))

# %%
# Where there is no law
# ----------------------
#
# Where the data cannot support a law there is none, and the error says why.

try:
    fit_scaling(learning_curve(frame[frame["n_samples"] <= 1_000], "kNN, k=1"))
except NoScalingLaw as error:
    print(error)
