"""Write the tables of docs/studies.md and docs/pictures.md from the code that they describe.

    python docs/tables.py

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. A test compares pages and code.
"""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sklearn.metrics import get_scorer_names

from studies.registry.metrics import METRICS, RETIRED
from studies.registry.params import named_parameters, toml_value
from studies.registry.plots import PLOTS
from studies.registry.problems import PROBLEMS
from studies.registry.reference_curves import REFERENCE_CURVES
from studies.spec import sections
from studies.spec.study import Study

HERE = Path(__file__).parent
OTHERS = {*get_scorer_names()} - {"accuracy", "r2"}  # scikit-learn's scorers
MODELS: list[type[BaseModel]] = [
    Study,
    sections.ProblemSpec,
    sections.LearnerSpec,
    sections.Search,
    sections.Sizes,
    sections.Question,
    sections.Point,
    sections.Worth,
    sections.PictureSpec,
    sections.Quick,
]


def tables() -> dict[str, str]:
    """Return each table by its name."""
    metrics = (
        (f"`{name}`", "yes" if m.default else "", str(m.function.__doc__))
        for name, m in METRICS.items()
        if name not in OTHERS | RETIRED
    )
    curves = (
        (f"`{name}`", curve.title, listed(inspect.signature(curve.function).parameters))
        for name, curve in REFERENCE_CURVES.items()
    )
    plots = ((f"`{name}`", listed(plot.arguments.model_fields)) for name, plot in PLOTS.items())
    problems = ((f"`{name}`", listed(named_parameters(build))) for name, build in PROBLEMS.items())
    return {model.__name__: table("key | default | ", keys(model)) for model in MODELS} | {
        "metrics": table("metric | by default | ", metrics),
        "plots": table("plot | arguments", plots),
        "curves": table("curve | in the legend | parameters", curves),
        "problems": table("problem | params", problems),
    }


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    columns = head.count("|") + 1
    return "\n".join([f"| {head.rstrip()} |", "|" + "---|" * columns, *(f"| {' | '.join(row)} |" for row in rows)])


def keys(model: type[BaseModel]) -> Iterable[tuple[str, str, str]]:
    """Yield the keys of a section of a study."""
    for name, field in model.model_fields.items():
        yield f"`{name}`", default(field), " ".join(str(field.description).split())


def default(field: FieldInfo) -> str:
    """Return the default of a key, where it is a number, true or false."""
    if field.is_required():
        return "needed"
    return f"`{toml_value(field.default)}`" if isinstance(field.default, int | float) else ""


def listed(names: Iterable[str]) -> str:
    """Return names as code, with commas between them."""
    return ", ".join(f"`{name}`" for name in names)


def rewritten(text: str) -> str:
    """Return a page with its tables as they should be."""
    found = tables()
    return re.sub(
        r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)",
        lambda m: f"{m[1]}\n{found[m[2]]}\n\n{m[3]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for page in (HERE / "studies.md", HERE / "pictures.md"):
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
