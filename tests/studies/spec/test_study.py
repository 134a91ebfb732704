"""A description is a study, or one error reports everything that is wrong with it."""

import codecs
import copy
import io
import math
import textwrap
import tomllib
from pathlib import Path
from weakref import WeakSet

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estimators import CATALOG, PRIORS
from studies.registry.errors import SpecError
from studies.registry.metrics import METRICS
from studies.registry.plots import PLOTS, plot
from studies.registry.problems import PROBLEMS, build_problem
from studies.spec.cells import plan_study
from studies.spec.sections import Sizes
from studies.spec.study import EXAMPLE, Study, built_in
from toymanifold import Embedding

DESCRIBED = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

MINIMAL = {"name": "x", "question": "?", "seeds": 1, "sizes": [10, 50], "learners": {"a": {"estimator": "knn-1"}}}


class Text:
    """A file in memory."""

    def __init__(self, text):
        self.text = text

    def open(self, mode):
        return io.BytesIO(self.text.encode())

    def __str__(self):
        return "my.toml"


def changed(**changes):
    return copy.deepcopy({**MINIMAL, **changes})


def learner(**keys):
    return changed(learners={"a": {"estimator": "net", **keys}})


def asked(point):
    return changed(questions=[{"ask": "?", "a": point, "b": {"learner": "a", "n_samples": 10}}])


def error_message(described, **options):
    with pytest.raises(SpecError) as caught:
        Study.from_dict(described, **options)
    return str(caught.value)


# Valid descriptions


def test_built_in_studies_are_read_and_named_after_their_files():
    library = Path(__file__).parents[3] / "studies" / "library"
    assert set(built_in()) == {path.stem for path in library.glob("*.toml")}
    assert "prior-vs-data" in built_in()


@given(st.integers(2, 1000), st.integers(0, 4), st.integers(1, 5))
def test_sizes_run_from_start_to_stop(start, decades, per_decade):
    sizes = Sizes(start=start, stop=start * 10**decades, per_decade=per_decade).values()
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (start, start * 10**decades)
    assert len(sizes) <= decades * per_decade + 1


def test_sizes_are_even_in_the_logarithm_and_a_stop_off_the_grid_is_kept():
    assert Sizes(start=100, stop=10_000).values() == [100, 316, 1000, 3162, 10_000]
    assert Sizes(start=100, stop=500).values() == [100, 316, 500]


def test_sizes_are_a_range_or_a_list():
    by_range = Study.from_dict(changed(sizes={"start": 100, "stop": 1000, "per_decade": 1}))
    assert by_range == Study.from_dict(changed(sizes=[1000, 100]))


def test_a_learner_may_have_its_own_sizes_and_problems():
    study = Study.from_dict(
        changed(
            problems={"a": {"problem": "spiral"}, "b": {"problem": "sphere"}},
            learners={
                "all": {"estimator": "knn-1"},
                "own": {"estimator": "knn-1", "sizes": [7, 9], "problems": ["b"], "max_samples": 8},
            },
        )
    )
    assert {(p.problem, p.learner, p.cell.n_samples) for p in plan_study(study)} == {
        ("a", "all", 10),
        ("a", "all", 50),
        ("b", "all", 10),
        ("b", "all", 50),
        ("b", "own", 7),
    }


def test_quick_is_a_part_of_the_whole():
    for study in built_in().values():
        whole, quick = ({p.cell.key for p in plan_study(s)} for s in (study, study.reduced()))
        assert quick < whole


def test_quick_keeps_the_values_of_an_axis_that_it_names():
    study = Study.from_dict(changed(learners={"net": {"estimator": "net", "params": {"width": [2, 4, 8]}}}))
    study = study.model_validate({**study.model_dump(), "quick": {"axes": {"width": [2, 8]}, "shrink": 1}})
    assert {p.axes["width"] for p in plan_study(study.reduced())} == {2, 8}
    assert {p.cell.key for p in plan_study(study.reduced())} < {p.cell.key for p in plan_study(study)}


def test_quick_leaves_each_learner_a_sample():
    study = Study.from_dict(changed(sizes=[1000], quick={"shrink": 100}))
    assert [p.cell.n_samples for p in plan_study(study.reduced())] == [1000]


def test_python_and_toml_are_the_same():
    text = EXAMPLE.read_text(encoding="utf-8")
    assert Study.from_toml(Text(text)) == Study.from_dict(tomllib.loads(text))


