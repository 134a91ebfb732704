"""Every code block of README, CONTRIBUTING and docs/ does what its page says.

The blocks of a page run in order, in one folder and one namespace, beside a store in which the studies that pages use
are measured, with invented errors, since a real run takes minutes. A language says what is done with a block:

python  It is executed, and then each function `test_...` that it defined.
sh      A command of ours is parsed, and run unless it is in `NOT_RUN`. Of another program it is checked that what it
        names exists: a target of make, a file, an extra of ours.
toml    It is a study, written to NAME.toml, or a part of one, which replaces the same part of the example.
text    Right after python or sh it is what that prints ("..." stands for anything).

The tests do not build Sphinx's own blocks ({toctree} and the like) and docs/examples/; `make docs` does, and a warning
is an error there.
"""

import doctest
import functools
import re
import shlex
import shutil
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import typer
from hypothesis import settings
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from studies.cli.main import app
from studies.registry.metrics import METRICS
from studies.registry.test_sets import MAP_SIZE
from studies.spec.cells import plan_study
from studies.spec.study import EXAMPLE, Study, built_in
from studies.store.store import Outcome, Store

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = {"_build", "generated", "gallery"}  # by Sphinx
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in DOCS.rglob("*.md") if not MADE & set(page.relative_to(DOCS).parts)),
]

LANGUAGES = ("python", "sh", "toml", "text")
MEASURED = ("prior-vs-data", "ablation")
OTHER_PROGRAMS = {"createdb", "dask", "scp", "venv"}
NOT_RUN = {
    "run --all --quick": "takes minutes",
    f"verify ({'|'.join(built_in())})": "would compute anew what is invented here",
    ".*(dask|postgresql).*://": "needs a server",
    "explore": "is a server",
}

a_few = settings(max_examples=20, deadline=None, database=None)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def why_not_run(words):
    """Return why a command of ours is parsed only, or nothing."""
    return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, " ".join(words))), None)


def tokens(page):
    return MarkdownIt().parse(page.read_text(encoding="utf-8"))


def steps(page):
    """Yield language, code, line and the expected output of each block."""
    found = tokens(page)
    for token, after in zip(found, [*found[1:], None], strict=True):
        if token.type == "fence" and token.info in ("python", "sh", "toml"):
            expected = after.content if after and after.type == "fence" and after.info == "text" else None
            yield token.info, token.content, token.map[0] + 1, expected


def commands(code):
    """Yield the words of each command, without comments, variables set before it, and where its program lies."""
    for line in code.replace("\\\n", " ").splitlines():
        words = [word for word in shlex.split(line, comments=True) if word != "&"]
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words[:2] == ["python", "-m"]:
            words = words[2:]
        if words:
            yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def parse(words):
    """Parse a command of ours as typer does; what it does not know raises."""
    command, rest = typer.main.get_command(app), words
    context = command.make_context("toymanifold", list(rest))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(rest), parent=context)


def run_ours(words):
    """Run a command of ours; on a built-in study once, for all pages have the same store."""
    parse(words)
    if why_not_run(words):
        return ""
    return run(tuple(words)) if any(word.endswith(".toml") for word in words) else run_once(tuple(words))


def run(words):
    ran = CliRunner().invoke(app, words, catch_exceptions=False)
    assert ran.exit_code == 0, f"toymanifold {shlex.join(words)}: {ran.output}"
    return ran.output


run_once = functools.cache(run)


def check_theirs(program, words):
    """Check that what the command of another program names is there."""
    if program == "make":
        assert set(words) <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    elif program in ("pytest", "python"):
        paths = [word for word in words if re.match("tests|benchmarks|docs", word) and "NAME" not in word]
        assert paths
        assert all((ROOT / path).exists() for path in paths), paths
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(re.findall(r"toymanifold\[(\w+)\]", " ".join(words))) <= set(extras)
    else:
        assert program in OTHER_PROGRAMS, f"what is {program}?"


