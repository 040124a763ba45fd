"""What people decide about triggers and alerts: one event a decision, whoever sends it."""

from typing import Literal

from msgspec import Struct

__all__ = ["Action", "ActionName"]

ActionName = Literal["approve", "reject", "trigger", "acknowledge", "silence", "unsilence"]


class Action(Struct, frozen=True, kw_only=True):
    """One decision: of whom (``by``), about what, and ``why``.

    ``subject`` is a model, or an input topic where the alert has no model. Times are milliseconds since the epoch.
    ``approve`` and ``reject`` have a ``trigger_id``; ``acknowledge`` a ``fingerprint``; ``silence`` and ``unsilence`` a
    ``fingerprint`` or ``matchers`` (label to value), a ``silence`` also an end, ``until``. An ``unsilence`` may name the
    ``silence`` by its id in place of these.
    """

    id: str
    action: ActionName
    subject: str
    by: str
    why: str
    timestamp: int
    trigger_id: str | None = None
    fingerprint: str | None = None
    matchers: dict[str, str] = {}
    until: int | None = None
    silence: str | None = None