def test_each_pool_is_drawn_once_and_not_kept_while_a_study_is_checked(monkeypatch):
    """Each can take 400 MB, and seconds."""
    alive, drawn, most = WeakSet(), [], []

    def watched(*args, **options):
        made = build_problem(*args, **options)
        drawn.append(made.dimension)
        alive.add(made)
        most.append(len(alive))
        return made

    monkeypatch.setattr("studies.registry.problems.build_problem", watched)
    moons = {"problem": "sklearn.datasets:make_moons", "params": {"pool": 128, "problem_seed": list(range(30))}}
    plan_study(Study.from_dict(changed(problems={"moons": moons}, metrics=["accuracy"])))
    assert len(drawn) == 30
    assert max(most) < 10


def test_pictures_name_axes_families_and_metrics_of_several_values():
    study = changed(
        metrics=["accuracy", "error_density"],
        problems={"spiral": {"problem": "spiral", "params": {"turns": [1, 2]}}},
        learners={"net": {"estimator": "net", "prior": ["none", "polar"]}},
        pictures=[
            {"plot": "axis", "axis": "turns", "metric": "error_density_1", "learners": ["net"], "problem": "spiral"},
            {"plot": "axis", "axis": "prior", "threshold": 2},
        ],
    )
    made = Study.from_dict(study)
    assert made.pictures[0].arguments["learners"] == ["net"]
    assert Study.from_toml(Text(made.to_toml())) == made
    assert made.axes == ["turns", "prior"]


def test_a_module_may_add_its_own_pictures(monkeypatch):
    monkeypatch.setattr(PLOTS, "_entries", dict(PLOTS))

    @plot()
    def plot_own(results, ax=None, *, colour: str = "red"):
        return ax

    assert Study.from_dict(changed(pictures=[{"plot": "own", "colour": "blue"}])).pictures[0].plot == "own"
    plot_own.__module__ = "elsewhere"  # another module's function, not a cell of a notebook that is run again
    with pytest.raises(ValueError, match="the plot 'own' is registered already"):
        plot()(plot_own)


def test_a_study_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Study.from_dict(MINIMAL).seeds = 3


PUZZLES = {
    "ablation": """
        learners.net.estimator = "net"
        learners.net.prior = ["none", "polar-sincos", "polar", "phase"]
        learners.net.params.loss = ["cross_entropy", "focal"]
        learners.net.params.layer_norm = [false, true]
        learners.net.params.weight_decay = [0.0, 0.01]
        learners.kNN = { estimator = "knn-1", params = { n_neighbors = [1, 5] }, sizes = [100, 1000000] }
        """,
    "label noise": """
        problems.spiral = { problem = "spiral", params = { flip_probability = [0, 0.01, 0.02, 0.05, 0.1] } }
        learners.kNN = { estimator = "knn-1", params = { n_neighbors = [1, 5] } }
        """,
    "dimension": """
        problems.ball = { problem = "sphere", params = { dimension = [2, 5, 10, 50] } }
        problems.smooth.problem = "sphere"
        problems.smooth.params = { dimension = [3, 6], target = "quadratic", task = "regression", noise = 0.1 }
        problems.spiral = { problem = "spiral", params = { dimension = [2, 10, 50], nuisance_scale = 0.1 } }
        learners.kNN.estimator = "knn-1"
        learners.kernel = { estimator = "kernel", max_samples = 100 }
        learners.phase = { estimator = "knn-1", prior = "polar", problems = ["spiral"] }
        """,
    "double descent": """
        metrics = ["accuracy_train", "mse", "mse_train"]
        problems.linear.problem = "sphere"
        problems.linear.params = { target = "linear", dimension = 20, task = "regression", noise = 0.5 }
        problems.noisy = { problem = "spiral", params = { flip_probability = 0.15 } }
        learners.ridgeless.estimator = "sklearn.linear_model:LinearRegression"
        learners.ridgeless.params.fit_intercept = false
        learners.ridgeless.problems = ["linear"]
        learners.features.estimator = "random-features"
        learners.features.params = { kind = "relu", n_features = [10, 50, 100, 200], ridge = [0.0, 0.001] }
        learners.features.problems = ["linear"]
        learners.features.sizes = [100]
        learners.net.estimator = "net"
        learners.net.params = { depth = 1, width = [4, 64], epochs = [10, 1000] }
        learners.net.problems = ["noisy"]
        """,
    "robustness": """
        metrics = ["accuracy_train"]
        problems.random = { problem = "sphere", params = { target = "random", dimension = [10, 20] } }
        learners.features = { estimator = "random-features", params = { n_features = [100, 1000, 4000], ridge = 0.0 } }
        """,
    "adversarial spheres": """
        problems.spheres = { problem = "concentric-spheres", params = { dimension = [2, 10, 100, 500] } }
        learners.kNN = { estimator = "knn-1", prior = ["none", "polar"] }
        """,
    "depth": """
        learners.net.estimator = "net"
        learners.net.params.depth = [1, 10, 30]
        learners.net.params.init_scale = [0.5, 1.0, 2.45]
        learners.net.params.residual = [false, true]
        """,
}


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_puzzles_of_the_literature_can_be_described(puzzle):
    header = 'name = "x"\nquestion = "?"\nseeds = 5\nsizes = { start = 100, stop = 10000 }\n'
    study = Study.from_toml(Text(header + textwrap.dedent(PUZZLES[puzzle])))
    planned = plan_study(study)
    assert len({p.cell.key for p in planned}) == len(planned) == study.n_cells


