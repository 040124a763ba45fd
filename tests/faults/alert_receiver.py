"""An Alertmanager that tells one receiver of all, and a receiver that keeps of each alert what tells it from others.

Alerts are grouped by model, with short waits. Nothing is inhibited, so that what the receiver was told can be held against the
topic. Each notification repeats what else fires in its group, so ten thousand alerts come in many more copies.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tests.faults.alert_judge import Notified, milliseconds
from tests.faults.alert_rules import name_of
from tests.integration.alertmanager_server import Alertmanager, Hook

__all__ = ["PlainAlertmanager", "Receiver"]

_CONFIGURATION = """
route:
  receiver: all
  group_by: [model]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 1h
receivers:
  - name: all
    webhook_configs:
      - url: http://ADDRESS/all
        send_resolved: true
"""


class Receiver(Hook):
    """Keeps who was told of, in which state, since when and until when, in the order in which it came."""

    def __init__(self) -> None:
        self.notified: list[Notified] = []
        self.posts = 0
        super().__init__()

    def take(self, path: str, notification: dict[str, Any]) -> None:
        self.posts += 1
        for alert in notification["alerts"]:
            over = alert["status"] == "resolved"
            ends = milliseconds(alert["endsAt"]) if over else 0
            starts = milliseconds(alert["startsAt"])
            self.notified.append(Notified(name_of(alert["labels"]), alert["fingerprint"], alert["status"], starts, ends))

    def fires(self) -> set[str]:
        """Those that fire by the last that it was told."""
        last = {each.name: each.status for each in list(self.notified)}
        return {name for name, status in last.items() if status == "firing"}


class PlainAlertmanager(Alertmanager):
    """One route, one receiver."""

    def configuration(self) -> str:
        return _CONFIGURATION.replace("ADDRESS", self._hook.address)

    def fires(self) -> set[str]:
        """Those that fire; none while it does not answer."""
        with suppress(OSError):
            return {name_of(each["labels"]) for each in self.active()}
        return set()
