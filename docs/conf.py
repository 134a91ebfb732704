"""How Sphinx builds these pages: `make docs`. Nothing is fetched from a network."""

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: the examples' nets are too small for threads

from sphinx.application import Sphinx

from toymanifold import __version__

OURS = ("toymanifold", "estimators", "studies")
GENERATED = Path(__file__).parent / "generated"

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
html_static_path = ["_static"]
html_css_files = ["toymanifold.css"]
html_copy_source = False
html_show_sphinx = False


def write_command_line(*_: Sphinx) -> None:
    """Write the page on the command line from what the command says of itself."""
    GENERATED.mkdir(exist_ok=True)
    tell = [sys.executable, "-m", "typer", "studies.cli", "utils", "docs", "--name", "toymanifold"]
    told = subprocess.run(tell, capture_output=True, text=True, check=True).stdout
    page = GENERATED / "command-line.md"
    if not page.exists() or page.read_text(encoding="utf-8") != told:
        page.write_text(told, encoding="utf-8")


def skip_foreign(app: Sphinx, kind: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out what a class inherits from a library: its documentation is there."""
    package = (getattr(member, "__module__", None) or "").partition(".")[0]
    return True if package and package not in OURS else None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_command_line)
    app.connect("autodoc-skip-member", skip_foreign)
