"""A silence as it is read."""

from typing import Literal

from msgspec import Struct

__all__ = ["Silence", "SilenceStatus", "TakenBack"]

SilenceStatus = Literal["active", "ended", "refused"]


class TakenBack(Struct, frozen=True):
    """Who took a silence back, why, and when (milliseconds)."""

    by: str
    why: str
    at: int


class Silence(Struct, frozen=True, kw_only=True):
    """What somebody asked to be silent: alerts of ``subject``, a model or an input topic, with these labels or this fingerprint.

    ``partition`` is that of ``actions`` on which it was said, and on which alone it holds.

    ``active`` until statistics of the subject have told of ``until``, or it is taken back, or gives way to later ones; ``end``
    says which. One that is ``refused`` had no effect: the dead letter says why.
    """

    id: str
    status: SilenceStatus
    subject: str
    partition: int
    matchers: dict[str, str]
    fingerprint: str | None
    by: str
    why: str
    starts: int
    until: int
    end: Literal["taken_back", "displaced", "time"] | None
    taken_back: TakenBack | None

    @property
    def may_hold(self) -> bool:
        """Whether decide may hold something back by it: one of which the time is over still is of statistics of older times."""
        return self.status == "active" or self.end == "time"
