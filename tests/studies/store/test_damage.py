"""Damaged files: what is read is what was stored, or it is left out and named, or it is one error."""

import json
import random
import shutil
import sqlite3
import warnings
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from studies.cli.main import app
from studies.store import maintenance, seals
from studies.store.provenance import collect
from studies.store.store import DamageWarning, Outcome, Store, StoreError

N_CELLS = 60
N_DAMAGES = 40
PAGE = 4096


def cell(number):
    rng = np.random.default_rng(number)
    key = rng.bytes(32).hex()
    if number % 10 == 9:
        return Outcome(key, json.dumps({"n": number}), "error", error="ValueError: no", traceback="Traceback ...\n" * 9)
    values = {name: float(rng.random()) for name in ("accuracy", "accuracy_uniform", "mse", "fit_seconds")}
    inside = rng.random((40, 40)) < 0.5 if number % 4 == 0 else None
    model = rng.bytes(900) if number % 7 == 0 else None
    return Outcome(key, json.dumps({"n": number}), "ok", values, inside, seconds=float(rng.random()), model=model)


def read(path):
    """Return all that a store says, by cell, run and plan; maps as bytes."""
    with Store(path, must_exist=True) as store:
        found = store.records(store.find(""))
        cells = {key: (outcome, origin.run) for key, (outcome, origin) in found.items()}
        maps = {key: store.decision_map(key) for key in cells}
        maps = {key: (inside.shape, inside.tobytes()) for key, inside in maps.items() if inside is not None}
        models = {key: model for key in cells if (model := store.model(key)) is not None}
        runs = {key: replace(run, finished_at=None) for key, run in store.runs().items()}
        plans = {key: store.plan(key, "b") for key in runs}
        return {"cells": cells, "maps": maps, "models": models, "runs": runs, "plans": plans}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A closed store, and what it holds."""
    path = tmp_path_factory.mktemp("whole") / "results.db"
    with Store(path) as store:
        records = [collect("tiny", 3) for _ in range(12)]
        for run in records:
            store.begin_run(run)
            store.keep_plan(run.id, "b", "[1, 2, 3]")
        for number in range(N_CELLS):
            store.add(cell(number), records[number % 12].id)
        for run in records:
            store.end_run(run.id)
        maintenance.clean(store)
    return path, read(path)


def damage(path, rng):
    """Change a bit, 16 bytes or a page of a file, at random."""
    content = bytearray(path.read_bytes())
    kind = rng.choice(["bit", "bytes", "page"])
    if kind == "bit":
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == "bytes":
        at = rng.randrange(len(content) - 16)
        content[at : at + 16] = rng.randbytes(16)
    else:
        at = PAGE * rng.randrange(len(content) // PAGE)
        content[at : at + PAGE] = rng.choice([rng.randbytes(PAGE), bytes(PAGE)])
    path.write_bytes(bytes(content))
    return kind


def read_or_error(path):
    """Return what a store says, or nothing and its error."""
    try:
        return read(path), ""
    except StoreError as error:
        return {}, str(error)


def wrong(found, stored):
    """Return what was read as something else than was stored."""
    return [
        (part, key)
        for part, rows in found.items()
        for key, row in rows.items()
        if row is not None and row != stored[part].get(key)
    ]


@pytest.mark.parametrize("seed", range(N_DAMAGES))
def test_damage_is_never_read_as_other_results(whole, tmp_path, seed):
    path, stored = whole
    damaged = shutil.copy(path, tmp_path / "results.db")
    damage(damaged, random.Random(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        found, error = read_or_error(damaged)
    assert wrong(found, stored) == []
    assert (str(damaged) in error and "\n" not in error) or not error


def change(path, statement, *values):
    """Change a store as another program would, which knows nothing of digests."""
    with Store(path) as store, store.database.writing() as connection:
        connection.exec_driver_sql(statement, values)


CHANGES = {
    "a value": "UPDATE cell_values SET value = value + 1e-9 WHERE key = ? AND metric = 'mse'",
    "a value that is missing": "DELETE FROM cell_values WHERE key = ? AND metric = 'mse'",
    "a value that is too many": "INSERT INTO cell_values VALUES (?, 'x', 0.5)",
    "the status": "UPDATE cells SET status = 'lost' WHERE key = ?",
    "the time": "UPDATE cells SET stored_at = '2001-01-01 00:00:00.000000' WHERE key = ?",
    "the run": "UPDATE cells SET run = NULL WHERE key = ?",
    "the trust": "UPDATE cells SET on_trust = 1 WHERE key = ?",
    "the digest": "UPDATE cells SET digest = NULL WHERE key = ?",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_a_changed_cell_is_named_left_out_and_replaced(whole, tmp_path, statement):
    path = shutil.copy(whole[0], tmp_path / "results.db")
    outcome = cell(0)
    change(path, statement, outcome.key)
    with Store(path) as store:
        with pytest.warns(DamageWarning, match=f"damaged cells.* {outcome.key[:12]}; see"):
            missing = store.missing([outcome.key, cell(1).key])
        assert missing == [outcome.key]
        assert store.outcomes([outcome.key]) == {}
        assert maintenance.select(store, status="damaged") == [outcome.key]
        store.add(outcome)
    with Store(path) as store:
        assert store.outcomes([outcome.key])[outcome.key].values == outcome.values
        np.testing.assert_array_equal(store.decision_map(outcome.key), outcome.decision_map)
        assert maintenance.check(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cell_maps SET size = 41 WHERE key = ?",
        "UPDATE cell_maps SET bits = zeroblob(200) WHERE key = ?",
        "DELETE FROM cell_maps WHERE key = ?",
        "UPDATE cells SET map_digest = NULL WHERE key = ?",
    ],
)
def test_a_changed_map_is_named_and_not_read(whole, tmp_path, statement):
    path = shutil.copy(whole[0], tmp_path / "results.db")
    change(path, statement, cell(0).key)
    with Store(path) as store:
        with pytest.warns(DamageWarning):
            inside = store.decision_map(cell(0).key)
        assert inside is None
        (line,) = maintenance.check(store)
        assert line.startswith(f"{cell(0).key}: its map is ")


def test_damaged_cells_are_not_copied(whole, tmp_path):
    path = shutil.copy(whole[0], tmp_path / "results.db")
    for number, statement in enumerate(
        (CHANGES["a value"], "UPDATE cell_models SET model = x'00' WHERE key = ?", CHANGES["the digest"])
    ):
        change(path, statement, cell(7 * number).key)
    with Store(path) as source, Store("sqlite://") as into:
        with pytest.warns(DamageWarning):
            assert maintenance.merge(source, into).added == N_CELLS - 3
        assert set(source.find("")) - set(into.find("")) == {cell(7 * number).key for number in range(3)}
        assert maintenance.check(into) == []


def test_check_names_keys_that_are_not_text_and_rows_without_a_cell(whole, tmp_path):
    path = shutil.copy(whole[0], tmp_path / "results.db")
    keys = {"cells": cell(1).key, "cell_values": cell(2).key, "cell_maps": cell(4).key, "cell_models": cell(7).key}
    with closing(sqlite3.connect(path)) as connection:  # without foreign keys
        for table, key in keys.items():
            connection.execute(f"UPDATE {table} SET key = CAST(key AS BLOB) WHERE key = ?", (key,))
        connection.execute("DELETE FROM cells WHERE key = ?", (cell(28).key,))
        connection.commit()
    ran = CliRunner().invoke(app, ["store", "check", "--store", str(path)], catch_exceptions=False)
    assert ran.exit_code == 1
    assert f"{keys['cells'].encode()!r}: its key is not valid" in ran.output
    for table in ("cell_values", "cell_maps", "cell_models"):
        assert f"{table}: {keys[table].encode()!r} is not the key of a cell" in ran.output
        assert f"{table}: {cell(28).key!r} is not the key of a cell" in ran.output
    with Store(path) as store, warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        maintenance.clean(store)
        assert not any("is not the key" in line for line in maintenance.check(store))


def test_a_version_that_is_damaged_is_an_error(whole, tmp_path):
    for version in (-3, 0, 1, 2, 7):
        path = shutil.copy(whole[0], tmp_path / "results.db")
        change(path, f"UPDATE toymanifold_schema SET version = {version}")
        with pytest.raises(StoreError):
            Store(path)


ODD = ("'text'", "x'00ff'", "9e999", "-9e999", "1e308", "-5", "0", "1000000000", "'9999-99-99'", "'\x1b[2J'")
COLUMNS = {
    "cells": ("spec", "status", "error", "seconds", "stored_at", "shared", "output", "on_trust", "map_digest"),
    "cell_values": ("metric", "value"),
    "cell_maps": ("size", "bits"),
    "cell_models": ("model",),
    "runs": ("started_at", "finished_at", "seeds", "cores", "versions", "git_dirty", "host"),
    "plans": ("code", "plan", "digest"),
}


@pytest.mark.parametrize("start", [0, 5])
@pytest.mark.parametrize("table", COLUMNS)
def test_odd_values_are_left_out(whole, tmp_path, table, start):
    """They may have the right digest, as in a hostile store; then a text may be read as another text."""
    path = shutil.copy(whole[0], tmp_path / "results.db")
    columns = COLUMNS[table]
    with Store(path) as store, store.database.writing() as connection:
        rows = connection.exec_driver_sql(f"SELECT rowid FROM {table} LIMIT {N_CELLS}").scalars().all()
        for place, row in enumerate(rows, start):
            column, value = columns[place % len(columns)], ODD[place % len(ODD)]
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE rowid = {row}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        assert wrong(read(path), whole[1]) == []
        with Store(path) as store, store.database.writing() as connection:
            seals.seal_all(connection)
        values = [value for outcome, _ in read(path)["cells"].values() for value in outcome.values.values()]
    assert max(map(abs, values)) <= seals.MAX_VALUE
    for words in (["ls"], ["check"], *(["show", cell(number).key] for number in range(9))):
        printed = CliRunner().invoke(app, ["store", *words, "--store", str(path)], catch_exceptions=False)
        assert printed.exit_code in (0, 1, 2)
        assert "\x1b" not in printed.output
