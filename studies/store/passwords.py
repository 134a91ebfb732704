"""Passwords in the addresses of databases and schedulers, hidden wherever an address is shown or recorded."""

import re
import shlex
from urllib.parse import unquote

_PARAMETER = re.compile(r"([^?&\s=]*)\s*(?:=|%3d)", re.IGNORECASE)
_SECRET = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)  # in the name of a parameter

_BEFORE = r"\s*(?:--[\w-]+=)?['\"]?"
_USERINFO = re.compile(
    rf"^({_BEFORE}(?>(?:[\w+.-]*:?/+)?)(?:(?!%3a)[^:@])*)(?::|%3a).*@", re.DOTALL | re.IGNORECASE
)  # with a colon that may be encoded
_PORT = re.compile(rf"^({_BEFORE}[\w+.-]+:/*(?>\[[\da-f:.]*\]|[^:/?@\[]*)):(?!\d+(?:[/?]|$)|$).*", re.DOTALL)
_FILE = re.compile(rf"{_BEFORE}sqlite(?:\+\w+)?:///")  # its path may contain : and @


def hide_password(address: str) -> str:
    """Return an address with its passwords as ``***``; it may be invalid, and an argument of a command with its option.

    A password is what stands between the user and the last @, whatever it contains; what follows a parameter such as
    ``password=``, to the end; and what stands in place of the port and is not a number, as when the host is missing.

    Examples
    --------
    >>> hide_password("postgresql://me:pa/ss@host/results")
    'postgresql://me:***@host/results'
    >>> hide_password("--store=postgresql://host/results?user=me&password=secret")
    '--store=postgresql://host/results?user=me&password=***'
    """
    for found in _PARAMETER.finditer(address):
        if _SECRET.search(unquote(found[1])):
            return _hidden(address[: found.end()]).removesuffix("***") + "***"
    return _hidden(address)


def _hidden(address: str) -> str:
    if _FILE.match(address):
        return address
    hidden, found = _USERINFO.subn(r"\1:***@", address)
    return hidden if found else _PORT.sub(r"\1:***", address)


def hide_passwords(command: str) -> str:
    """Return a command line with the passwords of its addresses hidden."""
    try:
        words = shlex.split(command)
    except ValueError:
        return hide_password(command)
    hidden = [hide_password(word) for word in words]
    return command if hidden == words else shlex.join(hidden)