# Invalid descriptions

INVALID = {
    "estimator": (learner(estimator="forrest"), "learners.a.estimator", "did you mean 'forest'?", "'forrest'"),
    "prior": (learner(prior="spherical"), "learners.a.prior[0]", "known: 'none', 'polar-sincos'", "'spherical'"),
    "parameter": (learner(params={"widht": 3}), "learners.a.params.widht", "did you mean 'width'?", "3"),
    "seed": (learner(params={"random_state": 3}), "learners.a.params.random_state", "the seed of each cell", "3"),
    "nan": (learner(params={"dropout": math.nan}), "learners.a.params.dropout", "a finite float", "nan"),
    "inf": (learner(params={"dropout": [0.1, math.inf]}), "learners.a.params.dropout", "finite float", "[0.1, inf]"),
    "none": (learner(params={"loss": None}), "learners.a.params.loss", "must be a string", "None"),
    "empty axis": (learner(params={"width": []}), "learners.a.params.width", "must have one or more values", "[]"),
    "twice": (learner(params={"width": [3, 3]}), "learners.a.params.width", "each once", "[3, 3]"),
    "no prior": (learner(prior=[]), "learners.a.prior", "1 or more items", "[]"),
    "too many points": (
        learner(params={"width": list(range(1, 101)), "depth": list(range(100))}),
        "learners.a.params",
        "must have 1,000 combinations of axes or fewer, not 10,000",
        "{'width': ",
    ),
    "module": (learner(estimator="os:system"), "learners.a.estimator", "--allow os", "'os:system'"),
    "no class": (learner(estimator="sklearn.base:clone"), "learners.a.estimator", "not a scikit-learn estimator", ""),
    "no classifier": (learner(estimator="sklearn.svm:SVR"), "learners.a.estimator", "must be for classification", ""),
    "first seed": (changed(first_seed=-1), "first_seed", "must be 0 or more", "-1"),
    "fixed problems": (
        changed(fresh_problems=True, problems={"a": {"problem": "gaussian"}, "b": {"problem": "concentric-spheres"}}),
        "fresh_problems",
        "a problem with the parameter 'problem_seed'; gaussian, concentric-spheres has none",
        "True",
    ),
    "problem seed": (
        changed(fresh_problems=True, problems={"a": {"problem": "spiral", "params": {"problem_seed": [1, 2]}}}),
        "problems.a.params.problem_seed",
        "must be left out, since with fresh_problems it is the seed of the cell",
        "[1, 2]",
    ),
    "max_samples": (learner(max_samples=5), "learners.a.max_samples", "must be 10 or more", "5"),
    "its problem": (learner(problems=["spirla"]), "learners.a.problems[0]", "did you mean 'spiral'?", "'spirla'"),
    "no learners": (changed(learners={}), "learners", "1 or more items", "{}"),
    "labels": (
        changed(learners={"a, width=3": {"estimator": "net"}, "a": {"estimator": "net", "params": {"width": [3, 4]}}}),
        "learners.a",
        "must not share a label with another learner",
        "'a, width=3'",
    ),
    "label": (changed(learners={"a\nb": {"estimator": "net"}}), 'learners."a\\nb"."[key]"', "must match", "'a\\nb'"),
    "no table": (changed(learners={"a": "net"}), "learners.a", "must be a table", "'net'"),
    "problem": (
        changed(problems={"a": {"problem": "torus"}}),
        "problems.a.problem",
        "unknown problem 'torus'",
        "'torus'",
    ),
    "dimension": (
        changed(problems={"a": {"problem": "sphere", "params": {"dimension": 1}}}),
        "problems.a.params.dimension",
        "an int in [2, inf)",
        "1 instead",
    ),
    "phase": (
        changed(problems={"a": {"problem": "sphere"}}, learners={"a": {"estimator": "knn-1", "prior": "phase"}}),
        "learners.a.prior",
        "only for a spiral in the plane",
        "'phase'",
    ),
    "metric": (changed(metrics=["acuracy"]), "metrics[0]", "did you mean 'accuracy'?", "'acuracy'"),
    "metric of others": (changed(metrics=["mse"]), "metrics[0]", "not defined for any of the problems", "'mse'"),
    "key": (changed(seed=1), "seed", "did you mean 'seeds'?", "1"),
    "seeds": (changed(seeds=-1), "seeds", "must be 1 or more", "-1"),
    "float": (changed(seeds=2.0), "seeds", "must be an int", "2.0"),
    "bool": (changed(seeds=True), "seeds", "must be an int", "True"),
    "text": (changed(seeds="2"), "seeds", "must be an int", "'2'"),
    "order": (changed(sizes={"start": 10, "stop": 5}), "sizes.stop", "must be 10 or more, which is start", "5"),
    "one point": (changed(sizes=[1]), "sizes[0]", "must be 2 or more", "1"),
    "too large": (changed(sizes=[10**9 + 1]), "sizes[0]", "must be 1000000000 or less", "1000000001"),
    "size twice": (changed(sizes=[10, 10]), "sizes", "each size once", "(10, 10)"),
    "no sizes": (changed(sizes=[]), "sizes", "1 or more items", "[]"),
    "quick axis": (
        changed(learners={"a": {"estimator": "net", "params": {"width": [2, 4]}}}, quick={"axes": {"widht": [2]}}),
        "quick.axes.widht",
        "did you mean 'width'?",
        "[2]",
    ),
    "quick value": (
        changed(learners={"a": {"estimator": "net", "params": {"width": [2, 4]}}}, quick={"axes": {"width": [3]}}),
        "quick.axes.width",
        "must contain values of the axis, from [2, 4]",
        "3",
    ),
    "gallery": (changed(gallery=[11]), "gallery[0]", "one of [10, 50]", "11"),
    "name": (changed(name="../x"), "name", "must match", "'../x'"),
    "missing": ({key: value for key, value in MINIMAL.items() if key != "seeds"}, "seeds", "is missing", ""),
    "asked learner": (
        changed(
            questions=[{"ask": "?", "a": {"learner": "b", "n_samples": 10}, "b": {"learner": "a", "n_samples": 10}}]
        ),
        "questions[0].a.learner",
        "unknown learner 'b'; known: 'a'",
        "'b'",
    ),
    "asked size": (
        changed(
            questions=[{"ask": "?", "a": {"learner": "a", "n_samples": 9}, "b": {"learner": "a", "n_samples": 10}}]
        ),
        "questions[0].a.n_samples",
        "one of [10, 50]",
        "9",
    ),
    "picture": (
        changed(pictures=[{"plot": "axes"}]),
        "pictures[0].plot",
        "unknown plot 'axes'; did you mean 'axis'?",
        "'axes'",
    ),
    "picture's argument": (
        changed(pictures=[{"plot": "axis", "axis": "n_samples", "metrc": "error"}]),
        "pictures[0].metrc",
        "did you mean 'metric'?",
        "'error'",
    ),
    "picture without": (changed(pictures=[{"plot": "axis"}]), "pictures[0].axis", "is missing", ""),
    "picture's type": (
        changed(pictures=[{"plot": "density", "n_samples": "many"}]),
        "pictures[0].n_samples",
        "must be an int",
        "'many'",
    ),
    "picture's choice": (
        changed(pictures=[{"plot": "breakdown", "by": "colour"}]),
        "pictures[0].by",
        "'density' or 'distance'",
        "'colour'",
    ),
    "picture's axis": (
        changed(pictures=[{"plot": "axis", "axis": "widht"}]),
        "pictures[0].axis",
        "unknown axis 'widht'",
        "'widht'",
    ),
    "picture's metric": (
        changed(pictures=[{"plot": "learning_curves", "metric": "eror_uniform"}]),
        "pictures[0].metric",
        "did you mean 'error_uniform'?",
        "'eror_uniform'",
    ),
    "picture's learner": (
        changed(pictures=[{"plot": "learning_curves", "learners": ["b"]}]),
        "pictures[0].learners",
        "unknown learner 'b'; known: 'a'",
        "'b'",
    ),
    "picture's size": (
        changed(pictures=[{"plot": "decision_region", "learner": "a", "n_samples": 11}]),
        "pictures[0].n_samples",
        "one of [10, 50]",
        "11",
    ),
    "cells": (changed(seeds=500_001), "study", "must have 1,000,000 cells or fewer", "1000002"),
    "nothing": ([], "study", "must be a table", "[]"),
}


