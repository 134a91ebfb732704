"""Keep what a built-in study measured: its numbers as data/NAME.csv, and in its page the claims and the figures.

    python docs/results/keep.py NAME [STORE] [METRIC ...]

Of the page, what stands between ``<!-- claims -->`` and ``<!-- end -->`` is written anew, and so are its figures, in
256 colours. Without metrics, all are kept but seconds.
"""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from studies.analysis.claims import check_claims
from studies.cli.tables import write_pictures
from studies.results.results import Results
from studies.spec.study import built_in
from studies.store.store import Store

HERE = Path(__file__).parent


def keep(name: str, url: str, metrics: list[str]) -> None:
    """Write what the store at a URL has of a study into data/, images/ and the study's page."""
    with Store(url) as store:
        results = Results(built_in()[name], store)
        frame = results.frame()
        shown = re.findall(rf"/{name}/([^/]+)\.png", (HERE / f"{name}.md").read_text(encoding="utf-8"))
        write_pictures(results, HERE.parent / "images" / name, shown)
    subprocess.run([sys.executable, HERE.parent / "images" / "reduce.py", HERE.parent / "images" / name], check=True)
    kept = frame[frame["metric"].isin(metrics) if metrics else ~frame["metric"].str.endswith("seconds")]
    path = HERE / "data" / f"{name}.csv"
    kept.to_csv(path, index=False, float_format="%.9g")
    page = HERE / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(replaced(text, claims_table(name, path)), encoding="utf-8")


def claims_table(name: str, path: Path) -> str:
    """Return the claims about a study, as they stand in its kept results, as a table."""
    rows = [f"| {c.says} | {c.source} | {c.measured} | {c.verdict} |" for c in check_claims(name, pd.read_csv(path))]
    return "\n".join(["| the literature says | source | measured here | |", "|---|---|---|---|", *rows])


def replaced(text: str, new: str) -> str:
    """Return a page with new text between its marks, if it has them."""
    return re.sub("(<!-- claims -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{new}\n{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    keep(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "sqlite:///toymanifold-results/results.db", sys.argv[3:])
