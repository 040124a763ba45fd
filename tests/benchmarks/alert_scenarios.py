"""What on-call is told of five kinds of trouble: ``python -m tests.benchmarks.alert_scenarios [--seed 1] [--explain]``.

Each story of ``tests.benchmarks.alert_stories`` goes through the folds of pair, detect and decide, with default settings.
Printed, as Markdown: the records told of alerts by severity, what was held back by reason, and the retrain triggers; with
``--explain`` also each decision on each alert with its reason, as ``gnomon alerts explain FINGERPRINT`` prints it.
"""

import argparse
import time
from collections import Counter
from typing import NamedTuple

from app.alert_command import line_of
from app.config import ModelSettings
from tests.benchmarks.alert_stories import STORIES, Story, halves
from tests.chain import Chain, one_partition

__all__ = ["Outcome", "outcome", "played"]


class Outcome(NamedTuple):
    """What was told: firing alerts by severity and all by name, resolves, what was held back for good, triggers by reason."""

    pages: int
    tickets: int
    resolved: int
    firing: Counter[str]
    held: Counter[tuple[str, str]]
    triggers: Counter[str]
    contributors: int


def played(story: Story, seed: int, settings: ModelSettings | None = None, rate: int = 1) -> Chain:
    """The story, told to the end."""
    usual = settings or ModelSettings(shadows=("2.0.0",))
    chain = Chain(one_partition({"credit": usual, "fraud": ModelSettings(shadows=("8",))}))
    for minute in halves(story, seed, rate):
        chain.predict(minute)
    chain.end()
    return chain


def outcome(chain: Chain) -> Outcome:
    """Of a chain that was played; an alert is held back if it was never told."""
    told = chain.told()
    firing = [one for one in told if one["status"] == "firing"]
    severities = Counter(one["labels"]["severity"] for one in firing)
    known = {one["fingerprint"] for one in firing}
    held = Counter[tuple[str, str]]()
    for mark, labels in chain.cases().items():
        whys = [step.held for step in chain.explained(mark) if step.held]
        if mark not in known and whys:
            held[labels["alertname"], whys[-1]] += 1
    return Outcome(
        severities["critical"], severities["warning"], len(told) - len(firing),
        Counter(one["labels"]["alertname"] for one in firing), held,
        Counter(one["reason"]["code"] for one in chain.told("retrain.triggers")),
        max((len(one["evidence"].get("contributors", ())) for one in told), default=0),
    )  # fmt: skip


def _row(story: Story, found: Outcome) -> str:
    told = ", ".join(f"{count} `{name}`" for name, count in sorted(found.firing.items()))
    held = ", ".join(f"{count} `{name}` {why}" for (name, why), count in sorted(found.held.items()))
    triggers = ", ".join(f"{count} `{code}`" for code, count in sorted(found.triggers.items()))
    cells = (story.what, found.pages, found.tickets, found.resolved, told, held or "none", triggers or "none")
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _explain(chain: Chain) -> None:
    for mark, labels in chain.cases().items():
        print(f"\n    {mark}  {', '.join(f'{name}={value}' for name, value in labels.items() if name != 'model')}")
        for step in chain.explained(mark):
            print(f"        {line_of(step)}")


def main() -> None:
    """Play all stories."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--only", choices=[story.name for story in STORIES])
    options = parser.parse_args()
    rows = []
    for story in STORIES:
        if options.only not in {None, story.name}:
            continue
        started = time.process_time()
        chain = played(story, options.seed)
        print(f"{story.name}: {len(chain.logs['pairs']):,} pairs, {len(chain.logs['drift.statistics']):,} statistics, "
              f"{time.process_time() - started:.1f} s of CPU", flush=True)  # fmt: skip
        rows.append(_row(story, outcome(chain)))
        if options.explain:
            _explain(chain)
    print("\n| what happens | pages | tickets | resolved | told | held back for good | triggers |\n|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
