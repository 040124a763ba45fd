"""What an oracle found: how often each fault, with some examples, and the lines that are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

EXAMPLES = 3
#: Each must read 0. What may go wrong, in words.
FAULTS = {
    "missing": "request ids that were read and have no record",
    "twice": "request ids with a second, equal record",
    "contradictory": "request ids with a second, different record",
    "nowhere": "events that are neither in a record nor a dead letter",
    "in both": "events that are a dead letter and in a record",
    "altered": "events whose half in the record, or whose dead letter, says something else",
    "invented": "halves in records, or dead letters, that no event is behind",
    "letters twice": "events with a second dead letter",
    "wrong reason": "duplicates of nothing, and late events that their record has",
    "wrong status": "records whose status, halves and missing versions do not fit together",
}


@dataclass
class Findings:
    """``faults`` counts by kind; ``examples`` has the first few of each."""

    faults: Counter[str] = field(default_factory=Counter, kw_only=True)
    examples: dict[str, list[str]] = field(default_factory=dict, kw_only=True)

    def fault(self, kind: str, example: str) -> None:
        """Note one."""
        self.faults[kind] += 1
        kept = self.examples.setdefault(kind, [])
        if len(kept) < EXAMPLES:
            kept.append(example)

    def lines(self) -> Iterable[str]:
        """The findings, one kind a line, zero or not."""
        for kind, text in FAULTS.items():
            examples = "".join(f"\n    {example}" for example in self.examples.get(kind, ()))
            yield f"{kind:14}{self.faults[kind]:>8}  {text}{examples}"
