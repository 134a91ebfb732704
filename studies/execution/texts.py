"""Texts of foreign code, of any length and content, as short texts that every store and terminal takes."""

KEPT_BYTES = 2000
"""Bytes of a text that are kept at its beginning, and as many at its end."""


class Excerpt:
    """The first and last part of a text that arrives in pieces."""

    def __init__(self) -> None:
        self._first = self._last = b""
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Add a piece in UTF-8."""
        room = KEPT_BYTES - len(self._first)
        self._first += piece[:room]
        self._last = (self._last + piece[room:])[-KEPT_BYTES:]
        self._size += len(piece)

    def __str__(self) -> str:
        """Return the text, with the number of bytes left out, and without NUL characters and lone surrogates."""
        left_out = self._size - len(self._first) - len(self._last)
        middle = f"\n... {left_out:,} bytes left out ...\n" if left_out else ""
        text = self._first + middle.encode() + self._last
        return text.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def cut(text: str) -> str:
    """Return a text as an `Excerpt` keeps it."""
    excerpt = Excerpt()
    excerpt.add(text.encode("utf-8", "backslashreplace"))
    return str(excerpt)
