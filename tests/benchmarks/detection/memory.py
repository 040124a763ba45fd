"""What the detect role holds for models that are past their warm-up: resident memory, and the size of their snapshot.

    python -m tests.benchmarks.detection.memory [--models 1000] [--numbers 14] [--shares 6]

A model has so many numeric features and categories of eight letters, all of them present, and no shadow: its prediction and the
volume are the rest. ``warm_up`` is 1,000, as many values as a reference keeps.
"""

import argparse
import gc
import resource
from pathlib import Path

import numpy as np

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.state_codec import encode_state
from app.domain.detection.statistics_records import Source
from app.domain.detection.watch import ModelWatch

_ROWS = 1_100
_LETTERS = np.array(list("abcdefgh"))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def _pairs(rng: np.random.Generator, numbers: int, shares: int) -> PairColumns:
    pairs = PairColumns()
    pairs.offsets, pairs.times = list(range(_ROWS)), (1_790_000_000_000 + 1_000 * np.arange(_ROWS)).tolist()
    pairs.digests, pairs.statuses = rng.integers(0, 2**32, _ROWS).tolist(), ["solo"] * _ROWS
    pairs.features.rows = _ROWS
    pairs.features.columns = {f"number{at}": rng.normal(size=_ROWS).tolist() for at in range(numbers)}
    pairs.features.columns |= {f"letter{at}": rng.choice(_LETTERS, _ROWS).tolist() for at in range(shares)}
    legacy = pairs.legacy
    legacy.which, legacy.versions = list(range(_ROWS)), ["1"] * _ROWS
    legacy.predictions, legacy.latencies, legacy.costs = rng.random(_ROWS).tolist(), [None] * _ROWS, [None] * _ROWS
    return pairs


def _watch(name: str, pairs: PairColumns) -> ModelWatch:
    config = DriftConfig(warm_up=1_000)
    watch = ModelWatch(Source(name, "pairs", 0, config.digest), config)
    for _ in watch.feed(pairs):
        pass
    return watch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--numbers", type=int, default=14, help="numeric features of each model")
    parser.add_argument("--shares", type=int, default=6, help="categorical features of each model")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    streams = [_pairs(rng, options.numbers, options.shares) for _ in range(10)]
    _watch("first", streams[0])
    gc.collect()
    before = _resident()
    watches = [_watch(f"m{at}", streams[at % len(streams)]) for at in range(options.models)]
    gc.collect()
    held, size = _resident() - before, len(encode_state({"watches": [watches[0].dump()]}))
    signals = options.numbers + options.shares
    print(
        f"{options.models:,} models of {options.numbers} numbers and {options.shares} categories: {held / 2**20:,.0f} MiB held, "
        f"{held / options.models / 1024:.0f} KiB a model, {held / options.models / signals / 1024:.1f} KiB a feature "
        f"(its missing share, the prediction and the volume included); snapshot {size / 1024:.0f} KiB a model"
    )


if __name__ == "__main__":
    main()
