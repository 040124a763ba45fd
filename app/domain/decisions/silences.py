"""What people said of alerts: that they have seen one, or that some are to be silent for a while.

A *silence* holds back what would be told anew; an alert that was told already goes on, and is resolved as ever. It ends with its
time, or when it is taken back, and what then still holds is told. An *acknowledgement* belongs to the episode: it is told with
the resolve, by whom and why.

Bounded: ``SILENCES`` of a subject; a further one takes the place of the one that ends first. Times are event times, compared with
those of the statistics. Delivery guarantees: plain data that is saved whole. The role that decides by it and the read model that
shows it take an action in with the same function, ``after``.
"""

from collections.abc import Mapping

from msgspec import Struct

from schemas.action import Action
from schemas.errors import DecodeError, quoted

__all__ = ["SILENCES", "Acknowledged", "Silence", "after", "silenced_by", "with_silence"]

SILENCES = 50


class Acknowledged(Struct, frozen=True, gc=False):
    """Who has seen an alert, when (milliseconds), and what they said."""

    by: str
    why: str
    at: int


class Silence(Struct, frozen=True, gc=False):
    """``matchers``: label to value, an alert must have all; or ``fingerprint``, of the one alert. ``until``: milliseconds."""

    matchers: dict[str, str]
    until: int
    by: str
    why: str
    fingerprint: str = ""

    def covers(self, mark: str, labels: Mapping[str, str], at: int) -> bool:
        """Whether an alert of this fingerprint and these labels is silent at ``at``."""
        if at >= self.until or self.fingerprint not in {"", mark}:
            return False
        return all(labels.get(name) == value for name, value in self.matchers.items())


def silenced_by(silences: Mapping[str, Silence], mark: str, labels: Mapping[str, str], at: int) -> str | None:
    """The id of a silence that covers this alert, None without one.

    >>> silenced_by({"s1": Silence({"model": "credit"}, 100, "jane", "roll-out")}, "f1", {"model": "credit"}, 99)
    's1'
    """
    return next((id_ for id_, silence in silences.items() if silence.covers(mark, labels, at)), None)


def with_silence(silences: Mapping[str, Silence], id_: str, silence: Silence, at: int) -> dict[str, Silence]:
    """These and one more, without those that are over at ``at``."""
    kept = {other: it for other, it in silences.items() if it.until > at and other != id_}
    if len(kept) >= SILENCES:
        del kept[min(kept, key=lambda other: kept[other].until)]
    return kept | {id_: silence}


def after(silences: Mapping[str, Silence], action: Action) -> dict[str, Silence]:
    """The silences of a subject when somebody has silenced or unsilenced; ``DecodeError`` where that can have no effect."""
    mark = action.fingerprint or ""
    if action.action == "silence":
        if action.until is None or action.until <= action.timestamp:
            raise DecodeError("invalid_schema", f"$.until: {action.until} is not after the action's own time, {action.timestamp}")
        silence = Silence(action.matchers, action.until, action.by, action.why, mark)
        return with_silence(silences, action.id, silence, action.timestamp)
    if action.silence is not None:
        if action.silence not in silences:
            named = f"there is no silence {quoted(action.silence)} of {action.subject}"
            raise DecodeError("invalid_schema", f"$.silence: {named}")
        return {id_: it for id_, it in silences.items() if id_ != action.silence}
    kept = {id_: it for id_, it in silences.items() if (it.fingerprint, it.matchers) != (mark, action.matchers)}
    if len(kept) == len(silences):
        raise DecodeError("invalid_schema", f"$.matchers: there is no silence of {action.subject} with just these")
    return kept
