"""``gnomon worker`` with the two inputs named by the harness's environment, saying ``@first`` at its first record."""

import os
import time
from collections.abc import Sequence
from typing import Any

from agents.pair import INPUTS, PairFold
from app.topic_table import Topics

__all__: list[str] = []

_feed, _full = PairFold.feed, Topics.full


def _say_first(fold: PairFold, side: int, run: Any, out: Any) -> int:
    os.write(1, b"@first %.3f\n" % time.time())
    PairFold.feed = _feed
    return _feed(fold, side, run, out)


def _named(topics: Topics, name: str) -> str:
    return NAMES.get(name) or _full(topics, name)


if __name__ == "__main__":
    from app.__main__ import main

    given: Sequence[str] = (os.environ["PEERS_LEGACY"], os.environ["PEERS_SHADOW"])
    NAMES = dict(zip(INPUTS, given, strict=True))
    PairFold.feed, Topics.full = _say_first, _named
    main()
