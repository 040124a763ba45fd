"""Which silences cover an alert, and the command that takes one back. Pure."""

import shlex

from app.read_model.marks import subject_of
from app.read_model.silence_views import Silence
from app.read_model.views import Alert, Overview

__all__ = ["silences_of", "taking_back"]


def silences_of(seen: Overview, alert: Alert) -> list[Silence]:
    """The active silences that cover an alert, the one that ends last first."""
    if not alert.silenced_by:
        return []
    ids, subject = set(alert.silenced_by), subject_of(alert.labels)
    found = [each for each in seen.silences if each.id in ids and each.subject == subject and each.status == "active"]
    return sorted(found, key=lambda each: alert.silenced_by.index(each.id))


def taking_back(silence: Silence) -> str:
    """The command, which takes back all silences of the subject with just these labels; empty where it cannot be said.

    It knows no fingerprints, no label with an equals sign or without a value, and no subject that looks like an option.

    >>> from msgspec import convert
    >>> said = {"id": "s", "status": "active", "subject": "credit", "partition": 0, "fingerprint": None,
    ...         "matchers": {"signal": "feature/a b"}, "by": "jane", "why": "", "starts": 0, "until": 1,
    ...         "end": None, "taken_back": None}
    >>> taking_back(convert(said, Silence))
    "gnomon alerts unsilence credit --match 'signal=feature/a b' --by NAME --why REASON"
    """
    said = all(name and "=" not in name and value for name, value in silence.matchers.items())
    if silence.fingerprint or not silence.matchers or not said or silence.subject.startswith("-"):
        return ""
    matching = [part for name, value in silence.matchers.items() for part in ("--match", f"{name}={value}")]
    return f"{shlex.join(['gnomon', 'alerts', 'unsilence', silence.subject, *matching])} --by NAME --why REASON"
