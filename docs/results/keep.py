"""Keep what a built-in study measured: its numbers beside its page, and in the page the claims and the table they make.

    python docs/results/keep.py NAME [STORE] [METRIC ...]

Of the page, what stands between ``<!-- claims -->`` or ``<!-- table -->`` and ``<!-- end -->`` is written anew, and so
are the pictures that it shows. Without metrics, all are kept but seconds.
"""

import re
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

from studies.analysis.claims import check_claims
from studies.cli.tables import measurements, scalings, write_figures
from studies.results.results import Results
from studies.spec.study import built_in
from studies.store.store import Store

HERE = Path(__file__).parent


def keep(name: str, url: str, metrics: list[str]) -> None:
    """Write what the store at a URL has of a study into data/, images/ and the study's page."""
    with Store(url) as store:
        results = Results(built_in()[name], store)
        frame = results.frame()
        table = Console(width=300, file=open("/dev/null", "w"), record=True)  # noqa: SIM115
        for shown in (*measurements(results), *scalings(results)):
            table.print(shown)
        shown = re.findall(rf"/{name}/([^/]+)\.png", (HERE / f"{name}.md").read_text(encoding="utf-8"))
        write_figures(results, HERE.parent / "images" / name, shown)
    kept = frame[frame["metric"].isin(metrics) if metrics else ~frame["metric"].str.endswith("seconds")]
    path = HERE / "data" / f"{name}.csv"
    kept.to_csv(path, index=False, float_format="%.9g")
    page = HERE / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    text = replaced(text, "claims", claims_table(name, path))
    lines = [line.rstrip() for line in table.export_text().splitlines()]
    text = replaced(text, "table", "```text\n" + "\n".join(lines).strip("\n") + "\n```")
    page.write_text(text, encoding="utf-8")


def claims_table(name: str, path: Path) -> str:
    """Return the claims about a study, as they stand in its kept results, as a table."""
    rows = [f"| {c.says} | {c.source} | {c.measured} | {c.verdict} |" for c in check_claims(name, pd.read_csv(path))]
    return "\n".join(["| the literature says | source | measured here | |", "|---|---|---|---|", *rows])


def replaced(text: str, what: str, new: str) -> str:
    """Return a page with new text between its marks, if it has them."""
    return re.sub(f"(<!-- {what} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{new}\n{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    keep(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "sqlite:///toymanifold-results/results.db", sys.argv[3:])
