"""``python -m app``, the same as ``gnomon``."""

from app.cli import cli

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    cli(prog_name="gnomon")


if __name__ == "__main__":
    main()
