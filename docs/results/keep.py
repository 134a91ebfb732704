"""Keep the results of a built-in study beside its page, and write the tables of claims and of worths of all pages.

    python docs/results/keep.py NAME [STORE]
    python docs/results/keep.py [--check]

The first command keeps the numbers in the store as data/NAME.csv; draws the figures that the page shows, reduced to 256
colours, and removes all others; and prints by what the numbers were measured. Both write the tables between
``<!-- claims -->`` or ``<!-- worths -->`` and ``<!-- end -->``, and studies/library/worths.csv, from the kept numbers.
With ``--check`` nothing is written, and the exit code is 1 if a page is out of date.
"""

import argparse
import functools
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from estimators.priors import KNOWLEDGE
from studies.analysis.claims import CLAIMS, Claim, check_claims
from studies.library import worths
from studies.registry.metrics import METRICS, shown_name
from studies.registry.test_sets import N_TEST
from studies.results.results import Results
from studies.spec.sections import as_list
from studies.spec.study import Study, built_in
from studies.store.store import Store

HERE = Path(__file__).parent
INDEX = HERE / "index.md"
PRIORS = HERE.parent / "priors.md"
WORTHS = Path(worths.__file__).with_name("worths.csv")
PAGES = [HERE / f"{study}.md" for study in sorted({check.study for check in CLAIMS.values()})]

_TABLE = re.compile("(<!-- (?:claims|worths) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_COLUMNS = "the literature says | source | tolerated | measured here | verdict |"
_SELECTED = re.compile(r"^\| \[(.+?)\]\(.*?\) \| (.*?) \|", re.MULTILINE)  # study and statement


def kept_frame(study: str) -> pd.DataFrame:
    """Return the kept results of a study."""
    frame = pd.read_csv(HERE / "data" / f"{study}.csv")
    frame.attrs["n_test"] = N_TEST  # as in `Results.frame`
    return frame


@functools.cache
def kept_claims(study: str) -> list[Claim]:
    """Return the claims about a study with the verdicts of its kept results."""
    return check_claims(study, kept_frame(study))


@functools.cache
def worths_csv() -> str:
    """Return the worths of priors in the kept results as the text of worths.csv."""
    return worths.as_csv(
        found for study in worths.SOURCES for found in worths.find_worths(built_in()[study], kept_frame(study))
    )


def updated(page: Path) -> str:
    """Return the text of a file that is made of kept results: a page with its table up to date, or worths.csv.

    The table of a study has all its claims. That of the index has those that it has already: a selection by hand.
    """
    if page == WORTHS:
        return worths_csv()
    text = page.read_text(encoding="utf-8")
    found = _TABLE.search(text)
    if found is None:
        raise ValueError(f"{page.name} has no table: <!-- claims --> and <!-- end -->, each on a line.")
    tables = {PRIORS: _worths, INDEX: functools.partial(_selection, found[2])}
    table = tables.get(page, functools.partial(_all_claims, page.stem))()
    return text[: found.start(2)] + table + text[found.end(2) :]


def _all_claims(study: str) -> str:
    rows = (f"| {_row(claim)}" for claim in kept_claims(study))
    return "\n".join([f"| {_COLUMNS}", "|---|---|---|---|---|", *rows]) + "\n"


def _worths() -> str:
    """Return the table of what each prior knows, and that of the worths in worths.csv."""
    known = [
        {"prior": name, "a learner with it knows": knows, "holds for": holds}
        for name, (knows, holds) in KNOWLEDGE.items()
    ]
    return f"{_table(known)}\n{_table([worth.texts for worth in worths.kept_worths()])}"


def _table(rows: list[dict[str, str]]) -> str:
    """Return rows of texts by heading as a table."""
    lines = (f"| {' | '.join(row.values())} |" for row in rows)
    return "\n".join([f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|", *lines]) + "\n"


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


def used_metrics(study: Study, frame: pd.DataFrame) -> list[str]:
    """Return the metrics of a built-in study to keep: all but times, since a study measures what it uses.

    Of those with several numbers, such as a norm for each layer, only the numbers are kept that a claim or the axis of
    a picture needs. Figures of the others are drawn from the store.
    """
    asked = {name for spec in study.pictures for name in as_list(spec.arguments.get("metric", []))}
    claims = check_claims(study.name, frame)

    def is_used(metric: str) -> bool:
        if metric.endswith("seconds"):
            return False
        if metric in METRICS or shown_name(metric) in asked:
            return True
        return check_claims(study.name, frame[frame["metric"] != metric]) != claims

    return [metric for metric in frame["metric"].unique() if is_used(metric)]


def draw(results: Results, page: Path, images: Path) -> None:
    """Write the figures that a page shows, and remove all others.

    Raises
    ------
    ValueError
        If a figure cannot be drawn, or the study has none of this name.
    """
    from studies.plots.figures import write_figures

    shown = set(re.findall(rf"/{images.name}/([^/]+)\.png", page.read_text(encoding="utf-8")))
    for path in images.glob("*.png"):
        path.unlink()
    lines = write_figures(results, images, shown)
    if missing := shown - {path.stem for path in images.glob("*.png")}:
        raise ValueError(f"{page.name} shows figures that are not drawn: {sorted(missing)}. {' '.join(lines)}")
    subprocess.run([sys.executable, HERE.parent / "images" / "reduce.py", images], check=True)


def measured_by(results: Results) -> str:
    """Return by what the cells of a study were measured, in how long, and on which machines."""
    outcomes = [outcome for _, outcome in results.outcomes()]
    machines = sorted({run.describe()["machine"] for run in results.runs.values()})
    seconds = sum(outcome.seconds for outcome in outcomes)
    return (
        f"Measured by `toymanifold run {results.study.name}`: {len(outcomes):,} cells in {seconds / 60:,.0f} minutes of"
        f" one core, on {' and '.join(machines) or 'an unknown machine'}."
    )


def keep(name: str, url: str) -> None:
    """Write the results of a study in the store at a URL into data/ and images/."""
    study = built_in()[name]
    with Store(url) as store:
        results = Results(study, store)
        frame = results.frame()
        draw(results, HERE / f"{name}.md", HERE.parent / "images" / name)
        print(measured_by(results))
    kept = frame[frame["metric"].isin(used_metrics(study, frame))]
    kept.to_csv(HERE / "data" / f"{name}.csv", index=False, float_format="%.6g")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?")
    parser.add_argument("store", nargs="?", default="sqlite:///toymanifold-results/results.db")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.name:
        keep(arguments.name, arguments.store)
    stale = []
    for page in (*PAGES, INDEX, WORTHS, PRIORS):  # the last one is made of the one before it
        if (text := updated(page)) != page.read_text(encoding="utf-8"):
            stale.append(page)
            print(f"{page.name} is out of date" if arguments.check else f"{page.name} is written")
            if not arguments.check:
                page.write_text(text, encoding="utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
