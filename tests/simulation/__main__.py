"""``make simulate SEEDS=1..100000``: so many seeds, and what was found. One seed alone is told in full."""

from __future__ import annotations

import sys
import time

from tests.simulation.seeds import Outcome, check_all
from tests.simulation.simulation import Simulation


def main(text: str) -> int:
    """The exit code: 1 where a seed was found that breaks the claim."""
    first, _, last = text.partition("..")
    if not first.isdigit() or not (last or first).isdigit() or int(first) > int(last or first):
        print(f"SEEDS={text}: a range of whole numbers is expected, as in 1..1000, or one of them", file=sys.stderr)
        return 2
    if int(first) == int(last or first):
        print(Simulation(int(first)).plan)
    started, total, next_s = time.monotonic(), Outcome(0, 0, 0, 0, []), 60.0
    for outcome in check_all(int(first), int(last or first)):
        total += outcome
        if time.monotonic() - started > next_s:
            print(f"{total.seeds:,} seeds, {len(total.violations)} violations, {time.monotonic() - started:.0f} s", flush=True)
            next_s += 60.0
    seconds = time.monotonic() - started
    print(f"{total}\n{total.seeds / seconds:.0f} seeds/s")
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