@pytest.mark.parametrize("invalid", INVALID)
def test_an_error_names_key_reason_and_value(invalid):
    described, key, allowed, value = INVALID[invalid]
    line = error_message(described)
    assert "\n" not in line
    assert line.startswith(f"study: {key}: ")
    assert allowed in line
    assert value in line.partition("Got ")[2]


def test_all_errors_are_reported_together_each_with_its_line():
    text = """\
name = "x"
seeds = 0
metrics = ["mse"]
colour = "red"

[problems.a]
problem = "sphere"
params = { dimension = 1, nois = 2 }

[learners.b]
estimator = "nett"
max_samples = 1
[learners.c]
estimator = "net"
prior = "pola"
[learners.c.params]
epochs = []
widht = 3

[[questions]]
ask = "?"
a = { learner = "b", n_samples = 10 }
b = { learner = "d", n_samples = 10 }
"""
    with pytest.raises(SpecError) as caught:
        Study.from_toml(Text(text))
    reported = [line.split(": ")[:2] for line in str(caught.value).splitlines()]
    assert reported == [
        ["my.toml:2", "seeds"],
        ["my.toml:4", "colour"],
        ["my.toml:8", "problems.a.params.nois"],
        ["my.toml:8", "problems.a.params.dimension"],
        ["my.toml:11", "learners.b.estimator"],
        ["my.toml:12", "learners.b.max_samples"],
        ["my.toml:15", "learners.c.prior[0]"],
        ["my.toml:17", "learners.c.params.epochs"],
        ["my.toml:18", "learners.c.params.widht"],
        ["my.toml:23", "questions[0].b.learner"],
        ["my.toml", "question"],
        ["my.toml", "sizes"],
    ]


