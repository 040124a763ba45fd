"""``python -m app``, the same as ``gnomon``.

One thread of linear algebra is set before numpy is loaded: its idle threads spin, and a worker has one core.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from app.cli import cli

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    cli(prog_name="gnomon")


if __name__ == "__main__":
    main()
