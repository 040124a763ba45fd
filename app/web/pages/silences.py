"""``/silences``: what people asked to be silent, for how long, who and why. The list's state: ``status``, ``model``."""

from typing import Any

from app.web.pages.asked import Asked
from app.web.pages.layout import Page

__all__ = ["SHOWN", "silences"]

STATUSES = ("active", "ended", "refused", "all")
#: Of one alert, or on one page: each has a form.
SHOWN = 10


def silences(asked: Asked) -> Page:
    """The list."""
    status, model = asked.one_of("status", *STATUSES), asked.text("model")
    every = [each for each in asked.seen.silences if model in {"", each.subject}]
    found = [each for each in every if status in {"all", each.status}]
    part = asked.slice(len(found), SHOWN)
    counts = {name: sum(name in {each.status, "all"} for each in every) for name in STATUSES}
    values: dict[str, Any] = {
        "silences": found[part.start : part.end],
        "part": part,
        "status": status,
        "model": model,
        "counts": counts,
    }
    return Page("silences.html", "Silences", "alerts", f"{counts['active']} silences active.", values)