@pytest.mark.parametrize("text", ["seeds = ", "a = 1\na = 2", "x = " + "9" * 5000, "x = " + "[" * 5000, "\x00"])
def test_a_file_that_is_not_toml_is_an_error(text):
    with pytest.raises(SpecError, match=r"^my.toml: is not TOML: "):
        Study.from_toml(Text(text))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    for path in (tmp_path / "nowhere.toml", tmp_path, tmp_path / "latin.toml", Path("\0.toml")):
        with pytest.raises(SpecError, match="cannot be read: "):
            Study.from_toml(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path, encoding, line_end, kind):
    study = Study.from_dict(changed(question="größer?"))
    path = tmp_path / "a.toml"
    path.write_bytes(study.to_toml().replace("\n", line_end).encode(encoding))
    assert Study.from_toml(kind(path)) == study


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *(("a = 1".encode(encoding), "cannot be read: it is in UTF-16 or UTF-32") for encoding in ("utf-16", "utf-32")),
        (codecs.BOM_UTF16_BE + "a = 1".encode("utf-16-be"), "cannot be read: it is in UTF-16 or UTF-32"),
        ("\u200ba = 1".encode(), r"is not TOML: .* contains the invisible character U\+200B ZERO WIDTH SPACE"),
        (b"#" * 2_000_000, "cannot be read: it has more than 1,000,000 bytes"),
        (b"a." * 400_000 + b"a = 1", "cannot be read: a key has more than 20 parts"),
        (b"[ \"a\" . 'b' " + b". c" * 20 + b"]", "cannot be read: a key has more than 20 parts"),
    ],
)
def test_bytes_that_are_not_a_study_are_named(tmp_path, data, reason):
    (tmp_path / "a.toml").write_bytes(data)
    with pytest.raises(SpecError, match=reason):
        Study.from_toml(tmp_path / "a.toml")


