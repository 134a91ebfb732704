import csv
import inspect
import os

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from studies.registry import data
from studies.registry.data import GeneratorBuilder, LoaderBuilder, data_problem, file_digest
from studies.registry.imports import LOADERS
from studies.registry.params import canonical_params, named_parameters
from toymanifold import DataProblem

GENERATORS = [name for name in sorted(dir(sklearn.datasets)) if name.startswith("make_")]
NOT_PROBLEMS = {
    "make_biclusters": "must have the parameters n_samples",
    "make_checkerboard": "must have the parameters n_samples",
    "make_low_rank_matrix": "Got ndarray",
    "make_multilabel_classification": r"Got \[\(1000, 20\), \(1000, 5\)\]",
    "make_sparse_coded_signal": "Got map",
    "make_sparse_spd_matrix": "must have the parameters n_samples",
    "make_spd_matrix": "must have the parameters n_samples",
}
NEEDED = {"n_components": 3, "n_features": 4, "n_nonzero_coefs": 2}

TABLE = pd.DataFrame(
    {
        "size": [1.5, None, 3.0, 4.0] * 6,
        "colour": ["red", None, "blue"] * 8,
        "held": [True, False, False, False] * 6,
        "label": ["yes", "no", "yes"] * 8,
    }
)


def written(path, table=TABLE):
    match path.suffix.lower():
        case ".csv":
            table.to_csv(path, index=False)
        case ".parquet":
            pytest.importorskip("pyarrow")
            table.to_parquet(path)
        case ".npz":
            np.savez(path, X=table[["size"]], held=table["held"], label=table["label"].to_numpy(dtype=str))
    return str(path)


def error_of(path, target="label", **options):
    with pytest.raises(ValueError, match=r"The '\w+' parameter of ") as caught:
        data_problem(str(path), target, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["my.csv", "MY.CSV", "my.parquet", "my.npz"])
def test_a_file_is_the_problem_of_its_rows(tmp_path, name):
    problem = data_problem(written(tmp_path / name), "label", test="held")
    assert (problem.classes, problem.n_train_rows) == (("no", "yes"), 18)
    np.testing.assert_array_equal(problem.is_test, TABLE["held"])
    np.testing.assert_array_equal(np.array(problem.X)[:, 0].astype(float), TABLE["size"])
    assert data_problem(str(tmp_path / name), "label", test=0.5).n_test_rows == 12


@pytest.mark.parametrize("name", ["my.csv", "my.parquet"])
def test_features_are_kept_as_they_are(tmp_path, name):
    table = TABLE if name == "my.csv" else TABLE.astype({"colour": "category"})
    X = data_problem(written(tmp_path / name, table), "label", test="held").X
    pd.testing.assert_frame_equal(X, table[["size", "colour"]])


@pytest.mark.parametrize("marks", [[1, 0, 0, 0] * 6, [1.0, 0.0, 0.0, 0.0] * 6, ["True", "False", "false", "FALSE"] * 6])
def test_a_column_says_which_rows_are_held_out(tmp_path, marks):
    path = written(tmp_path / "my.csv", TABLE.assign(held=marks))
    np.testing.assert_array_equal(data_problem(path, "label", test="held").is_test, TABLE["held"])


def test_labels_are_classes_or_numbers(tmp_path):
    path = written(tmp_path / "my.csv", TABLE.assign(label=np.arange(24)))
    assert data_problem(path, "label", task="regression").task == "regression"
    assert "one row of 0" in error_of(path)


def test_the_digest_is_that_of_the_content(tmp_path):
    first, copy = (written(tmp_path / name) for name in ("first.csv", "copy.csv"))
    assert file_digest(first) == file_digest(copy)
    data_problem(copy, "label", sha256=file_digest(first))
    changed = written(tmp_path / "changed.csv", TABLE[1:])
    assert "changed.csv" in error_of(changed, sha256=file_digest(first))


