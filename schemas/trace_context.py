"""W3C Trace Context in record headers: which trace a producer was in when it wrote a record, as far as it says so properly.

Read are the headers ``traceparent`` and ``tracestate``, as OpenTelemetry's instrumentations write them; without the former,
CloudEvents' ``ce_traceparent`` and ``ce_tracestate``. Of several of one name the last counts, as in Kafka's own clients. What is
not of the specification's form goes nowhere: all zeros, capital letters, version ``ff``, what is no text. A version that is
not known is read as the specification asks for, by its first 55 characters, and passed on as version ``00``.

Bounded: 55 bytes of ``traceparent`` and ``STATE_BYTES`` of ``tracestate``; a longer state is left out as a whole, which loses
vendors' words and no trace. Source: https://www.w3.org/TR/trace-context/ (2021-11-23), 3.2 and 3.3.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["STATE_BYTES", "TraceContext", "trace_context", "trace_headers"]

#: What the specification has everybody pass on at least.
STATE_BYTES = 512
_STATE_MEMBERS = 32
_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_PARENT_BYTES = 55
_MEMBER = re.compile(
    rb"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_NAMES = (("traceparent", "tracestate"), ("ce_traceparent", "ce_tracestate"))

Headers = Sequence[tuple[str, bytes | None]]


class TraceContext(NamedTuple):
    """A span of somebody's: in which trace, which one, whether it is recorded, and what its vendors add (may be empty)."""

    trace_id: str
    span_id: str
    sampled: bool
    state: str


def trace_headers(headers: Headers) -> list[tuple[str, bytes]]:
    """The headers that carry on the trace of a record with ``headers``; none where it is in no trace.

    >>> trace_headers([("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", b"vendor=1")])
    [('traceparent', b'00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'), ('tracestate', b'vendor=1')]
    >>> trace_headers([("traceparent", b"00-00000000000000000000000000000000-00f067aa0ba902b7-01")])
    []
    """
    found = {lowered: value for name, value in headers if "trace" in (lowered := name.lower())}
    for parent_name, state_name in _NAMES:
        if parent_name in found:
            parent = _parent(found[parent_name])
            if parent is None:
                return []
            passed, state = [("traceparent", parent)], found.get(state_name)
            return [*passed, ("tracestate", state)] if state is not None and _is_state(state) else passed
    return []


def trace_context(headers: Headers) -> TraceContext | None:
    """The span that wrote a record with ``headers``; None where it is in no trace."""
    passed = dict(trace_headers(headers))
    if not passed:
        return None
    _, trace_id, span_id, flags = passed["traceparent"].decode().split("-")
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1), passed.get("tracestate", b"").decode())


def _parent(value: bytes | None) -> bytes | None:
    """A ``traceparent`` as it is passed on; None where it is none."""
    if value is None or (match := _PARENT.match(value)) is None:
        return None
    version, trace_id, span_id, flags = match.groups()
    if version == b"ff" or not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return None
    rest = value[_PARENT_BYTES:]
    if version == b"00":
        return None if rest else value
    if rest and not rest.startswith(b"-"):
        return None
    return b"00-%b-%b-%02x" % (trace_id, span_id, int(flags, 16) & 1)


def _is_state(value: bytes) -> bool:
    """Whether it is a list of members, each key once; blanks around a member and empty ones are allowed."""
    if not 0 < len(value) <= STATE_BYTES:
        return False
    members = [member for each in value.split(b",") if (member := each.strip(b" \t"))]
    keys = {member.partition(b"=")[0] for member in members}
    return 0 < len(members) == len(keys) and len(members) <= _STATE_MEMBERS and all(map(_MEMBER.fullmatch, members))
