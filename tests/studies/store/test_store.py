"""The contract of stores: one class of tests, run for each kind of database."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from studies.store import maintenance
from studies.store.provenance import collect
from studies.store.seals import MAX_VALUE
from studies.store.store import Outcome, Store

MAP = np.random.default_rng(0).random((13, 13)) < 0.5
OK = Outcome("k1", '{"n": 1}', "ok", {"accuracy": 0.75, "fit_seconds": 1.5}, MAP, seconds=2.0, shared=4, model=b"\0net")
BAD = Outcome("k2", '{"n": 2}', "error", error="ValueError: no", traceback="Traceback ...", seconds=0.1)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
keys = st.sampled_from("abcdef")


@st.composite
def outcomes(draw):
    key, seconds, shared = draw(keys), draw(st.floats(0, 2)), draw(st.integers(1, 300))
    if draw(st.booleans()):
        values = draw(st.dictionaries(texts, st.floats(-MAX_VALUE, MAX_VALUE), max_size=4))
        inside = draw(st.none() | st.integers(1, 5).flatmap(lambda n: arrays(bool, (n, n))))
        return Outcome(key, "{}", "ok", values, inside, "", "", seconds, shared, draw(st.none() | st.binary()))
    return Outcome(
        key, "{}", draw(st.sampled_from(["error", "lost"])), {}, None, draw(texts), draw(texts), seconds, shared
    )


steps = st.lists(
    st.tuples(st.just("add"), outcomes())
    | st.tuples(st.just("merge"), st.lists(outcomes(), max_size=3))
    | st.tuples(st.just("remove"), st.sets(keys, max_size=2)),
    max_size=15,
)


def plain(outcome):
    """Return an outcome in a form that can be compared."""
    inside = outcome.decision_map
    return replace(outcome, decision_map=None if inside is None else (inside.shape, inside.tobytes()))


def content(store):
    """Return the complete outcomes of a store, by key."""
    return {
        key: plain(replace(outcome, decision_map=store.decision_map(key), model=store.model(key)))
        for key, outcome in store.outcomes(store.find("")).items()
    }


DRIVERS = """
import os, random, sys
from studies.store.provenance import collect
from studies.store.seals import MAX_VALUE
from studies.store.store import Outcome, Store

def drive(url, n_cells, driver):
    order = random.Random(driver).sample(range(n_cells), n_cells)
    with Store(url) as store:
        run = store.begin_run(collect(f"driver {driver}", 1))
        for cell in order:
            if cell % 5 == driver:  # the cells that only this driver fails to compute
                outcome = Outcome(f"k{cell}", "{}", "error", error=f"driver {driver}")
            else:
                outcome = Outcome(f"k{cell}", "{}", "ok", {"driver": driver, "cell": cell})
            store.add(outcome, run)
            store.statuses([f"k{cell}"])
        store.end_run(run)

children = []
for driver in (0, 1):
    children.append(os.fork())
    if not children[-1]:
        drive(sys.argv[1], int(sys.argv[2]), driver)
        os._exit(0)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


