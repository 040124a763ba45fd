"""The record headers of what goes out, as types for the published documents. On the wire each value is UTF-8 text."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from schemas.dead_letter import Reason

__all__ = ["BinaryHeaders", "DeadLetterHeaders", "PairHeaders", "StructuredHeaders"]

_Decimal = Annotated[str, Meta(pattern="^-?[0-9]+$")]
_Identity = Annotated[str, Meta(min_length=1, description="The same input gives the same id, whatever crashes in between.")]


class BinaryHeaders(Struct, frozen=True, kw_only=True, rename={"content_type": "content-type"}):
    """CloudEvents 1.0 in binary mode: the attributes in headers, the payload as the record's value."""

    ce_specversion: Annotated[str, Meta(pattern="^1\\.0$")]
    ce_type: str
    ce_source: Annotated[str, Meta(pattern="^/gnomon/", description="The role that wrote the record.")]
    ce_id: _Identity
    ce_time: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | UnsetType = UNSET
    ce_subject: str | UnsetType = UNSET
    content_type: str | UnsetType = UNSET


class PairHeaders(BinaryHeaders, frozen=True, kw_only=True, rename={"content_type": "content-type"}):
    """The same of a pair, which goes on in the trace of the half that its features are of, if there is one: W3C Trace Context."""

    traceparent: Annotated[str, Meta(pattern="^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] | UnsetType = UNSET
    tracestate: Annotated[str, Meta(min_length=1, max_length=512)] | UnsetType = UNSET


class StructuredHeaders(Struct, frozen=True, rename={"content_type": "content-type"}):
    """CloudEvents 1.0 in structured mode: attributes and payload in one JSON object, which is the record's value."""

    content_type: Annotated[str, Meta(pattern="^application/cloudevents\\+json")]


class DeadLetterHeaders(Struct, frozen=True, kw_only=True):
    """Why a record is not part of a pair, and where it lies. The dead letter's key and value are the source's, untouched.

    The source's own headers go along as `source.header.NAME`. All values are text, numbers in decimal.
    """

    reason: Reason
    detail: Annotated[str, Meta(description="The field path, what came, and what is allowed.")]
    topic: str = field(name="source.topic")
    partition: _Decimal = field(name="source.partition")
    offset: _Decimal = field(name="source.offset")
    timestamp: Annotated[_Decimal, Meta(description="Milliseconds since the epoch.")] = field(name="source.timestamp")
    ce_specversion: Annotated[str, Meta(pattern="^1\\.0$")]
    ce_type: str
    ce_source: Annotated[str, Meta(pattern="^/gnomon/", description="The topic, whichever role wrote it.")]
    ce_id: _Identity
