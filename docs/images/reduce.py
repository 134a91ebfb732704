"""Reduce figures to 256 colours, a third of their size: ``python docs/images/reduce.py [FOLDER ...]``."""

import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent


def reduce(folder: Path) -> None:
    """Write the PNG files of a folder anew, those of fewer colours excepted."""
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            if image.mode != "P":
                few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
                few.save(path, optimize=True)


if __name__ == "__main__":
    for folder in sys.argv[1:] or [HERE]:
        reduce(Path(folder))
