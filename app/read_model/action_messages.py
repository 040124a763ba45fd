"""What people said of an alert, as the resolve that repeats it tells the serve role."""

import msgspec
from msgspec import Raw, Struct

from app.read_model.action_documents import Acknowledgement
from app.read_model.bounds import Short, Text

__all__ = ["acknowledged_in"]


class _Seen(Struct, gc=False):
    by: Text
    why: Text
    at: Short


class _Evidence(Struct, gc=False):
    acknowledged: _Seen | None = None


_evidence = msgspec.json.Decoder(_Evidence)


def acknowledged_in(evidence: Raw) -> Acknowledgement | None:
    """Who had acknowledged the episode that a resolve with this evidence ends; None where nobody had, or it is not said so."""
    try:
        seen = _evidence.decode(evidence).acknowledged
    except ValueError:
        return None
    return None if seen is None else Acknowledgement(seen.by, seen.why, seen.at)
