"""``make simulate SEEDS=1..100000``: so many seeds, and what was found. One seed alone is told in full."""

from __future__ import annotations

import sys
import time

from tests.simulation.seeds import NOTHING, check, check_all
from tests.simulation.simulation import Simulation

#: So few are run in this process.
_FEW = 100


def main(text: str) -> int:
    """The exit code: 1 where a seed was found that breaks the claim."""
    first, _, last = text.partition("..")
    if not first.isdigit() or not (last or first).isdigit() or int(first) > int(last or first):
        print(f"SEEDS={text}: a range of whole numbers is expected, as in 1..1000, or one of them", file=sys.stderr)
        return 2
    seeds = int(first), int(last or first)
    if seeds[0] == seeds[1]:
        print(Simulation(seeds[0]).plan)
    started, total, next_s = time.monotonic(), NOTHING, 60.0
    for outcome in [check(*seeds)] if seeds[1] - seeds[0] < _FEW else check_all(*seeds):
        total = total.plus(outcome)
        if time.monotonic() - started > next_s:
            print(f"{total.seeds:,} seeds, {len(total.violations)} violations, {time.monotonic() - started:.0f} s", flush=True)
            next_s += 60.0
    seconds = time.monotonic() - started
    print(f"{total}\n{total.seeds / seconds:.0f} seeds/s")
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
