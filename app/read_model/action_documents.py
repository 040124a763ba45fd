"""Documents of what people have decided: silences, acknowledgements, and what of these the role decide refused."""

from typing import Literal

from msgspec import Struct

from app.domain.decisions.silences import Acknowledged, Silence

__all__ = [
    "AcknowledgedDocument", "Acknowledgement", "RefusedDocument", "SaidOfAlert", "SilenceDocument", "SilenceEnd",
]  # fmt: skip


class Acknowledgement(Struct, frozen=True, gc=False):
    """Who has seen an alert, what they said, and when (RFC 3339)."""

    by: str
    why: str
    at: str


class SilenceEnd(Struct, frozen=True, gc=False):
    """How a silence has ended: taken back, by whom and why; or let go for one more than a subject may have; or its time was up.

    That the time was up is noted with the next silence of the subject; before, the statistics tell it. ``at``: the time of the
    action that came, in milliseconds.
    """

    how: Literal["taken_back", "displaced", "time"]
    by: str
    why: str
    at: int


class SilenceDocument(Struct, kw_only=True):
    """One silence of a subject, a model or an input topic, as the role decide has it; ``at``: since when, in milliseconds.

    ``offset`` is that of its action, by which a refusal names it.
    """

    order: int
    id: str
    subject: str
    silence: Silence
    at: int
    offset: int
    end: SilenceEnd | None = None


class SaidOfAlert(Struct, frozen=True, gc=False):
    """One acknowledgement, and the offset of its action."""

    said: Acknowledged
    offset: int


class AcknowledgedDocument(Struct, kw_only=True):
    """The newest acknowledgements of one alert of a subject, oldest first; which episode has which is found when it is shown."""

    order: int
    subject: str
    fingerprint: str
    said: list[SaidOfAlert]


class RefusedDocument(Struct, kw_only=True):
    """An action that the role decide refused, by its offset: it has had no effect."""

    order: int
    offset: int
