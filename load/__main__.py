"""``python -m load``."""

from load.command import main

if __name__ == "__main__":
    raise SystemExit(main())