@pytest.mark.parametrize(
    ("target", "options", "parameter", "message"),
    [
        ("labl", {}, "target", "unknown column 'labl' of 'my.csv'; did you mean 'label'?"),
        (3, {}, "target", "must be the name of a column. Got 3"),
        ("size", {}, "target", "data ('size' of 'my.csv') must be without missing labels"),
        ("one", {}, "target", "data ('one' of 'my.csv') must be of two classes at least"),
        ("rare", {}, "target", "one row of 'b'"),
        ("label", {"test": "hold"}, "test", "unknown column 'hold' of 'my.csv'; did you mean 'held'?"),
        ("label", {"test": "label"}, "test", "must be another column than the target 'label'"),
        ("label", {"test": "size"}, "test", "1 or 0. Got 'size'"),
        ("label", {"test": "one"}, "test", "1 or 0. Got 'one'"),
        ("label", {"test": "ones"}, "test", "data ('ones' of 'my.csv') must be"),
        ("label", {"test": 1}, "test", "a finite float in (0, 1). Got 1"),
        ("label", {"task": "ranking"}, "task", "Got 'ranking'"),
    ],
)
def test_an_argument_that_does_not_fit_the_file_is_refused(tmp_path, target, options, parameter, message):
    path = written(tmp_path / "my.csv", TABLE.assign(one="a", ones=1, rare=["b", *"a" * 23]))
    found = error_of(path, target, **options)
    assert found.startswith(f"The '{parameter}' parameter of ")
    assert message in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("my.csv", b"", "No columns to parse from file"),
        ("my.csv", b"label\na\nb\n", "a feature at least. Got 'shape (2, 0)'"),
        ("my.csv", b"x,label\n", "a feature at least. Got 'shape (0, 1)'"),
        ("my.csv", b"x,label\n1,a\n2,b,3\n", "Expected 2 fields in line 3, saw 3"),
        ("my.csv", b"x,label\n0,1,a\n1,2,b\n", "Length of header or names does not match length of data"),
        ("my.csv", b"x,label,label\n1,a,a\n", "two columns are named 'label'"),
        ("my.csv", b"x,label\n\xe9,a\n", "'utf-8' codec can't decode"),
        ("my.parquet", b"x,label\n1,a\n", "a .parquet file that can be read"),
        ("my.npz", b"x,label\n1,a\n", "File is not a zip file"),
        ("my.txt", b"x,label\n1,a\n", "ends in .csv, .parquet, .npz"),
        ("my.csv.gz", b"", "ends in .csv, .parquet, .npz"),
    ],
)
def test_a_file_of_another_content_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert message in error_of(tmp_path / name)


@pytest.mark.parametrize("path", ["missing.csv", "folder.csv", "pipe.csv", "https://example.org/my.csv", "a\0.csv", 3])
def test_only_local_files_are_opened(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for read in (file_digest, lambda path: data_problem(path, "label")):
        with pytest.raises(ValueError, match="The 'path' parameter of data must be"):
            read(path)


def test_arrays_that_need_pickle_are_refused(tmp_path):
    np.savez(tmp_path / "my.npz", X=np.ones((4, 2)), label=np.array(["a", "b", "a", "b"], dtype=object))
    assert "Object arrays cannot be loaded" in error_of(tmp_path / "my.npz")


def test_strings_that_are_not_utf_8_are_refused(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    labels = pa.array([b"a", b"\xe9"] * 2, pa.binary()).view(pa.string())
    pq.write_table(pa.table({"x": [1, 2, 3, 4], "label": labels}), tmp_path / "my.parquet")
    assert "Invalid UTF8" in error_of(tmp_path / "my.parquet")


def test_the_features_of_arrays_are_called_x(tmp_path):
    np.savez(tmp_path / "my.npz", x=np.ones((4, 2)), label=np.array([0, 1, 0, 1]))
    assert "The 'path' parameter of data must name a column: unknown column 'X' of 'my.npz'" in error_of(
        tmp_path / "my.npz"
    )


@pytest.mark.parametrize("name", ["my.csv", "my.parquet", "my.npz"])
def test_files_are_limited_in_size_with_what_they_unpack_to(tmp_path, monkeypatch, name):
    path = tmp_path / name
    same = TABLE.loc[np.zeros(10_000, dtype=int)]
    written(path, same)
    if name == "my.npz":
        np.savez_compressed(path, X=np.zeros((10_000, 1)))
    monkeypatch.setattr(data, "MAX_BYTES", 50_000)
    assert (path.stat().st_size < 50_000) == (name != "my.csv")
    assert "50,000 bytes" in error_of(path) or "more than 50,000" in error_of(path)


def test_a_large_value_that_a_parquet_file_has_once_is_read_for_each_row(tmp_path, monkeypatch):
    path = tmp_path / "my.parquet"
    written(path, pd.DataFrame({"a": ["x" * 10_000] * 3_000, "label": [0, 1] * 1_500}))
    monkeypatch.setattr(data, "MAX_BYTES", 1_000_000)
    assert path.stat().st_size < 10_000
    assert "its content takes 1," in error_of(path)  # and not 30 million, which would be read before


def test_an_npz_file_cannot_have_any_number_of_empty_items(tmp_path):
    np.savez(tmp_path / "my.npz", X=np.zeros((4, 1)), label=np.zeros(4, dtype="V0"))
    assert "the items of the array 'label' are empty" in error_of(tmp_path / "my.npz")


def test_parquet_says_what_it_needs(tmp_path, monkeypatch):
    path = written(tmp_path / "my.parquet")
    monkeypatch.setattr(data, "find_spec", lambda name: None)
    assert "toymanifold[parquet]" in error_of(path)


texts = st.text(st.sampled_from('a1.,;"\n\r\t é') | st.characters(codec="utf-8"), max_size=4)


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.tuples(texts, texts), min_size=2, max_size=4), st.sets(texts.map(str.strip), min_size=2, max_size=2))
def test_what_a_csv_writer_writes_is_a_problem(tmp_path_factory, rows, names):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(*names, "label"), *[(*row, label) for row in rows for label in "abab"]])
    problem = data_problem(str(path), "label", test=0.5)
    assert problem.X.shape == (4 * len(rows), 2)
    assert problem.n_test_rows == 2 * len(rows)


