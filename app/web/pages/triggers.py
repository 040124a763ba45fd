"""``/triggers`` and ``/triggers/ID``: what retraining was asked for, on which data, and what people say to it."""

from typing import Any

import msgspec
from aiohttp import web

from app.read_model.views import Alert, Trigger
from app.web.pages.asked import Asked
from app.web.pages.layout import Page
from app.web.words import milliseconds

__all__ = ["trigger", "triggers"]

APPROVALS = ("", "not_required", "pending", "approved", "rejected", "expired")


def triggers(asked: Asked) -> Page:
    """The list."""
    search, approval, model = asked.search.casefold(), asked.one_of("approval", *APPROVALS), asked.text("model")
    found = [
        each
        for each in asked.seen.triggers
        if search in f"{each.trigger.model.name} {each.trigger.reason.code} {each.trigger.reason.detail}".casefold()
        and approval in {"", each.trigger.approval.state}
        and model in {"", each.trigger.model.name}
    ]
    part = asked.slice(len(found))
    pending = sum(each.trigger.approval.state == "pending" for each in asked.seen.triggers)
    values: dict[str, Any] = {
        "triggers": found[part.start : part.end],
        "part": part,
        "search": asked.search,
        "approval": approval,
        "approvals": APPROVALS[1:],
        "model": model,
        "pending": pending,
    }
    headline = f"{len(asked.seen.triggers)} retrain triggers, {pending} waiting for approval."
    return Page("triggers.html", "Retraining", "triggers", headline, values)


def trigger(asked: Asked) -> Page:
    """One trigger."""
    found = _asked_for(asked)
    values: dict[str, Any] = {
        "each": found,
        "alerts": _behind(found, asked.seen.alerts),
        "evidence": _as_text(found.trigger.evidence),
        "lineage": _as_text(found.trigger.lineage),
    }
    state = found.trigger.approval.state.replace("_", " ")
    return Page(
        "trigger.html", found.trigger.trigger_id, "triggers", f"Retraining of {found.trigger.model.name}: {state}.", values
    )


def _asked_for(asked: Asked) -> Trigger:
    id_ = asked.part("id")
    found = next((each for each in asked.seen.triggers if each.trigger.trigger_id == id_), None)
    if found is None:
        raise web.HTTPNotFound(
            text=f"there is no trigger {id_[:64]!r} in the read model, which keeps the newest; "
            "gnomon triggers show ID reads the topic"
        )
    return found


def _behind(found: Trigger, alerts: list[Alert]) -> list[Alert]:
    """The episodes that the trigger names: of each alert the last that began before it."""
    named = found.trigger.links.get("alerts")
    sent = milliseconds(found.time or "")
    episodes: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda each: milliseconds(each.starts_at) or 0):
        began = milliseconds(alert.starts_at)
        if isinstance(named, list) and alert.fingerprint in named and (sent is None or began is None or began <= sent):
            episodes[alert.fingerprint] = alert
    return list(episodes.values())


def _as_text(value: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
