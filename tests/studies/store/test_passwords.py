"""Passwords are shown nowhere, whatever they contain and wherever they stand."""

import sys
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from studies.cli.main import app
from studies.store.passwords import hide_password, hide_passwords
from studies.store.provenance import collect
from studies.store.store import Outcome, Store, StoreError
from tests.studies.conftest import store_errors

SECRET = "S3CR3T"

FORMS = [
    "{scheme}://me:{password}@host/name",
    "{scheme}://me:{password}@host:5432/name?options=-csearch_path%3Dx",
    "{scheme}://:{password}@[::1]:5432/name",
    "{scheme}:/me:{password}@host/name",
    " {scheme}://me:{password}@host:port/name",
    "{scheme}://me:{password}",
    "{scheme}://host/name?user=me&password={password}",
    "{scheme}://host:5432/name?sslpassword={password}&x=1",
    "{scheme}://host/name?user=me&p%61ssword={password}",
    "host=host user=me password={password}",
    "jdbc:{scheme}://host/name?user=me&password={password}",
    "me:{password}@host/name",
    "//me:{password}@host/name",
    "'{scheme}://me:{password}@host/name'",
    "me%3A{password}@host",
    "--store={scheme}://me:{password}@host/name",
]
schemes = st.sampled_from(["postgresql", "postgresql+psycopg", "postgres", "mysql", "dask", "sqlite+pysqlcipher"])
passwords = st.text(st.sampled_from("/:@?#&=%+ \"'\\a1.é"), max_size=4)


@given(st.sampled_from(FORMS), schemes, passwords.filter(lambda text: not text[:1].isdigit()), passwords)
def test_a_password_is_hidden_whatever_it_contains(form, scheme, before, after):
    hidden = hide_password(form.format(scheme=scheme, password=before + SECRET + after))
    assert SECRET not in hidden
    assert "***" in hidden
    assert hide_password(hidden) == hidden


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me@host:5432/name?options=-csearch_path%3Dx",
        "postgresql://me@[::1]:5432/name",
        "dask://[::1]:8786",
        "tcp://127.0.0.1:8786",
        "sqlite:////home/me:you@here/results.db",
        "results.db",
        "--seeds",
    ],
)
def test_an_address_without_a_password_stays(address):
    assert hide_password(address) == address


def test_passwords_of_a_command_line_are_hidden():
    command = "toymanifold run 'my study' --store 'postgresql://me:a b@host/x' --executor dask://me:pw@h:1"
    assert hide_passwords(command) == (
        "toymanifold run 'my study' --store 'postgresql://me:***@host/x' --executor 'dask://me:***@h:1'"
    )


def commands(url, page):
    study = ["double-descent", "--quick"]
    yield from (["store", verb, "--store", url] for verb in ("ls", "gc", "check"))
    yield from ([verb, *study, "--store", url] for verb in ("show", "export"))
    yield ["report", *study, "--output", page, "--store", url]
    yield ["run", *study, "--dry-run", "--store", url]
    yield ["verify", "double-descent", "--list", "--store", url]
    yield ["store", "merge", url, "into.db"]


@pytest.mark.parametrize("form", FORMS[:-1])
def test_no_command_shows_the_password_of_a_store_that_it_refuses(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for scheme in ("postgres", "mysql"):
        url = form.format(scheme=scheme, password=SECRET)
        for words in commands(url, "page.html"):
            ran = CliRunner().invoke(app, words, catch_exceptions=False)
            assert ran.exit_code == 2
            assert SECRET not in ran.output
        with pytest.raises(StoreError) as error:
            Store(url)
        assert SECRET not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("words", [[], ["store"], ["store", "ls"], ["show"], ["run", "--seeds"]])
@pytest.mark.parametrize("form", ["postgresql://me:{}@host/name", "me%3A'{}@host"])
def test_no_error_of_usage_shows_a_password(words, form):
    """The address of a store stands in the place of something else."""
    ran = CliRunner().invoke(app, [*words, form.format(SECRET)], catch_exceptions=False)
    assert ran.exit_code == 2
    assert SECRET not in ran.output


@pytest.mark.parametrize("user", ["", "postgres:a/{secret}@"])
def test_no_command_shows_the_password_of_its_store(user, postgresql_url, worth, tmp_path, monkeypatch):
    """PostgreSQL accepts any password here."""
    url = postgresql_url.replace("postgres@", user.format(secret=SECRET))
    url = url if user else f"{url}&user=postgres&password={SECRET}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("studies.spec.study.built_in", lambda: {"double-descent": worth.model_copy()})
    monkeypatch.setattr(sys, "argv", ["toymanifold", "run", "x", "--store", url])
    with Store(url) as store:
        run = store.begin_run(collect("worth", 3))
        store_errors(worth, store, run=run)
    for words in commands(url, "page.html"):
        ran = CliRunner().invoke(app, words, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        assert SECRET not in ran.output
    page = (tmp_path / "page.html").read_text()
    assert "***" in page
    assert SECRET not in page
    with Store(url) as store:
        assert SECRET not in str(store.runs())


def test_a_merge_of_other_values_shows_no_password(postgresql_url, tmp_path):
    url = f"{postgresql_url}&password={SECRET}"
    for number, store in enumerate((url, tmp_path / "into.db")):
        with Store(store) as opened:
            opened.add(Outcome("k1", "{}", "ok", {"accuracy": number / 4}))
    ran = CliRunner().invoke(app, ["store", "merge", url, str(tmp_path / "into.db")], catch_exceptions=False)
    assert "k1 has other values in postgresql" in ran.output
    assert SECRET not in ran.output