def run_sh(code, line, names):
    printed = ""
    for program, *words in commands(code):
        if program == "toymanifold":
            printed += run_ours(words)
        else:
            check_theirs(program, words)
    return printed


def run_python(code, line, names):
    before = set(names)
    with redirect_stdout(StringIO()) as printed:
        exec(compile("\n" * line + code, names["__file__"], "exec"), names)
        for name in [name for name in names if name.startswith("test_") and name not in before]:
            test = names[name]
            (a_few(test) if hasattr(test, "hypothesis") else test)()
    return printed.getvalue()


def run_toml(code, line, names):
    described = tomllib.loads(code)
    if "name" not in described:
        Study.from_dict(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")) | described)
        return ""
    file = Path(f"{described['name']}.toml")
    file.write_text(code, encoding="utf-8")
    Study.from_toml(file, allow=[module.stem for module in Path().glob("*.py")])
    return ""


RUN = {"python": run_python, "sh": run_sh, "toml": run_toml}


def invented_error(planned):
    """Errors that fall by power laws with a little noise, the sooner the better the prior."""
    gain = next((gain for word, gain in {"phase": 100, "polar": 4}.items() if word in planned.learner), 1)
    points = planned.cell.n_samples * gain * (2 if "net" in planned.learner else 0.4)
    noise = np.random.default_rng([planned.cell.seed, planned.cell.n_samples]).normal(0, 0.03)
    return 3 * points**-0.5 * (1 + noise)


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """A store in which the studies that pages use are measured, with invented errors."""
    path = tmp_path_factory.mktemp("measured") / "results.db"
    side = np.arange(MAP_SIZE)
    with Store(f"sqlite:///{path}") as store:
        for study in (*map(built_in().get, MEASURED), Study.from_toml(EXAMPLE)):
            for planned in plan_study(study):
                cell, wrong = planned.cell, invented_error(planned)
                values = {m: 1 - wrong if m.startswith(("accuracy", "r2")) else wrong for m in cell.metrics}
                shown = (side[:, None] < 240 * wrong) | (side > 120) if cell.n_samples in study.gallery else None
                store.add(Outcome(cell.key, cell.spec, "ok", values, shown, seconds=0.001))
    return path


@contextmanager
def threads(*_):
    """Workers that start at once, in place of processes."""
    with ThreadPoolExecutor(1) as executor:
        executor.n_workers = 1
        yield executor


@pytest.fixture
def place(measured, tmp_path, monkeypatch):
    """A folder like that of a reader who has run the studies, and copied the results of a cluster."""
    (tmp_path / "toymanifold-results").mkdir()
    shutil.copy(measured, tmp_path / "toymanifold-results" / "results.db")
    shutil.copy(measured, tmp_path / "from-the-cluster.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # to which the folder of a study is appended
    monkeypatch.setattr("studies.execution.executors.open_executor", threads)
    monkeypatch.setattr("studies.api.open_executor", threads)
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS))  # a page may register its own
    yield tmp_path
    plt.close("all")


@each_page
def test_blocks_of_the_page_run(page, place):
    names = {"__name__": page.stem, "__file__": str(page)}
    for language, code, line, expected in steps(page):
        printed = RUN[language](code, line, names)
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if expected is not None:
            assert doctest.OutputChecker().check_output(expected, printed, flags), f"line {line} prints:\n{printed}"


@each_page
def test_every_block_of_the_page_says_its_language(page):
    blocks = [token for token in tokens(page) if token.type in ("fence", "code_block")]
    escaped = [token.content for token in blocks if token.info not in LANGUAGES and not token.info.startswith("{")]
    assert not escaped


@each_page
def test_links_of_the_page_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("study", built_in())
def test_every_built_in_study_has_a_page_of_results(study):
    text = (DOCS / "results" / f"{study}.md").read_text(encoding="utf-8")
    assert f"toymanifold run {study}" in text
