"""Measure the kept study, and write the store as SQLite and as PostgreSQL, with what is to be read from either.

    python make_kept_store.py postgresql+psycopg://USER@HOST/NEW_DATABASE

A kept store is made once, by the code of its time, and never again: see ../README.md.
"""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from studies import Results, Store, Study
from studies.execution.run import remaining, run
from studies.spec.cells import plan_study

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("toymanifold")
LONG = ["spec", "cpu", "git_commit", "versions"]
"""Columns of the exported table that are left out, to keep it small."""

SESSION = r"(?m)^(SET |SELECT pg_catalog\.set_config|--|\\).*\n|(?<=[ '])public\."
"""What a dump says of its session and of the schema, which are the reader's to choose."""


def toymanifold(*words, exit_code=0):
    """Run the command as users do, so that runs have a command to tell."""
    assert subprocess.run([COMMAND, *words], cwd=HERE, check=False).returncode == exit_code


def measure(study, store):
    """Measure the cells of a learner in no run, those of seed 0 in a run, the others in another run; then lose one."""
    bayes = [planned for planned in plan_study(study) if planned.learner == "Bayes"]
    with ThreadPoolExecutor(1) as executor:
        assert [outcome.status for _, outcome in run(remaining(bayes, store), store, executor)] == ["ok", "ok"]
    for seeds in ("1", "2"):
        words = ("--seeds", seeds, "--jobs", "1", "--keep-models", "--store", "sqlite:///store.db")
        toymanifold("run", "study.toml", *words, exit_code=1)  # for some cells fail
    lost = Results(study, store).cell("kNN + phase", 30, 1, "spiral")
    toymanifold("store", "rm", lost.key, "--yes", "--store", "sqlite:///store.db")
    with sqlite3.connect(HERE / "store.db") as connection:  # one name of a processor may stand for several
        connection.execute("UPDATE runs SET cpu = 'that of the kept store'")
    connection.close()


def map_digests(store):
    maps = {key: store.decision_map(key) for key in store.find("")}
    return {k: hashlib.sha256(np.packbits(m).tobytes()).hexdigest() for k, m in maps.items() if m is not None}


def predictions(results, problem, learner, n_samples, seed):
    """Return what a stored net answers at a few points, and how long its epochs took, which no other net has."""
    net = results.estimator(results.cell(learner, n_samples, seed, problem))
    X = np.random.default_rng(0).uniform(-1, 1, (8, net.n_features_in_)).round(3)
    answers = net.predict_proba(X)[:, 1] if problem == "spiral" else net.predict(X)
    place = {"problem": problem, "learner": learner, "n_samples": n_samples, "seed": seed}
    return {"cell": place, "epoch": net.history_["dur"].max(), "X": X.tolist(), "y": answers.tolist()}


def write_expected(study, store):
    results = Results(study, store)
    models = [
        predictions(results, "spiral", "net in the plane", 30, 0),
        predictions(results, "values, noise=0.1", "net of values", 40, 1),
    ]
    text = json.dumps({"maps": map_digests(store), "models": models}, indent=1)
    (HERE / "expected.json").write_text(re.sub(r"\n {4,}|\n {3}(?=[\]}])", " ", text) + "\n")
    toymanifold("export", "study.toml", "--output", "export.csv", "--store", "sqlite:///store.db")
    table = pd.read_csv(HERE / "export.csv", dtype=str, keep_default_na=False)
    table.drop(columns=LONG).to_csv(HERE / "export.csv", index=False)


def write_postgresql(url):
    toymanifold("store", "merge", "store.db", url)
    words = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", url.replace("+psycopg", "")]
    text = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    (HERE / "store.postgresql.sql").write_text(re.sub(r"\n{2,}", "\n", re.sub(SESSION, "", text)).lstrip())


def main(url):
    assert not (HERE / "store.db").exists(), "there is one"
    study = Study.from_toml(HERE / "study.toml")
    with Store(f"sqlite:///{HERE}/store.db") as store:
        measure(study, store)
        write_expected(study, store)
    toymanifold("store", "gc", "--store", "sqlite:///store.db")
    write_postgresql(url)


if __name__ == "__main__":
    main(sys.argv[1])
