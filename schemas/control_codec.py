"""Records of ``retrain.status`` and ``actions``, and the message in each or the reason why there is none.

Both are rare, and written by pipelines and by people: every refusal says what came and what is allowed.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.action import Action, ActionName
from schemas.envelope import PLAIN, unwrap
from schemas.errors import DecodeError
from schemas.json_text import check
from schemas.limits import LATEST_MS, Limits
from schemas.record import SourceRecord
from schemas.shared_fields import SharedFields, parse
from schemas.trigger import RetrainStatus, StatusName

__all__ = ["ActionDecoder", "StatusDecoder"]

_Id = Annotated[str, Meta(min_length=1, max_length=256)]
_Text = Annotated[str, Meta(min_length=1, max_length=1_000)]
_Label = Annotated[str, Meta(max_length=128)]
_Matchers = Annotated[dict[_Label, Annotated[str, Meta(max_length=256)]], Meta(min_length=1, max_length=16)]


class _WireStatus(Struct):
    trigger_id: _Id
    model: str
    status: StatusName
    new_version: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    timestamp: int | str | None = None
    detail: str | None = None


class _WireAction(Struct):
    id: _Id
    action: ActionName
    subject: str
    by: _Id
    why: _Text
    timestamp: int | str | None = None
    trigger_id: _Id | None = None
    fingerprint: _Id | None = None
    matchers: _Matchers | None = None
    until: int | str | None = None
    silence: _Id | None = None


_decode_status = msgspec.json.Decoder(_WireStatus).decode
_decode_action = msgspec.json.Decoder(_WireAction).decode

#: What each action cannot be without; of several names in one entry, one is enough.
_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "approve": (("trigger_id",),),
    "reject": (("trigger_id",),),
    "acknowledge": (("fingerprint",),),
    "silence": (("fingerprint", "matchers"), ("until",)),
    "unsilence": (("fingerprint", "matchers", "silence"),),
}


class StatusDecoder:
    """Turns records of ``retrain.status`` into statuses; raises ``DecodeError``."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._shared = limits, SharedFields(limits)

    def __call__(self, record: SourceRecord) -> RetrainStatus:
        """The status in ``record``."""
        value, envelope = unwrap(check(record.value, self._limits), record.headers)
        wire = parse(_decode_status, value)
        self._shared.model(wire.model)
        return RetrainStatus(
            trigger_id=wire.trigger_id,
            model=wire.model,
            status=wire.status,
            timestamp=self._shared.timestamp(wire.timestamp, envelope, record.timestamp),
            new_version=wire.new_version,
            detail=wire.detail,
        )


class ActionDecoder:
    """Turns records of ``actions`` into actions; raises ``DecodeError``."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._shared = limits, SharedFields(limits)

    def __call__(self, record: SourceRecord) -> Action:
        """The action in ``record``."""
        value, envelope = unwrap(check(record.value, self._limits), record.headers)
        wire = parse(_decode_action, value)
        self._shared.name(wire.subject, "$.subject")
        for names in _NEEDS.get(wire.action, ()):
            if all(getattr(wire, name) is None for name in names):
                said = " or ".join(f"$.{name}" for name in names)
                raise DecodeError("invalid_schema", f"{said}: missing; the action '{wire.action}' cannot be without")
        at = self._shared.timestamp(wire.timestamp, envelope, record.timestamp)
        if at > LATEST_MS:
            # The record's own time, by which the action's is bounded, is no time either; and what is told of an action says when.
            raise DecodeError("timestamp_out_of_range", f"$.timestamp: {at} is after 2100-01-01")
        # An end lies ahead, as far as somebody likes: it is bounded as the time of a record that has none.
        until = None if wire.until is None else self._shared.timestamp(wire.until, PLAIN, -1)
        return Action(
            id=wire.id,
            action=wire.action,
            subject=wire.subject,
            by=wire.by,
            why=wire.why,
            timestamp=at,
            trigger_id=wire.trigger_id,
            fingerprint=wire.fingerprint,
            matchers=wire.matchers or {},
            until=until,
            silence=wire.silence,
        )
