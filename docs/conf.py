"""How Sphinx builds these pages: `make docs`. Nothing is fetched from a network."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: the examples' nets are too small for threads

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from toymanifold import __version__

OURS = ("toymanifold", "estimators", "studies")
ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "generated"

project = "toymanifold"
author = "the toymanifold developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autosummary", "numpydoc", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "examples", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5"]
templates_path = ["_templates"]
default_role = "py:obj"  # a name in single backquotes; a link where it is one of ours

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autosummary_imported_members = True
autosummary_ignore_module_all = False  # what is public is what `__all__` says
autodoc_typehints = "none"  # numpydoc sections say more: shapes, units, what is allowed
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
    "abort_on_example_error": True,
}

html_theme = "furo"
html_title = "toymanifold"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"  # browsers know it, where MathJax would be fetched from a network


def write_command_line(*_: Sphinx) -> None:
    """Write the page on the command line from its own help."""
    GENERATED.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "typer", "studies.cli.main", "utils", "docs", "--name", "toymanifold"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    text = text.replace("# `toymanifold`", "# Command line", 1)
    page = GENERATED / "command-line.md"
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def skip_foreign(app: Sphinx, kind: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out what a class inherits from a library: its documentation is there."""
    package = (getattr(member, "__module__", None) or "").partition(".")[0]
    return True if package and package not in OURS else None


def write_formula(translator: HTML5Translator, node: nodes.Element) -> NoReturn:
    """Write a formula of a docstring."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    app.connect("builder-inited", write_command_line)
    app.connect("autodoc-skip-member", skip_foreign)
