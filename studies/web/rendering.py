"""Templates of the pages, and the hash by which a content security policy allows their scripts."""

import base64
import hashlib
from importlib import resources

import jinja2

import toymanifold


def text(name: str) -> str:
    """Return a file of ``studies/web/templates``."""
    return (resources.files("studies.web") / "templates" / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Return the environment of the templates: everything is escaped, and an undefined name is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("studies.web"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.globals["version"] = toymanifold.__version__
    return made


def script_hash(script: str) -> str:
    """Return the SHA-256 of an inline script, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
