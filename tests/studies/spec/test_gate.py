"""No text of a study executes what the person who runs it has not allowed."""

import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studies import SpecError, Study
from studies.spec.cells import plan_study

_ACTS = {"os.system", "os.remove", "os.rmdir", "shutil.rmtree", "subprocess.Popen", "socket.connect", "os.putenv"}
_seen: list[str] = []

CANARY = """
from pathlib import Path
Path(__file__).with_suffix(".sung").touch()
class Bird: ...
def make_x(n_samples=1, random_state=None): ...
"""

PIPE = """
from sklearn.cluster import FeatureAgglomeration
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
class Mine(FeatureAgglomeration): ...
def make(): return make_pipeline(FeatureAgglomeration(), LogisticRegression())
"""


def _watch(event, _):
    if event in _ACTS:
        _seen.append(event)


sys.addaudithook(_watch)

NAMES = [
    "canary:make_x",
    "canary:Bird",
    "canary.part:Bird",
    "os:system",
    "shutil:rmtree",
    "subprocess:run",
    "builtins:eval",
    "importlib:import_module",
    "sklearn.datasets:clear_data_home",
    "sklearn.datasets:fetch_openml",
    "sklearn.datasets:load_files",
    "sklearn.datasets:load_svmlight_file",
    "sklearn.datasets._base:make_blobs",
    "sklearn.utils:os",
    "sklearn.externals.joblib:load",
    "sklearn.show_versions:show_versions",
    "sklearn.datasets:make_moons",
    "sklearn.svm:SVC",
    "sklearn.decomposition:PCA",
    "estimators.nets.serialization:load",
    "toymanifold.checks:check_generator",
    "object:" + 64 * "0",
    "studies.api:run_study",
]

names = st.sampled_from(NAMES) | st.text("abcdefghijklmnopqrstuvwxyz_.:", max_size=30)
values = st.sampled_from(["rm -rf x", "/tmp", "https://example.org/x.csv", "../x.csv", True, 3, [1, 2], {"a": "b"}])
params = st.dictionaries(
    st.sampled_from(["path", "target", "data_home", "func", "command", "memory", "n_neighbors", "pool", "sha256"]),
    values,
    max_size=3,
)
learners = st.fixed_dictionaries(
    {"estimator": st.just("knn") | names},
    optional={
        "prior": names,
        "prior_params": params,
        "params": params,
        "search": st.fixed_dictionaries({"params": params}, optional={"scoring": names}),
    },
)
problems = st.fixed_dictionaries({"problem": st.sampled_from(["spiral", "data"]) | names}, optional={"params": params})
studies = st.fixed_dictionaries(
    {
        "name": st.just("x"),
        "question": st.just("?"),
        "sizes": st.just([20]),
        "seeds": st.just(1),
        "problems": st.dictionaries(st.just("p"), problems, min_size=1),
        "learners": st.dictionaries(st.just("a"), learners, min_size=1),
    },
    optional={"metrics": st.lists(names, max_size=2), "pictures": st.lists(st.fixed_dictionaries({"plot": names}))},
)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    (tmp_path / "canary.py").write_text(CANARY)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "canary.sung"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(described=studies)
def test_reading_and_planning_a_study_runs_nothing_that_is_not_allowed(canary, described):
    _seen.clear()
    with suppress(SpecError):
        plan_study(Study.from_dict(described))
    assert not _seen
    assert not canary.exists()


@pytest.mark.parametrize("key", ["problem", "estimator", "prior", "metrics", "plot"])
def test_the_canary_sings_where_it_is_allowed(canary, key):
    """So the test above can fail."""
    name = "canary:make_x"
    described = {
        "name": "x",
        "question": "?",
        "sizes": [20],
        "seeds": 1,
        "problems": {"p": {"problem": name if key == "problem" else "spiral"}},
        "learners": {"a": {"estimator": name if key == "estimator" else "knn", "prior": "none"}},
        "metrics": [name] if key == "metrics" else [],
        "pictures": [{"plot": name}] if key == "plot" else [],
    }
    if key == "prior":
        described["learners"]["a"]["prior"] = name
    with pytest.raises(SpecError, match="canary"):
        Study.from_dict(described)
    assert not canary.exists()
    with suppress(SpecError):
        Study.from_dict(described, allow="canary")
    assert canary.exists()


@pytest.mark.parametrize(
    "learner",
    [
        {"estimator": "knn", "prior": "sklearn.cluster:FeatureAgglomeration", "prior_params": {"memory": "cache"}},
        {
            "estimator": "knn",
            "prior": "sklearn.feature_extraction.text:TfidfVectorizer",
            "prior_params": {"input": "file"},
        },
        {"estimator": "sklearn.pipeline:Pipeline", "params": {"steps": [[["a", "passthrough"]]], "memory": "cache"}},
        {"estimator": "gate_pipe:make", "search": {"params": {"memory": ["cache"]}}},
        {"estimator": "gate_pipe:make", "search": {"params": {"featureagglomeration__memory": ["cache"]}}},
        {"estimator": "knn", "prior": "gate_pipe:Mine", "prior_params": {"memory": "cache"}},
    ],
)
def test_no_parameter_names_a_cache_of_pickles_or_files_to_read(learner, tmp_path, monkeypatch):
    """joblib loads pickles from the folder `memory`, which may come with the study; vectorizers open column names."""
    (tmp_path / "gate_pipe.py").write_text(PIPE)
    monkeypatch.syspath_prepend(tmp_path)
    described = {"name": "a", "question": "b?", "sizes": [20], "seeds": 1, "learners": {"x": learner}}
    with pytest.raises(SpecError, match=r"names a folder from which pickles are loaded|names files to read"):
        Study.from_dict(described, allow="gate_pipe")
    sys.modules.pop("gate_pipe", None)
