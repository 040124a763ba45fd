"""``python -m schemas FOLDER``: write the documents below ``FOLDER`` (``docs`` by default), and print each path."""

import sys
from pathlib import Path

from schemas.documents import documents

__all__ = ["main"]


def main(folder: Path) -> None:
    """Write every document; what is already there under its name is replaced."""
    for path, content in documents().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
