"""Keep the results of a built-in study beside its page, and write the tables of claims of all pages.

    python docs/results/keep.py NAME [STORE] [METRIC ...]
    python docs/results/keep.py [--check]

The first command keeps the numbers in the store as data/NAME.csv, of these metrics, by default of all but seconds; and
draws the figures that the page shows, reduced to 256 colours. Both write the tables between ``<!-- claims -->`` and
``<!-- end -->`` from the kept numbers. With ``--check`` no page is written, and the exit code is 1 if one is out of
date.
"""

import argparse
import functools
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from studies.analysis.claims import Claim, check_claims
from studies.registry.test_sets import N_TEST

HERE = Path(__file__).parent
INDEX = HERE / "index.md"
PAGES = [HERE / f"{path.stem}.md" for path in sorted(HERE.glob("data/*.csv"))]

_TABLE = re.compile("(<!-- claims -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_COLUMNS = "the literature says | source | tolerated | measured here | verdict |"
_SELECTED = re.compile(r"^\| \[(.+?)\]\(.*?\) \| (.*?) \|", re.MULTILINE)  # study and statement


@functools.cache
def kept_claims(study: str) -> list[Claim]:
    """Return the claims about a study with the verdicts of its kept results."""
    frame = pd.read_csv(HERE / "data" / f"{study}.csv")
    frame.attrs["n_test"] = N_TEST  # as in `Results.frame`
    return check_claims(study, frame)


def updated(page: Path) -> str:
    """Return the text of a page with its table of claims up to date.

    The table of a study has all its claims. That of the index has those that it has already: a selection by hand.
    """
    text = page.read_text(encoding="utf-8")
    found = _TABLE.search(text)
    if found is None:
        raise ValueError(f"{page.name} has no table of claims: <!-- claims --> and <!-- end -->, each on a line.")
    table = _selection(found[2]) if page == INDEX else _all_claims(page.stem)
    return text[: found.start(2)] + table + text[found.end(2) :]


def _all_claims(study: str) -> str:
    rows = (f"| {_row(claim)}" for claim in kept_claims(study))
    return "\n".join([f"| {_COLUMNS}", "|---|---|---|---|---|", *rows]) + "\n"


def _selection(table: str) -> str:
    rows = []
    for study, says in _SELECTED.findall(table):
        claims = {claim.says: claim for claim in kept_claims(study)}
        if says not in claims:
            raise ValueError(f"{INDEX.name} has a claim about {study} that is none of {list(claims)}. Got {says!r}.")
        rows.append(f"| [{study}]({study}.md) | {_row(claims[says])}")
    return "\n".join([f"| study | {_COLUMNS}", "|---|---|---|---|---|---|", *rows]) + "\n"


def _row(claim: Claim) -> str:
    return f"{claim.says} | {claim.source} | {claim.terms} | {claim.finding} | {claim.verdict} |"


def keep(name: str, url: str, metrics: list[str]) -> None:
    """Write the results of a study in the store at a URL into data/ and images/."""
    from studies.plots.figures import write_figures
    from studies.results.results import Results
    from studies.spec.study import built_in
    from studies.store.store import Store

    images = HERE.parent / "images" / name
    with Store(url) as store:
        results = Results(built_in()[name], store)
        frame = results.frame()
        shown = re.findall(rf"/{name}/([^/]+)\.png", (HERE / f"{name}.md").read_text(encoding="utf-8"))
        write_figures(results, images, shown)
    subprocess.run([sys.executable, HERE.parent / "images" / "reduce.py", images], check=True)
    kept = frame[frame["metric"].isin(metrics) if metrics else ~frame["metric"].str.endswith("seconds")]
    kept.to_csv(HERE / "data" / f"{name}.csv", index=False, float_format="%.9g")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?")
    parser.add_argument("store", nargs="?", default="sqlite:///toymanifold-results/results.db")
    parser.add_argument("metrics", nargs="*")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.name:
        keep(arguments.name, arguments.store, arguments.metrics)
    stale = [page for page in (*PAGES, INDEX) if updated(page) != page.read_text(encoding="utf-8")]
    for page in stale:
        print(f"{page.name} is out of date" if arguments.check else f"{page.name} is written")
        if not arguments.check:
            page.write_text(updated(page), encoding="utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