def test_numbers_and_arrays_of_numpy_are_those_of_python():
    sizes = np.array([10, 50])
    point = {"learner": "a", "n_samples": np.int64(10)}
    described = {
        "seeds": np.int8(2),
        "gallery": sizes[:1],
        "learners": {"a": {"estimator": "net", "params": {"width": sizes[:1]}, "max_samples": np.int32(50)}},
        "quick": {"seeds": np.uint8(1), "axes": {"width": sizes[:1]}},
        "questions": [{"ask": "?", "a": point, "b": point}],
    }
    python = {**described, "seeds": 2, "gallery": [10], "quick": {"seeds": 1, "axes": {"width": [10]}}}
    python["learners"] = {"a": {"estimator": "net", "params": {"width": [10]}, "max_samples": 50}}
    ranges = {"start": np.int64(10), "stop": np.int64(1000), "per_decade": np.int64(1)}
    for of_numpy, of_python in ((sizes, [10, 50]), (list(sizes), [10, 50]), (ranges, [10, 100, 1000])):
        read = Study.from_dict(changed(**described, sizes=of_numpy))
        assert read == Study.from_dict(changed(**python, sizes=of_python))
        assert Study.model_validate_json(read.model_dump_json()) == read
    assert "must be an int" in error_message(changed(sizes=np.array([10.5])))


@pytest.mark.parametrize("allow", ["sklearn_extra", ["sklearn_extra"], ("sklearn_extra",)])
def test_one_allowed_package_may_be_a_string(allow):
    assert Study.from_dict(MINIMAL, allow=allow).allow == ("sklearn_extra",)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({f"x{i}": 1 for i in range(10**5)}, "study: study: must have 1,000 or fewer entries, not 100,000"),
        (changed(sizes=list(range(2, 10**5))), "study: sizes: must have 1,000 or fewer entries, not 99,998"),
        (changed(metrics=["x"] * 10**5), "study: metrics: must have 1,000 or fewer entries, not 100,000"),
        (learner(params={f"x{i}": 1 for i in range(10**4)}), "study: learners.a.params: must have 1,000 or fewer"),
    ],
)
def test_a_long_list_is_one_error(described, message):
    assert error_message(described).startswith(message)
    assert "\n" not in error_message(described)


def test_a_thousand_errors_are_twenty_and_a_count():
    lines = error_message(changed(**{f"x{i}": 1 for i in range(900)})).splitlines()
    assert lines[20:] == ["study: and 880 more errors"]


def test_a_problem_of_thousands_of_dimensions_is_planned_without_its_frame(monkeypatch):
    monkeypatch.setattr(Embedding, "random", None)
    params = {"dimension": [1000, 2000], "ambient_dimension": 5000}
    study = Study.from_dict(changed(problems={"s": {"problem": "sphere", "params": params}}))
    assert len(plan_study(study)) == 4


@pytest.mark.parametrize("seeds", [1_000_001, 10**20, 600_000])
def test_another_number_of_seeds_is_checked_as_in_the_description(seeds):
    study = Study.from_dict(MINIMAL)
    assert study.with_seeds(3) == Study.from_dict(changed(seeds=3))
    with pytest.raises(SpecError, match=r"^x: seeds: must "):
        study.with_seeds(seeds)
    error_message(changed(seeds=seeds))


def test_a_very_large_integer_is_not_printed():
    assert "int too large to print" in error_message(learner(params={"width": 16**5000}))


# Arbitrary descriptions

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [*METRICS, *CATALOG, *PRIORS, *PROBLEMS, "sklearn.svm:SVC", "os:system", "none", "a", 2, 10, 5000]
    )
    | st.dates()
)
KEYS = st.text(max_size=3) | st.sampled_from(
    [
        *Study.model_fields,
        "a",
        "b",
        "estimator",
        "prior",
        "params",
        "problem",
        "width",
        "dimension",
        "ask",
        "learner",
        "plot",
    ]
)
DATA = st.recursive(
    SCALARS, lambda data: st.lists(data, max_size=3) | st.dictionaries(KEYS, data, max_size=4), max_leaves=12
)


def check_study_or_error(read, *arguments):
    try:
        study = read(*arguments)
    except SpecError:
        return
    assert Study.from_toml(Text(study.to_toml())) == study
    if study.n_cells < 1000:
        assert len(plan_study(study)) == study.n_cells


@UNHURRIED
@given(DATA | st.dictionaries(st.sampled_from(list(Study.model_fields)), DATA))
def test_any_data_are_a_study_or_an_error(data):
    check_study_or_error(Study.from_dict, data)


