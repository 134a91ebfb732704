"""README tells every command; that what it tells works is in test_docs.py."""

import re
from pathlib import Path

from studies.cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(typer):
    return {command.name or command.callback.__name__ for command in typer.registered_commands}


def test_commands_of_the_readme_exist():
    """And all of them are there, but those that look after a store, which docs/store.md tells."""
    typed = [line.split() for block in blocks("sh") for line in block.splitlines()]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {words[1] for words in typed if words[0] == "make"} == {"study", "test"} <= set(targets)
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    of_store = {f"store {command}" for command in commands(groups["store"])}
    words_told = [words[1:] for words in typed if words[0].endswith("toymanifold")]
    told = {" ".join(words[: 2 if words[0] in groups else 1]) for words in words_told}
    assert commands(app) <= told <= commands(app) | of_store
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    assert of_store == set(re.findall(r"`toymanifold (store \w+)", page))
