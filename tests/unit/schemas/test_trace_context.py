"""W3C Trace Context in headers: what is passed on, and what goes nowhere, however it was written."""

import json
import string
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.span import TraceState

from schemas.codec import PredictionDecoder
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.trace_context import STATE_BYTES, TraceContext, trace_context, trace_headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


def test_a_trace_goes_on_as_it_came() -> None:
    headers = [("other", b"x"), ("traceparent", PARENT), ("tracestate", b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")]
    assert trace_headers(headers) == headers[1:]
    assert trace_context(headers) == TraceContext(TRACE, SPAN, True, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_id", b"1")],
        [("tracestate", b"a=1")],
        [("x-traceparent", PARENT)],
        [("ce_tracestate", b"a=1"), ("traceparent", None)],
    ],
)
def test_a_record_in_no_trace_has_none(headers: list[tuple[str, bytes | None]]) -> None:
    assert trace_headers(headers) == []
    assert trace_context(headers) is None


HOSTILE = {
    "empty": b"",
    "no bytes of text": b"\xff\xfe\x00" * 20,
    "zero trace": f"00-{'0' * 32}-{SPAN}-01".encode(),
    "zero span": f"00-{TRACE}-{'0' * 16}-01".encode(),
    "capital letters": PARENT.upper(),
    "version ff": b"ff" + PARENT[2:],
    "short": PARENT[:-1],
    "longer than version 00 is": PARENT + b"-00",
    "newline": PARENT + b"\n",
    "another version, run on": b"01" + PARENT[2:] + b"0",
    "blanks": b" " + PARENT,
    "underscores": PARENT.replace(b"-", b"_"),
    "no hexadecimal digits": b"00-" + b"g" * 32 + PARENT[35:],
    "a mebibyte": PARENT[:-2] + b"0" * (1 << 20),
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_traceparent_goes_nowhere(value: bytes) -> None:
    assert trace_headers([("traceparent", value), ("tracestate", b"a=1")]) == []


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        (b"cc" + PARENT[2:], PARENT),
        (b"01" + PARENT[2:-2] + b"ff-what-comes-in-the-future", PARENT),
        (b"01" + PARENT[2:-2] + b"02-", PARENT[:-1] + b"0"),
        (PARENT[:-2] + b"ff", PARENT[:-2] + b"ff"),
    ],
)
def test_a_version_that_is_not_known_is_passed_on_as_the_known_one(value: bytes, passed: bytes) -> None:
    assert trace_headers([("traceparent", value)]) == [("traceparent", passed)]


@pytest.mark.parametrize(
    "state",
    [
        None, b"", b"   ", b",", b"a", b"a=", b"A=1", b"a=1;b=2\n", b"a=\xc3\xa9", b"a=1,b", b"=1", b"a=b=c", b"a=1,a=2",
        b"a=" + b"1" * (STATE_BYTES - 1), b",".join(b"k%d=1" % number for number in range(33)),
    ],
)  # fmt: skip
def test_a_bad_state_is_left_out_and_the_trace_goes_on(state: bytes | None) -> None:
    assert trace_headers([("traceparent", PARENT), ("tracestate", state)]) == [("traceparent", PARENT)]


def test_the_last_of_one_name_counts_and_small_letters_do_not_matter() -> None:
    other = PARENT.replace(b"4bf9", b"aaaa")
    assert trace_headers([("traceparent", other), ("TraceParent", PARENT)]) == [("traceparent", PARENT)]
    assert trace_headers([("traceparent", PARENT), ("traceparent", b"broken")]) == []


def test_cloudevents_names_stand_in_for_the_plain_ones() -> None:
    other = PARENT.replace(b"4bf9", b"aaaa")
    of_event = [("ce_traceparent", other), ("ce_tracestate", b"a=1")]
    assert trace_headers(of_event) == [("traceparent", other), ("tracestate", b"a=1")]
    assert trace_headers([*of_event, ("traceparent", PARENT)]) == [("traceparent", PARENT)]


