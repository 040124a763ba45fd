"""What happens in the demo, told in plain words: records in, sentences out.

Pure: it is given records and a clock's reading, and gives back lines. It remembers what it has told, so that each thing is
told once: the first pair, the end of the warm-up, a signal that starts to drift, each change of an alert, each trigger. The
producer's priming requests, which only wake the service up, are passed over. The story is complete when the fault was
injected and everything that has to follow from it was seen.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

__all__ = ["Story"]

#: The signal that the injected fault breaks.
BROKEN = "feature/dep_delay"
#: Seconds between two lines that only count.
COUNT_EVERY_S = 10.0


class Story:
    """One run of the demo. ``warm_up`` is how many flights make a reference; times are seconds from the start."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up = warm_up
        self._pairs: Counter[str] = Counter()
        self._flown_ms = 0
        self._counted_s = 0.0
        self._states: dict[str, str] = {}
        self._is_warm = False
        self._fault_s: float | None = None
        self._seen: set[str] = set()

    @property
    def is_complete(self) -> bool:
        """Whether the fault, its drift, its alert and a retrain trigger were all seen, after at least one pair."""
        return {"pair", "fault", "drift", "alert", "trigger"} <= self._seen

    @property
    def awaited(self) -> list[str]:
        """What has not been seen yet, in words."""
        names = {
            "pair": "a paired flight",
            "fault": "the fault",
            "drift": "its drift",
            "alert": "a firing alert",
            "trigger": "a trigger",
        }
        return [words for name, words in names.items() if name not in self._seen]

    def take(self, topic: str, value: bytes, now_s: float) -> Iterator[str]:
        """The lines that one record is worth."""
        if topic == "pairs":
            yield from self._pair(orjson.loads(value), now_s)
        elif topic == "drift.statistics":
            yield from self._statistics(orjson.loads(value), now_s)
        elif topic == "alerts":
            yield from self._alert(orjson.loads(value)["data"], now_s)
        elif topic == "retrain.triggers":
            yield from self._trigger(orjson.loads(value)["data"])

    def fault(self, words: str, now_s: float) -> str:
        """The line for the fault that is injected now."""
        self._fault_s = now_s
        self._seen.add("fault")
        return f"FAULT INJECTED NOW: {words}"

    def count(self, now_s: float) -> Iterator[str]:
        """From time to time, how far things are."""
        if now_s - self._counted_s < COUNT_EVERY_S or not self._pairs:
            return
        self._counted_s = now_s
        total, paired = self._pairs.total(), self._pairs["paired"]
        line = f"{paired:,} flights paired" + (f", {total - paired:,} not" if total > paired else "")
        line += f"; in the data it is {_day(self._flown_ms)}"
        if not self._is_warm:
            line += f"; warming up, {min(total, self._warm_up):,} of {self._warm_up:,}"
        yield line

    def _pair(self, pair: dict[str, Any], now_s: float) -> Iterator[str]:
        if pair["request_id"].startswith("prime-"):
            return
        self._pairs[pair["status"]] += 1
        self._flown_ms = max(self._flown_ms, pair["timestamp"])
        if "pair" not in self._seen:
            self._seen.add("pair")
            self._counted_s = now_s
            yield f"first flight paired: {pair['request_id']}, live and shadow model side by side"

    def _statistics(self, record: dict[str, Any], now_s: float) -> Iterator[str]:
        signal = "/".join(part for part in (record["signal"]["kind"], record["signal"].get("name", "")) if part)
        if record["signal"]["kind"] == "pairing":
            return
        key, state = f"{record['version']} {signal}", record["detector"]["state"]
        before, self._states[key] = self._states.get(key), state
        if not self._is_warm and state != "warming" and "warming" not in self._states.values():
            self._is_warm = True
            yield f"warm-up done: {len(self._states)} signals have a reference of {self._warm_up:,} flights and are watched"
        if state == "drift" and before != "drift":
            if signal == BROKEN and self._fault_s is not None:
                self._seen.add("drift")
            yield f"DRIFT in {_plain(signal)} of {record['role']} model {record['version']}{self._since(now_s)}"

    def _alert(self, alert: dict[str, Any], now_s: float) -> Iterator[str]:
        labels, status = alert["labels"], alert["status"]
        name = f"{labels['alertname']} ({labels.get('severity', '')}, {labels.get('signal', '')})"
        if status != "firing":
            yield f"alert resolved: {name}"
            return
        if labels.get("signal") == BROKEN and self._fault_s is not None:
            self._seen.add("alert")
        yield f"ALERT FIRING: {name}: {alert['annotations'].get('summary', '')}{self._since(now_s)}"

    def _trigger(self, trigger: dict[str, Any]) -> Iterator[str]:
        if self._fault_s is not None:
            self._seen.add("trigger")
        window = trigger["window"]
        offsets = ", ".join(f"partition {o['partition']} [{o['start']:,}, {o['end']:,})" for o in window["offsets"])
        yield (
            f"RETRAIN TRIGGER for {trigger['model']['name']} {trigger['model']['version']}: {trigger['reason']['code']}; "
            f"its window holds {window['events']:,} flights from {_day(window['start'])} to {_day(window['end'])}, {offsets}"
        )

    def _since(self, now_s: float) -> str:
        return "" if self._fault_s is None else f", {now_s - self._fault_s:.0f} s after the fault"


def _day(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment.day} {moment:%B %Y}"


def _plain(signal: str) -> str:
    """A signal in words.

    >>> _plain("feature/dep_delay"), _plain("difference")
    ('feature dep_delay', 'difference')
    """
    return signal.replace("/", " ", 1)
