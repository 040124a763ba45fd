"""A baseline as a document: what a model's signals are compared with, made once, by somebody, from a window of the log.

People read who made it, from what, and the figures of each signal; the detector reads ``state``. The document is known by the
SHA-256 of what it says, which stands in it as ``id``: whoever has the id can tell whether a document is that one.
"""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from schemas.statistics import Role, SignalKind

__all__ = [
    "BASELINE_BYTES",
    "BaselineDocument",
    "BaselinePanel",
    "BaselineSignal",
    "BaselineSource",
    "BaselineStretch",
    "LeftOut",
    "content_id",
]

#: The largest document. 256 numbers with their missing shares take 3.5 MB, twice that where their values depend on each other.
BASELINE_BYTES = 8 * 1024 * 1024

_Name = Annotated[str, Meta(min_length=1, max_length=128)]
_Owner = Annotated[str, Meta(min_length=1, max_length=256)]


class BaselineStretch(Struct, frozen=True, gc=False):
    """A half-open stretch ``[start, end)`` of one partition, and the model's ``pairs`` in it.

    ``digest`` is the SHA-256 of their ``ce_id``s, joined by newlines, in order of offset, as in a trigger's window.
    """

    partition: int
    start: int
    end: int
    pairs: int
    digest: str


class BaselineSource(Struct, frozen=True, gc=False):
    """The window that it was made from: ``topic`` without prefix, the first and last event time of its pairs."""

    topic: str
    offsets: list[BaselineStretch]
    first: str
    last: str


class BaselineSignal(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One signal: ``values`` that it saw, their first and last event time, and what became of them.

    A number has a ``reference`` (values, mean, sd, min, max), a class has ``shares``, each label's. ``digest`` is that of all
    that values are compared with, ``state`` what the detector begins with (its own codec, base64).
    """

    kind: SignalKind
    name: str = ""
    values: int
    first: str
    last: str
    reference: dict[str, float] | None = None
    shares: dict[str, float] | None = None
    digest: str
    state: bytes


class LeftOut(Struct, frozen=True, gc=False):
    """A signal that is not in the baseline, since the window has too few of its values."""

    signal: str
    values: int


class BaselinePanel(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Signals whose values come together: the inputs (``legacy`` without a version), a version's answers, matching (``all``)."""

    role: Role
    version: str = ""
    segment: dict[str, str] | None = None
    signals: list[BaselineSignal]
    left_out: list[LeftOut] = []


class BaselineDocument(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a model's signals are compared with, and who answers for it.

    ``id`` is ``sha256:`` and the SHA-256 of the document without it, as JSON with sorted keys and without spaces; ``algorithm``
    the detector that ``state`` is for. Times are RFC 3339. From ``expires`` on it is stale, and used all the same.
    """

    id: str = ""
    algorithm: str
    model: _Name
    version: _Name
    owner: _Owner
    created: str
    expires: str | None = None
    source: BaselineSource
    panels: list[BaselinePanel]


def content_id(data: bytes) -> str:
    """The id that follows from what a document in JSON says, fields that are not known here included."""
    content = msgspec.json.decode(data, type=dict[str, Any])
    content.pop("id", None)
    return f"sha256:{hashlib.sha256(msgspec.json.encode(content, order='sorted')).hexdigest()}"
