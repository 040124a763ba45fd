"""``python -m app.demo [--once]``."""

import sys

from app.demo import demo

if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - {"--once"}
    if unknown:
        print(f"{' '.join(sorted(unknown))}: only --once is allowed", file=sys.stderr)
        raise SystemExit(2)
    raise SystemExit(demo(once="--once" in sys.argv[1:]))