parents = st.builds(
    "-".join,
    st.tuples(
        st.sampled_from(["00", "01", "fe", "ff", "0", "AA"]),
        st.text("0123456789abcdef", min_size=32, max_size=32) | st.just("0" * 32),
        st.text("0123456789abcdef", min_size=16, max_size=16) | st.just("0" * 16),
        st.sampled_from(["00", "01", "03", "1", "zz"]),
    ),
)


@given(parents, st.sampled_from(["", "-", "-more", "more", "\n"]))
def test_whatever_is_passed_on_is_read_the_same_by_opentelemetry(parent: str, rest: str) -> None:
    passed = {name: value.decode() for name, value in trace_headers([("traceparent", (parent + rest).encode())])}
    if not passed:
        return
    span = next(iter(TraceContextTextMapPropagator().extract(passed).values())).get_span_context()  # type: ignore[attr-defined]
    found = trace_context([(name, value.encode()) for name, value in passed.items()])
    assert found is not None
    assert (span.trace_id, span.span_id, span.trace_flags.sampled) == (
        int(found.trace_id, 16),
        int(found.span_id, 16),
        found.sampled,
    )


@given(
    st.lists(
        st.tuples(st.text(string.ascii_lowercase, min_size=1, max_size=8), st.text(string.printable, max_size=12)), max_size=34
    )
)
def test_a_state_that_is_passed_on_is_one_for_opentelemetry(members: list[tuple[str, str]]) -> None:
    state = ",".join("=".join(member) for member in members)
    passed = dict(trace_headers([("traceparent", PARENT), ("tracestate", state.encode())]))
    if "tracestate" in passed:
        assert TraceState.from_header([state]).items()


@given(st.binary(max_size=80) | st.binary(max_size=30).map(lambda rest: PARENT + rest), st.binary(max_size=600))
def test_any_bytes_are_taken_and_what_comes_out_is_bounded(parent: bytes, state: bytes) -> None:
    passed = dict(trace_headers([("traceparent", parent), ("tracestate", state)]))
    assert len(passed.get("traceparent", b"")) in (0, 55)
    assert len(passed.get("tracestate", b"")) <= STATE_BYTES


class Record(NamedTuple):
    """What the decoder reads of a record."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


EVENT = {"request_id": "r", "model": "credit", "version": "1", "timestamp": 1_790_000_000_000, "prediction": 0.5}
CLOUDEVENT = {"specversion": "1.0", "id": "1", "source": "/a", "type": "b", "data": EVENT}
PAYLOADS: dict[str, tuple[dict[str, Any], list[tuple[str, bytes]]]] = {
    "plain": (EVENT, []),
    "probabilities": (EVENT | {"prediction": {"a": 0.5}}, []),
    "id and time from the record": ({name: EVENT[name] for name in ("model", "version", "prediction")}, []),
    "binary mode": (EVENT | {"request_id": None}, [("ce_correlationid", b"c"), ("ce_id", b"1")]),
    "structured mode": (CLOUDEVENT, [("content-type", b"application/cloudevents+json")]),
    "refused": (EVENT | {"version": 1}, []),
    "a refused envelope": (EVENT, [("ce_time", b"\xff")]),
}


@pytest.mark.parametrize(("event", "headers"), PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("trace", [[("traceparent", PARENT)], [("traceparent", b"broken"), ("tracestate", b"\xff")]])
def test_a_trace_beside_a_payload_changes_nothing_of_it(
    event: dict[str, Any], headers: list[tuple[str, bytes]], trace: list[tuple[str, bytes]]
) -> None:
    decode, seen = PredictionDecoder(Limits()), []
    for carried in (headers, [*headers, *trace], [*trace, *headers]):
        record = Record(0, 1_790_000_000_000, b"k", json.dumps(event).encode(), carried)
        try:
            half = decode(record)
            assert half.source is record
            half.source = None
            seen.append(msgspec.structs.asdict(half))
        except DecodeError as error:
            seen.append(error.args)
    assert seen[0] == seen[1] == seen[2]
