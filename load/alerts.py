"""What was alerted, against what had to be: the other half of the judgement, for runs with all roles.

An alert is an answer to its cause when it names the right model and signal and began no earlier than the cause, less a
tenth of the stream for an estimated change point. Alerts of other signals are consequences more often than not (a drifting
feature moves the predictions too), so they are false only where the scenario is quiet by declaration.
"""

from collections import Counter
from datetime import datetime
from typing import Any

import orjson

from load.checker import Findings
from load.truth import ExpectedAlert, Truth

__all__ = ["AlertCheck"]


class AlertCheck:
    """Takes the records of ``alerts`` and ``retrain.triggers``."""

    def __init__(self, truth: Truth, slack_ms: int) -> None:
        self._truth, self._slack_ms = truth, slack_ms
        self.firing: Counter[str] = Counter()
        self.triggers = 0
        self._answered: set[ExpectedAlert] = set()

    @property
    def is_complete(self) -> bool:
        """Whether every expected alert has fired."""
        return set(self._truth.alerts) <= self._answered

    def alert(self, value: bytes) -> None:
        """One record of ``alerts``: a structured CloudEvent."""
        data: dict[str, Any] = orjson.loads(value)["data"]
        labels = data["labels"]
        if data["status"] != "firing" or ("model" in labels and labels["model"] not in self._truth.models):
            return
        self.firing[f"{labels['alertname']} {labels.get('model', '')} {labels.get('signal', '')}".strip()] += 1
        began_ms = int(datetime.fromisoformat(data["startsAt"]).timestamp() * 1000)
        for expected in self._truth.alerts:
            right = labels.get("model") == expected.model and str(labels.get("signal", "")).startswith(expected.signal)
            if right and began_ms >= expected.from_ms - self._slack_ms:
                self._answered.add(expected)

    def trigger(self, value: bytes) -> None:
        """One record of ``retrain.triggers``."""
        data: dict[str, Any] = orjson.loads(value)["data"]
        self.triggers += data["model"]["name"] in self._truth.models

    def close(self, found: Findings) -> None:
        """Name what never fired, and what fired for nothing."""
        for expected in self._truth.alerts:
            if expected not in self._answered:
                found.fault("alert_missing", f"{expected.signal} of {expected.model}, from event time {expected.from_ms}")
        if self._truth.quiet_otherwise:
            for name, count in self.firing.items():
                for _ in range(count):
                    found.fault("alert_false", name)