class StoreContract:
    @pytest.fixture
    def store(self, url):
        with Store(url) as store:
            yield store

    def test_added_outcomes_can_be_read(self, url):
        with Store(url) as store:
            store.add(OK)
            store.add(BAD)
        with Store(url) as store:
            assert content(store) == {"k1": plain(OK), "k2": plain(BAD)}
            assert store.statuses(["k1", "k2", "never"]) == {"k1": "ok", "k2": "error"}
            np.testing.assert_array_equal(store.decision_map("k1"), MAP)
            assert (store.decision_map("k2"), store.model("k2"), store.outcomes(["never"])) == (None, None, {})

    def test_metrics_have_the_same_order_in_every_database(self, store):
        store.add(replace(OK, values={"mse": 0.5, "accuracy_uniform": 0.25, "accuracy": 0.75}))
        assert list(store.outcomes(["k1"])["k1"].values) == ["accuracy", "accuracy_uniform", "mse"]

    def test_outcomes_that_are_ok_stay_and_failed_ones_are_replaced(self, store):
        store.add(BAD)
        store.add(replace(BAD, status="lost", error="gone"))
        assert store.outcomes(["k2"])["k2"].error == "gone"
        store.add(replace(OK, key="k2"))
        for late in (BAD, replace(BAD, status="ok", error="", traceback="", values={"accuracy": 0.5})):
            store.add(late)
            assert content(store) == {"k2": plain(replace(OK, key="k2"))}

    def test_an_outcome_is_stored_completely_or_not_at_all(self, store):
        store.add(BAD)
        with pytest.raises(Exception, match="bytes"):  # raised after the cell and its metrics are written
            store.add(replace(OK, key="k2", model="text"))
        assert content(store) == {"k2": plain(BAD)}

    @pytest.mark.parametrize("bad", [float("nan"), float("-inf"), 1e151, None, "0.5"])
    def test_a_metric_must_be_a_number(self, store, bad):
        with pytest.raises(ValueError, match="the metric 'accuracy' of an outcome must be a number"):
            store.add(Outcome("k", "{}", "ok", {"accuracy": bad}))
        assert store.find("") == []

    @pytest.mark.parametrize("much", [{"values": {"accuracy": 0.5}}, {"decision_map": MAP}, {"model": b""}])
    def test_a_failure_must_not_have_results(self, store, much):
        with pytest.raises(ValueError, match="'error' cannot have metrics, a map or a model: k2"):
            store.add(replace(BAD, **much))

    def test_an_error_with_any_characters_is_stored(self, store):
        store.add(replace(BAD, error="zero \0, half \udc80, 日本"))
        assert store.outcomes(["k2"])["k2"].error == "zero \\x00, half \\udc80, 日本"

    def test_numpy_scalars_are_numbers(self, store):
        store.add(Outcome("k", "{}", "ok", {"a": np.float32(0.5), "b": np.int64(3), "c": -1e150}))
        assert store.outcomes(["k"])["k"].values == {"a": 0.5, "b": 3.0, "c": -1e150}

    def test_each_cell_has_its_run(self, store):
        run = collect("tiny", 3, executor="dask://me:secret@there")
        assert store.begin_run(run) == run.id
        store.add(OK, run.id)
        store.add(BAD)
        assert store.runs() == {run.id: run}
        store.end_run(run.id)
        assert store.runs()[run.id].finished_at >= run.started_at
        origins = store.origins(["k1", "k2"])
        assert (origins["k1"].run, origins["k2"].run) == (run.id, None)
        assert run.started_at <= origins["k1"].stored_at

    def test_a_run_that_is_stored_twice_is_one(self, store):
        """So a transaction can be repeated after a lost connection."""
        run = collect("tiny", 1)
        store.begin_run(run)
        store.begin_run(run)
        assert list(store.runs()) == [run.id]

    def test_keys_are_found_by_their_beginning(self, store):
        for key in ("ab1", "ab2", "Ab3", "a_4"):
            store.add(Outcome(key, "{}", "ok"))
        assert store.find("ab") == ["ab1", "ab2"]
        assert store.find("a_") == ["a_4"]
        assert len(store.find("")) == 4

    def test_a_query_may_have_many_keys(self, store):
        store.add(OK)
        assert store.statuses([f"x{i}" for i in range(5000)] + ["k1"]) == {"k1": "ok"}

    def test_a_second_store_reads_while_the_first_is_open(self, url, store):
        with Store(url) as reader:
            store.add(OK)
            assert reader.statuses(["k1"]) == {"k1": "ok"}

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
        max_examples=settings().max_examples // 5,
    )
    @given(steps=steps)
    def test_a_store_is_a_dictionary_in_which_ok_outcomes_stay(self, store, steps):
        model = {}
        maintenance.remove(store, store.find(""))
        for verb, what in steps:
            if verb == "remove":
                expected = len(what & set(model))
                assert maintenance.remove(store, what) == expected
                model = {key: outcome for key, outcome in model.items() if key not in what}
            elif verb == "merge":
                with Store("sqlite://") as other:
                    for outcome in what:
                        other.add(outcome)
                    for key, outcome in content(other).items():
                        if key not in model or (model[key].status != "ok" and outcome.status == "ok"):
                            model[key] = outcome
                    maintenance.merge(other, store)
            else:
                store.add(what)
                if what.key not in model or model[what.key].status != "ok":
                    model[what.key] = plain(what)
            assert content(store) == model

    def test_two_drivers_at_once_store_each_cell_once_and_lose_none(self, url, run_apart):
        n_cells = 200
        run_apart(DRIVERS, url, str(n_cells))  # which also create the store at the same time
        with Store(url) as store:
            keys = {f"k{cell}" for cell in range(n_cells)}
            stored, origins, runs = store.outcomes(store.find("")), store.origins(keys), store.runs()
            assert set(stored) == keys
            assert all(outcome.status == "ok" for outcome in stored.values())
            for cell in range(n_cells):
                driver = int(stored[f"k{cell}"].values["driver"])
                assert stored[f"k{cell}"].values == {"driver": driver, "cell": cell}
                assert runs[origins[f"k{cell}"].run].study == f"driver {driver}"
            assert all(run.finished_at for run in runs.values())


class TestSqlite(StoreContract):
    @pytest.fixture
    def url(self, sqlite_url):
        return sqlite_url

    def test_the_folder_is_created(self, tmp_path):
        with Store(f"sqlite:///{tmp_path}/deep/down/results.db") as store:
            store.add(OK)
        assert [file.name for file in (tmp_path / "deep" / "down").iterdir()] == ["results.db"]

    def test_memory_does_not_grow_with_the_cells_that_are_added(self, store):
        def add(first, last):
            for number in range(first, last):
                store.add(Outcome(f"k{number}", "{}" * 100, "ok", {"accuracy": 0.5}, MAP))
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = add(0, 200)
            assert add(200, 800) - before < 50_000  # bytes
        finally:
            tracemalloc.stop()

    def test_at_most_a_second_of_computing_is_at_risk_from_a_power_cut(self, store, monkeypatch):
        synced = []
        monkeypatch.setattr(store.database, "transact", lambda work, *, durable: synced.append(durable))
        for cell, seconds in enumerate([0.4, 0.4, 0.4, 0.4, 5.0, 0.0]):
            store.add(Outcome(f"k{cell}", "{}", "ok", seconds=seconds))
        assert synced == [False, False, True, False, True, False]


class TestPostgresql(StoreContract):
    @pytest.fixture
    def url(self, postgresql_url):
        return postgresql_url

    def test_a_transaction_waits_for_a_server_that_restarts(self, store, postgresql):
        store.add(OK)
        postgresql.stop()
        postgresql.start()
        store.add(BAD)
        assert store.statuses(["k1", "k2"]) == {"k1": "ok", "k2": "error"}


def test_measured_leaves_out_times():
    assert OK.measured == {"accuracy": 0.75}
