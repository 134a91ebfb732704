"""The packages of this distribution, whose names others use too: one on PyPI installs another package `estimators`."""

import importlib.util
from pathlib import Path

_MARK = 'OWNER = "toymanifold"'


def check_siblings() -> None:
    """Raise ImportError if `estimators` or `studies` is another distribution's; neither is imported."""
    for name in ("estimators", "studies"):
        spec = importlib.util.find_spec(name)
        file = Path(spec.origin) if spec and spec.origin else None
        if file is None or _MARK not in file.read_text(encoding="utf-8"):
            raise ImportError(
                f"the package {name!r}{f' in {file.parent}' if file else ''} is not toymanifold's: another distribution"
                " has replaced or hidden it; install toymanifold in an environment of its own"
            )
