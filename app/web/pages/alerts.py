"""``/alerts`` and ``/alerts/FINGERPRINT``: what people were told, why, and what they can answer.

The list's state: ``status``, ``area`` (models, data, stream), ``severity``, ``model``, ``search``. One alert shows its newest
episode, or the one that began at ``episode``.
"""

import shlex
from typing import Any

import msgspec
from aiohttp import web

from app.read_model.views import Alert
from app.web.covering import silences_of
from app.web.pages import standing
from app.web.pages.asked import Asked
from app.web.pages.layout import Page
from app.web.pages.runbooks import runbook
from app.web.pages.silences import SHOWN
from app.web.words import clock, plain

__all__ = ["alert", "alerts"]

STATUSES = ("firing", "resolved", "all")
#: Of the evidence as JSON, so much is shown.
EVIDENCE_CHARACTERS = 20_000


def alerts(asked: Asked) -> Page:
    """The list."""
    status = asked.one_of("status", *STATUSES)
    found = [each for each in asked.seen.alerts if status in {"all", each.status} and _fits(asked, each)]
    part = asked.slice(len(found))
    firing = sum(each.status == "firing" for each in asked.seen.alerts)
    values: dict[str, Any] = {
        "alerts": found[part.start : part.end],
        "part": part,
        "status": status,
        "area": asked.one_of("area", "", "models", "data", "stream"),
        "severity": asked.one_of("severity", "", "critical", "warning", "info"),
        "model": asked.text("model"),
        "search": asked.search,
        "silences_active": sum(each.status == "active" for each in asked.seen.silences),
        "counts": {
            "firing": firing, "resolved": len(asked.seen.alerts) - firing, "all": len(asked.seen.alerts),
        },
    }  # fmt: skip
    return Page("alerts.html", "Alerts", "alerts", f"{firing} alerts firing.", values)


def alert(asked: Asked) -> Page:
    """One alert."""
    fingerprint, start = asked.part("fingerprint"), asked.text("episode")
    episodes = [each for each in asked.seen.alerts if each.fingerprint == fingerprint]
    if not episodes:
        raise web.HTTPNotFound(
            text=f"there is no alert {fingerprint[:64]!r} in the read model, which keeps the newest; "
            "gnomon alerts show FINGERPRINT reads the topic"
        )
    found = next((each for each in episodes if each.starts_at == start), episodes[0])
    name = found.labels.get("alertname", "Alert")
    covering = silences_of(asked.seen, found)
    values: dict[str, Any] = {
        "alert": found,
        "area": standing.area_of(found),
        "episodes": episodes,
        "facts": _facts(found),
        "evidence": _as_text(found.evidence),
        "runbook": runbook(name),
        "silence": _silence(found),
        "silences": covering[:SHOWN],
        "silences_more": len(covering[SHOWN:]),
    }
    return Page("alert.html", name, "alerts", f"{name} of {found.labels.get('model', 'the stream')}: {found.status}.", values)


def _fits(asked: Asked, each: Alert) -> bool:
    labels, search = each.labels, asked.search.casefold()
    said = " ".join([*labels.values(), each.annotations.get("summary", "")]).casefold()
    return (
        search in said
        and asked.text("model") in {"", labels.get("model")}
        and asked.one_of("severity", "", "critical", "warning", "info") in {"", labels.get("severity")}
        and asked.one_of("area", "", "models", "data", "stream") in {"", standing.area_of(each)}
    )


def _facts(found: Alert) -> list[tuple[str, str]]:
    """The short ones of the evidence, in its order; what is nested stands in the JSON."""
    facts = []
    for name, value in found.evidence.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            facts.append((plain(name), str(value)[:300]))
        elif isinstance(value, dict) and value and all(isinstance(each, str | int | float) for each in value.values()):
            facts.append((plain(name), ", ".join(f"{plain(key)} {_short(key, each)}" for key, each in value.items())[:300]))
    return facts


def _silence(found: Alert) -> dict[str, Any]:
    """What a silence of such alerts is sent as, and its command."""
    labels = found.labels
    subject = "model" if labels.get("model") else "topic"
    match = {name: labels[name] for name in ("alertname", "signal") if labels.get(name)}
    command = ["gnomon", "alerts", "silence", labels.get(subject, ""), "--for", "60"]
    for name, value in match.items():
        command += ["--match", f"{name}={value}"]
    return {
        "body": {subject: labels.get(subject, ""), "match": match},
        "command": f"{shlex.join(command)} --by NAME --why REASON",
    }


def _short(key: str, value: float | str) -> str:
    if isinstance(value, int) and key in {"start", "end", "timestamp"}:
        return clock(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _as_text(evidence: dict[str, Any]) -> str:
    text = msgspec.json.format(msgspec.json.encode(evidence), indent=2).decode()
    return text if len(text) <= EVIDENCE_CHARACTERS else text[:EVIDENCE_CHARACTERS] + "\n…"
