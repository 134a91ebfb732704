import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs, make_classification, make_moons, make_regression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils.multiclass import type_of_target

from toymanifold import DataProblem, make_spiral

N_ROWS = 200


def data_problem(task="classification", **options):
    y = np.random.default_rng(0).choice(3, N_ROWS, p=[0.6, 0.3, 0.1]) + (0.5 if task == "regression" else 0)
    return DataProblem.from_data(numbered(N_ROWS), y, **options)


def numbered(n_rows):
    """Return rows that say which they are."""
    return np.column_stack([np.arange(n_rows), np.zeros(n_rows)])


PROBLEMS = {
    "classes": data_problem(),
    "values": data_problem("regression"),
    "mask": data_problem(test=np.arange(N_ROWS) % 5 == 0),
    "pool": DataProblem.from_generator(make_moons, pool=N_ROWS),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


@given(name=st.sampled_from(list(PROBLEMS)), split=st.sampled_from(["train", "test"]), seed=st.integers(0, 2**32 - 1))
def test_samples_are_nested(name, split, seed):
    problem = PROBLEMS[name]
    n_rows = problem.n_train_rows if split == "train" else problem.n_test_rows
    X, y = problem.sample(n_rows, seed, split=split)
    for n in (1, 7, n_rows - 1):
        head, labels = problem.sample(n, seed, split=split)
        np.testing.assert_array_equal(head, X[:n])
        np.testing.assert_array_equal(labels, y[:n])


@given(
    counts=st.lists(st.integers(2, 60), min_size=2, max_size=8),
    test=st.floats(0.1, 0.5),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_prefix_has_the_share_of_each_class_to_within_one_row(counts, test, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    problem = DataProblem.from_data(np.zeros((len(y), 1)), y, test=test, random_state=seed)
    _, drawn = problem.sample(problem.n_train_rows, seed)
    shares = np.bincount(drawn) / len(drawn)
    prefixes = np.cumsum(np.eye(len(counts))[drawn], axis=0)
    assert np.abs(prefixes - np.arange(1, len(drawn) + 1)[:, None] * shares).max() < 1
    _, held_out = problem.test()
    held_out = np.bincount(held_out, minlength=len(counts))
    assert np.abs(held_out - np.array(counts) * problem.n_test_rows / len(y)).max() < 1


def test_a_sample_of_all_rows_has_each_training_row_once_and_no_test_row(problem):
    (train, y), (test, _) = problem.sample(problem.n_train_rows, 3), problem.test()
    rows = np.concatenate([train, test])
    assert len(np.unique(rows, axis=0)) == len(rows) == N_ROWS
    np.testing.assert_array_equal(problem.X[problem.is_test], test)
    assert y.dtype == (np.int64 if problem.task == "classification" else np.float64)


def test_an_int_repeats_a_sample_and_a_generator_goes_on(problem):
    def first_row(random_state):
        return problem.sample(50, random_state)[0][:, 0].tolist()

    assert first_row(0) == first_row(np.int64(0)) != first_row(1)
    for make in (np.random.default_rng, np.random.RandomState):
        source = make(0)
        assert first_row(source) == first_row(make(0)) != first_row(source)
    assert first_row(None) != first_row(None)


def test_ties_between_classes_are_broken_by_the_seed():
    y = np.repeat([0, 1, 2], 40)
    problem = DataProblem.from_data(numbered(len(y)), y)
    assert {int(problem.sample(1, seed)[1][0]) for seed in range(30)} == {0, 1, 2}


def test_rows_of_a_frame_keep_columns_dtypes_gaps_and_categories():
    X = pd.DataFrame(
        {"size": [1.0, None, 3.0, 4.0] * 5, "n": range(20), "kind": pd.Categorical(list("abba") * 5, ["a", "b", "c"])},
        index=[f"row {k}" for k in range(20)],
    )
    problem = DataProblem.from_data(X, ["yes", "no"] * 10)
    for rows, y in (problem.sample(10, 0), problem.test()):
        pd.testing.assert_frame_equal(rows, X.loc[rows.index])
        assert [problem.classes[code] for code in y] == ["no" if n % 2 else "yes" for n in rows["n"]]


LABELS = {
    "strings": ["in", "out"],
    "bools": [False, True],
    "ints": [-3, 7, 2**40],
    "integral floats": [0.0, 1.0],
    "floats": [0.5, 1.0, 2.0],
    "objects": np.array([np.int64(1), 2.5, True], dtype=object),
    "pandas integers": pd.array([1, 2], dtype="Int64"),
    "pandas bools": pd.array([True, False], dtype="boolean"),
    "pandas categories": pd.Categorical(["a", "b"]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_the_task_is_that_of_type_of_target(kind):
    labels = LABELS[kind]
    y = pd.Series(labels).repeat(4)
    problem = DataProblem.from_data(numbered(len(y)), y)
    plain = np.array(list(labels))
    assert problem.task == ("regression" if type_of_target(plain) == "continuous" else "classification")
    decoded = problem.y if problem.classes is None else np.array(problem.classes)[problem.y]
    assert decoded.tolist() == np.repeat(plain, 4).tolist()


def test_a_task_that_is_given_overrides_the_labels():
    y = np.repeat([1, 2, 3], 4)
    values = DataProblem.from_data(numbered(12), y, task="regression")
    assert (values.task, values.classes, values.y.tolist()) == ("regression", None, y.tolist())
    classes = DataProblem.from_data(numbered(12), y / 2, task="classification")
    assert classes.classes == (0.5, 1.0, 1.5)


@pytest.mark.parametrize(
    ("make_x", "params"),
    [(make_classification, {}), (make_blobs, {"centers": 4}), (make_regression, {"n_features": 3})],
)
def test_a_sample_is_learnt_as_well_as_one_of_a_split_within_one_draw(make_x, params):
    problem = DataProblem.from_generator(make_x, pool=20_000, **params)
    learner = KNeighborsRegressor() if problem.task == "regression" else KNeighborsClassifier()
    score = learner.fit(*problem.sample(5_000, 0)).score(*problem.test())
    train, test, y, y_test = train_test_split(
        *make_x(20_000, **params, random_state=0), train_size=5_000, random_state=0
    )
    assert score == pytest.approx(learner.fit(train, y).score(test, y_test), abs=0.02)
    assert learner.score(*make_x(5_000, **params, random_state=1)) < score - 0.2  # another seed is another problem


def test_a_generator_is_called_once_and_its_sorted_rows_are_mixed():
    calls = []

    def make_sorted(n_samples, shift=0, *, random_state):
        calls.append((n_samples, random_state, shift))
        return numbered(n_samples), np.arange(n_samples) * 2 // n_samples

    problem = DataProblem.from_generator(make_sorted, pool=1000, problem_seed=5, shift=2)
    for _, y in (problem.sample(100, 0), problem.sample(100, 1), problem.test()):
        assert 0.3 < y.mean() < 0.7
    assert calls == [(1000, 5, 2)]
    same = DataProblem.from_generator(make_sorted, pool=1000, problem_seed=6)
    np.testing.assert_array_equal(problem.is_test, same.is_test)


@pytest.mark.parametrize(("pool", "n_test"), [(4, 1), (1003, 250), (200_000, 50_000), (220_000, 50_000)])
def test_a_quarter_of_the_pool_and_at_most_50_000_rows_are_held_out(pool, n_test):
    def make_cheap(n_samples, random_state):
        return np.zeros((n_samples, 1)), np.arange(n_samples) + 0.5

    assert DataProblem.from_generator(make_cheap, pool=pool).n_test_rows == n_test


X, Y = numbered(8), [0, 1] * 4
NO_EDGES = np.zeros((2, 0), dtype=int)
BAD_DATA = {
    "a nan": ([1.0, np.nan] * 4, {}, "'y'.*without missing labels.*nan in 4 of 8 rows, first in row 1"),
    "a nan among strings": (["a", "b", float("nan"), "b"] * 2, {}, "'y'.*without missing labels.*nan in 2 of 8 rows"),
    "None": (["a", "b", "a", None] * 2, {}, "'y'.*without missing labels.*None in 2 of 8 rows, first in row 3"),
    "pandas.NA": (pd.array([1, 2, None, 1] * 2, dtype="Int64"), {}, "'y'.*without missing labels.*in row 2"),
    "an infinite label": ([0.5, np.inf] * 4, {}, "'y'.*finite"),
    "mixed labels": ([0, "a"] * 4, {}, "'y'.*all strings, or all bools.*int, str"),
    "dates": (pd.to_datetime(["2020", "2021"] * 4), {}, "'y'.*all strings.*datetime"),
    "dates in nanoseconds": (np.array(["2020", "2021"] * 4, dtype="datetime64[ns]"), {}, "'y'.*all strings.*datetime"),
    "one class": (["a"] * 8, {}, "'y'.*two classes at least.*'a' in every row"),
    "one value": ([0.5] * 8, {}, "'y'.*two values at least.*0.5 in every row"),
    "one class to train on": (Y, {"test": np.array(Y) == 1}, "'y'.*in the training rows.*4 training rows of one"),
    "a class of one row": ([*Y[:-1], 7], {}, r"'y'.*two rows at least of each class.*task='regression'.*one row of 7"),
    "two outputs": (np.ones((8, 2)), {}, r"'y'.*one label for each row.*shape \(8, 2\)"),
    "ragged labels": ([[1], [1, 2]] * 4, {}, "'y'.*all strings, or all bools.*list"),
    "too few labels": (Y[:5], {}, r"'y'.*shape \(8,\).*shape \(5,\)"),
    "values of strings": (["a", "b"] * 4, {"task": "regression"}, "'y'.*numbers for regression.*label a"),
    "another task": (Y, {"task": "ranking"}, "'task'.*'classification', 'regression'.*'ranking'"),
    "a share of 0": (Y, {"test": 0.0}, "'test'"),
    "a share of 1": (Y, {"test": 1}, "'test'"),
    "True": (Y, {"test": True}, "'test'"),
    "a short mask": (Y, {"test": [True, False]}, r"'test'.*mask of 8 bools.*shape \(2,\)"),
    "a mask of ints": (Y, {"test": Y}, "'test'.*mask of 8 bools.*dtype int64"),
    "all rows held out": (Y, {"test": [True] * 8}, "'test'.*some True and some False.*True in every row"),
    "no row held out": (Y, {"test": [False] * 8}, "'test'.*some True and some False.*False in every row"),
    "masked labels": (np.ma.masked_array(Y, mask=Y == 1), {}, "'y'.*without a mask"),
    "a test set": (Y, {"test": (X, Y)}, "'test'.*mask of 8 bools.*a tuple"),
    "nodes without a label": ([-1, 0, 1, 1] * 2, {"graph": NO_EDGES}, r"'y'.*other than -1.*classes \[-1, 0, 1\]"),
    "strings without a label": (["-1", "a", "b", "b"] * 2, {"graph": NO_EDGES}, "'y'.*other than -1.*'-1', 'a', 'b'"),
    "a bad seed": (Y, {"random_state": -1}, "'random_state'"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_labels_and_options_are_refused_by_name(case):
    y, options, message = BAD_DATA[case]
    with pytest.raises((TypeError, ValueError), match=f"The {message}"):
        DataProblem.from_data(X, y, **options)


@pytest.mark.parametrize(
    ("table", "given"),
    [
        (np.zeros(8), r"shape \(8,\)"),
        (np.zeros((8, 1, 1)), r"shape \(8, 1, 1\)"),
        (pd.Series(range(8)), r"shape \(8,\)"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        (pd.DataFrame(index=range(8)), r"shape \(8, 0\)"),
        (csr_array(X), "a sparse csr_array"),
        (np.ma.masked_array(X, mask=X > 0), "a masked array"),
    ],
)
def test_what_is_not_a_table_is_refused(table, given):
    with pytest.raises((TypeError, ValueError), match=rf"'X' parameter of DataProblem.from_data must be.*{given}"):
        DataProblem.from_data(table, Y)


BAD_GENERATORS = [
    (make_spiral, {"return_problem": True}, r"'make_x'.*returns \(X, y\).*a tuple of 3"),
    (make_regression, {"coef": True}, r"'make_x'.*returns \(X, y\).*a tuple of 3"),
    (lambda n_samples, random_state: np.zeros((n_samples, 2)), {}, "'make_x'.*a ndarray"),
    (lambda n_samples, random_state: (X, Y), {}, "'make_x'.*40 rows for pool=40.*Got 8"),
    (lambda n_samples, random_state: (csr_array(X), Y), {}, "'X'.*sparse"),
    (lambda n_samples, random_state: (np.zeros((40, 1)), np.zeros((40, 2))), {}, "'y'.*one label for each row"),
    (make_moons, {"random_state": 1}, "'random_state'.*given as 'problem_seed'"),
    (make_moons, {"n_samples": 100}, "'n_samples'.*given as 'pool'"),
    (make_moons, {"pool": 3}, "'pool'"),
    (make_moons, {"problem_seed": -1}, "'problem_seed'"),
]


@pytest.mark.parametrize(("make_x", "params", "message"), BAD_GENERATORS)
def test_what_a_generator_must_not_do_is_refused(make_x, params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        DataProblem.from_generator(make_x, **{"pool": 40, **params})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 151}, r"'n_samples'.*\[1, 150\].*151"),
        ({"n_samples": 51, "split": "test"}, r"'n_samples'.*\[1, 50\].*51"),
        ({"n_samples": 0}, "'n_samples'"),
        ({"n_samples": 2.0}, "'n_samples'"),
        ({"n_samples": 2, "split": "validation"}, "'split'"),
        ({"n_samples": 2, "random_state": -1}, "'random_state'"),
    ],
)
def test_a_sample_that_the_rows_do_not_hold_is_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=rf"The {message}"):
        PROBLEMS["classes"].sample(**arguments)


def test_target_density_and_embedding_are_unknown(problem):
    assert problem.target is problem.density is problem.embedding is None
    assert problem.dimension == 2