@st.composite
def mutated(draw, described):
    """A description with keys or values deleted, added or replaced at random."""
    described = copy.deepcopy(described)
    for _ in range(draw(st.integers(1, 3))):
        parent, key = None, None
        node = described
        while isinstance(node, dict | list) and node and (parent is None or draw(st.booleans())):
            parent = node
            key = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
            node = parent[key]
        match draw(st.sampled_from(["delete", "replace", "listed", "rename"])):
            case "delete":
                del parent[key]
            case "replace":
                parent[key] = draw(DATA)
            case "listed":
                parent[key] = [parent[key]]
            case "rename" if isinstance(parent, dict):
                parent[draw(KEYS)] = parent.pop(key)
    return described


@UNHURRIED
@given(mutated(DESCRIBED))
def test_a_mutated_study_is_a_study_or_an_error(described):
    check_study_or_error(Study.from_dict, described)


@UNHURRIED
@given(st.text() | st.text(alphabet="[]{}=\"'.,#\n 019aenst_-"))
def test_any_text_is_a_study_or_an_error(text):
    check_study_or_error(Study.from_toml, Text(text))


@UNHURRIED
@given(st.data())
def test_a_mutated_text_is_a_study_or_an_error(data):
    text = EXAMPLE.read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    stop = start + data.draw(st.integers(0, 40))
    check_study_or_error(Study.from_toml, Text(text[:start] + data.draw(st.text(max_size=5)) + text[stop:]))


# Round trips

LABELS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8)
LEARNERS = st.fixed_dictionaries(
    {"estimator": st.sampled_from(["net", "knn-1", "sklearn.neural_network:MLPClassifier"])},
    optional={
        "prior": st.sampled_from(["none", "polar", "phase"]) | st.just(["none", "polar"]),
        "max_samples": st.integers(10, 100),
        "sizes": st.just([10, 20]) | st.just({"start": 10, "stop": 100}),
    },
)
STUDIES = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,8}", fullmatch=True),
        "question": st.text(),
        "seeds": st.integers(1, 3),
        "sizes": st.lists(st.integers(2, 10), min_size=1, unique=True) | st.just({"start": 2, "stop": 10}),
        "learners": st.dictionaries(LABELS, LEARNERS, min_size=1, max_size=2),
    },
    optional={
        "problems": st.dictionaries(
            LABELS,
            st.fixed_dictionaries(
                {"problem": st.just("spiral")},
                optional={"params": st.fixed_dictionaries({"turns": st.floats(1, 5) | st.just([2, 3.5])})},
            ),
            min_size=1,
            max_size=2,
        ),
        "metrics": st.lists(st.sampled_from(["accuracy", "accuracy_train"]), unique=True),
        "quick": st.fixed_dictionaries({}, optional={"seeds": st.integers(1, 3), "shrink": st.integers(1, 9)}),
    },
)


@UNHURRIED
@given(STUDIES)
def test_a_study_written_as_toml_is_read_back(described):
    study = Study.from_dict(described)
    again = Study.from_toml(Text(study.to_toml()))
    assert again == study
    assert [p.cell.key for p in plan_study(again)] == [p.cell.key for p in plan_study(study)]


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_study_written_as_toml_is_read_back(name):
    study = built_in()[name]
    assert Study.from_toml(Text(study.to_toml())) == study


def test_a_worth_is_asked_at_a_size_of_both_learners():
    described = {
        "name": "x",
        "question": "?",
        "sizes": [10, 100, 1000],
        "seeds": 2,
        "learners": {"knn": {"estimator": "knn", "max_samples": 100}, "mine": {"estimator": "knn", "prior": "polar"}},
        "questions": [{"worth": {"prior": "mine", "of": "knn", "n_samples": 100}}],
    }
    assert Study.from_dict(described).questions[0].worth.n_samples == 100
    described["questions"][0]["worth"]["n_samples"] = 1000
    with pytest.raises(SpecError, match=r"worth.n_samples: must be a sample size of both learners, one of \[10, 100\]"):
        Study.from_dict(described)
    described["questions"] = [{"worth": {"prior": "min", "of": "knn"}}, {"ask": "?"}]
    with pytest.raises(SpecError, match=r"(?s)questions\[1\].a: is needed, or worth in its place.*did you mean 'mine'"):
        Study.from_dict(described)
