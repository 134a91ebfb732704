"""What the pages have in common: their templates, and scripts that a content security policy knows by their hash."""

import base64
import hashlib
from importlib import resources

import jinja2

import toymanifold


def text(name: str) -> str:
    """Return a file of ``studies/web/templates``."""
    return (resources.files("studies.web") / "templates" / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Return what renders templates: everything is escaped, and nothing may be left out."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("studies.web"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.globals["version"] = toymanifold.__version__
    return made


def script_hash(script: str) -> str:
    """Return the SHA-256 of an inline script, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
