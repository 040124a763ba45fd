"""An alert as Alertmanager takes it, and the links in it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from msgspec import UNSET

from app.domain.decisions.alert_cases import News
from schemas.alert import Alert, AlertStatus
from schemas.cloudevents import rfc3339

__all__ = ["Links", "alert_id", "alert_message"]


@dataclass(frozen=True)
class Links:
    """Where people look: the page, and the folder of runbooks (or an address with ``{alertname}`` in it)."""

    dashboard_url: str
    runbook_url: str

    def page(self, **query: str) -> str:
        """The page, opened at a model, a signal, or a topic.

        >>> Links("http://127.0.0.1:8080/", "").page(model="credit", signal="feature/income", topic="")
        'http://127.0.0.1:8080/?model=credit&signal=feature%2Fincome'
        """
        given = {name: value for name, value in query.items() if value}
        return f"{self.dashboard_url.rstrip('/')}/" + (f"?{urlencode(given)}" if given else "")

    def runbook(self, name: str) -> str:
        """The runbook of an alert.

        >>> Links("", "https://runbooks.example.com").runbook("CostRegressed")
        'https://runbooks.example.com/CostRegressed'
        >>> Links("", "https://example.com/runbooks/{alertname}.md").runbook("CostRegressed")
        'https://example.com/runbooks/CostRegressed.md'
        """
        if "{alertname}" in self.runbook_url:
            return self.runbook_url.replace("{alertname}", name)
        return f"{self.runbook_url.rstrip('/')}/{name}"


def alert_id(fingerprint: str, status: AlertStatus, starts_ms: int) -> str:
    """The id of the event that tells a change of an alert's state."""
    return f"{fingerprint}/{status}/{rfc3339(starts_ms)}"


def alert_message(news: News, evidence: dict[str, Any], links: Links) -> Alert:
    """The alert for news that change its state."""
    if news.change is None:
        message = f"alert {news.fingerprint}: expected news that change its state, got {news.reason}"
        raise ValueError(message)
    labels, resolved = news.case.labels, news.change == "resolved"
    model, topic, signal = labels.get("model", ""), labels.get("topic", ""), labels.get("signal", "")
    version, segment = (labels.get(name, "") if signal else "" for name in ("version", "segment"))
    return Alert(
        labels=labels,
        annotations={
            "summary": news.case.summary,
            "description": news.case.description,
            "runbook_url": links.runbook(labels["alertname"]),
            "dashboard_url": links.page(model=model, topic=topic),
        },
        starts_at=rfc3339(news.starts),
        ends_at=rfc3339(news.ends) if resolved else UNSET,
        generator_url=links.page(model=model, topic=topic, signal=signal, version=version, segment=segment),
        status=news.change,
        fingerprint=news.fingerprint,
        evidence=evidence | ({"lasted_s": (news.ends - news.starts) / 1000} if resolved else {}),
    )