@given(st.text('x,y"\n1 ', max_size=20).map(str.encode) | st.binary(), st.sampled_from([0.25, "x"]))
def test_any_csv_is_a_problem_or_one_line_of_error(tmp_path_factory, content, test):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"x,y\n" + content)
    try:
        found = data_problem(str(path), "y", test=test)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, DataProblem) or len(found.splitlines()) == 1


@pytest.mark.parametrize("name", LOADERS)
def test_loaders_are_problems(name):
    builder = LoaderBuilder(getattr(sklearn.datasets, name))
    problem = builder(test=0.5)
    assert list(named_parameters(builder)) == ["test"]
    assert problem.task == ("regression" if name == "load_diabetes" else "classification")
    assert problem.n_test_rows == len(problem.y) // 2


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_of_scikit_learn_is_a_problem_or_refused(name):
    def built():
        builder = GeneratorBuilder(getattr(sklearn.datasets, name))
        return builder(pool=2_000, **{k: v for k, v in NEEDED.items() if name == "make_sparse_coded_signal"})

    if name in NOT_PROBLEMS:
        with pytest.raises((TypeError, ValueError), match=NOT_PROBLEMS[name]):
            built()
    else:
        assert built().n_train_rows == 1_500


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("make_classification", KNeighborsClassifier()),
        ("make_blobs", KNeighborsClassifier()),
        ("make_regression", KNeighborsRegressor()),
    ],
)
def test_samples_and_test_rows_are_of_one_draw(name, model):
    generator = getattr(sklearn.datasets, name)
    problem = GeneratorBuilder(generator)(pool=4_000, problem_seed=3, n_features=5)
    score = model.fit(*problem.sample(2_000, random_state=1)).score(*problem.test())
    within = cross_val_score(model, *generator(n_samples=4_000, n_features=5, random_state=3), cv=2).mean()
    assert score == pytest.approx(within, abs=0.02)


def test_a_builder_has_the_generators_parameters():
    def make_x(n_samples, width: float, *, turns: int = 3, random_state=None, **others):
        """Return nothing."""

    builder = GeneratorBuilder(make_x)
    known = named_parameters(builder)
    assert list(known) == ["width", "turns", "pool", "problem_seed", "task"]
    assert known["width"].default is inspect.Parameter.empty
    assert canonical_params(builder, {"width": 1, "turns": 3, "pool": 200_000}) == {"width": 1.0}
    assert isinstance(hash(builder), int)


@pytest.mark.parametrize(
    ("make_x", "message"),
    [
        (lambda n_samples: None, "n_samples and random_state"),
        (lambda n_samples, /, random_state: None, "n_samples and random_state"),
        (lambda n_samples, random_state, pool: None, "no parameter 'pool'"),
    ],
)
def test_a_function_that_is_not_a_generator_is_refused(make_x, message):
    with pytest.raises(ValueError, match=message):
        GeneratorBuilder(make_x)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("make_moons", {"pool": 1_000_001}),
        ("make_moons", {"pool": 3}),
        ("make_moons", {"problem_seed": -1}),
        ("make_moons", {"n_samples": 100}),
        ("make_moons", {"random_state": 0}),
        ("make_moons", {"noise": -1.0}),
        ("make_moons", {"task": "ranking"}),
        ("make_regression", {"n_features": 5_001}),
        ("make_regression", {"pool": 200_000, "n_features": 251}),
        ("make_classification", {"n_classes": 5_000, "n_clusters_per_class": 50, "n_informative": 20}),
    ],
)
def test_sizes_that_would_fill_the_memory_and_bad_values_name_their_parameter(name, params):
    with pytest.raises((TypeError, ValueError), match=f"The '{next(iter(params))}' parameter of "):
        GeneratorBuilder(getattr(sklearn.datasets, name))(**params)
