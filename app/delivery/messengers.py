"""One address of Apprise, which passes a message on to a chat, a pager or a mailbox: one message a change of an alert's state.

Apprise is an extra (``notify``) and does its input and output by itself, so it is imported where it is needed and works
in a thread. It says whether the service took a message, and not why it did not; the why is in its own log.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.config import ConfigError, Fault, Secret
from app.delivery.answers import TAKEN, Answer
from app.domain.delivery.held_alert import HeldAlert

__all__ = ["Messenger", "message_of"]

_LINKS = (("runbook", "runbook_url"), ("page", "dashboard_url"))


class Messenger:
    """See the module's text. ``timeout_s`` is what one message may take; its thread ends by Apprise's own time-outs."""

    def __init__(self, name: str, url: Secret, timeout_s: float) -> None:
        import apprise

        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(url.reveal()):
            allowed = f"{name} is no address that Apprise knows; its page lists the services and their URLs"
            raise ConfigError([Fault("notify.apprise_urls", "", None, allowed)])
        self.name = name
        self.shown = self._apprise[0].url(privacy=True).partition("?")[0]
        self._timeout_s = timeout_s

    async def deliver(self, alerts: Sequence[HeldAlert], now_ms: int) -> Answer:
        """Send one message for each."""
        for alert in alerts:
            title, body, kind = message_of(alert)
            try:
                async with asyncio.timeout(self._timeout_s):
                    taken = await asyncio.to_thread(self._apprise.notify, title=title, body=body, notify_type=kind)
            except TimeoutError:
                return Answer("timeout", "the service took too long")
            except Exception as error:  # noqa: BLE001  plug-ins of many hands; whatever it is, the message is tried again
                return Answer("status", f"{type(error).__name__}: {error}")
            if not taken:
                return Answer("status", "the service did not take it; the log of Apprise says why")
        return TAKEN

    async def close(self) -> None:
        """Nothing is kept open."""


def message_of(alert: HeldAlert) -> tuple[str, str, str]:
    """Title, body, and Apprise's word for how bad it is.

    >>> alert = HeldAlert(fingerprint="f", labels={"alertname": "CostRegressed", "severity": "warning"},
    ...                   annotations={"summary": "costs more", "runbook_url": "r.md"}, generator_url="", fired_ms=0)
    >>> message_of(alert)
    ('FIRING CostRegressed: costs more', 'runbook: r.md', 'warning')
    """
    said, labels = alert.annotations, alert.labels
    title = f"{alert.status.upper()} {labels.get('alertname', alert.fingerprint)}: {said.get('summary', '')}".rstrip(": ")
    links = [f"{word}: {said[name]}" for word, name in _LINKS if said.get(name)]
    body = "\n".join(part for part in (said.get("description", ""), *links) if part) or title
    worst = "failure" if labels.get("severity") == "critical" else "warning"
    return title, body, "success" if alert.status == "resolved" else worst
