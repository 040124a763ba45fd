"""What is taken on `retrain.status` and `actions`, and why the rest is not."""

import json
from typing import Any

import pytest

from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.errors import DecodeError
from schemas.limits import Limits
from tests.decide_builders import START, LogRecord

STATUS = {"trigger_id": "rt-1", "model": "credit", "status": "running"}
ACTION = {"id": "1", "action": "trigger", "subject": "credit", "by": "ada", "why": "now"}
SILENCE = ACTION | {"action": "silence", "fingerprint": "f", "until": START + 1}


def record(value: Any, **headers: bytes) -> LogRecord:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return LogRecord(7, START, b"credit", text, list(headers.items()))


REFUSED: dict[str, tuple[Any, Any, str, str]] = {
    "no JSON": (StatusDecoder, b"{", "not_json", "Input data was truncated"),
    "another status": (StatusDecoder, STATUS | {"status": "done"}, "invalid_schema", r"\$\.status"),
    "a model that is none": (StatusDecoder, STATUS | {"model": "a b"}, "invalid_schema", r"\$\.model: 'a b'; 1 to 128"),
    "no trigger": (StatusDecoder, STATUS | {"trigger_id": ""}, "invalid_schema", r"\$\.trigger_id"),
    "a time in seconds": (StatusDecoder, STATUS | {"timestamp": START // 1000}, "timestamp_out_of_range", "look like seconds"),
    "another action": (ActionDecoder, ACTION | {"action": "retrain"}, "invalid_schema", r"\$\.action"),
    "a subject that is none": (ActionDecoder, ACTION | {"subject": "a/b"}, "invalid_schema", r"\$\.subject: 'a/b'"),
    "nobody": (ActionDecoder, ACTION | {"by": ""}, "invalid_schema", r"\$\.by"),
    "without a reason": (ActionDecoder, {**ACTION, "why": None}, "invalid_schema", r"\$\.why"),
    "an approval of nothing": (
        ActionDecoder, ACTION | {"action": "approve"}, "invalid_schema", r"\$\.trigger_id: missing; the action 'approve'",
    ),
    "an acknowledgement of nothing": (
        ActionDecoder, ACTION | {"action": "acknowledge"}, "invalid_schema", r"\$\.fingerprint: missing",
    ),
    "a silence without an end": (ActionDecoder, SILENCE | {"until": None}, "invalid_schema", r"\$\.until: missing"),
    "a silence of nothing": (
        ActionDecoder, SILENCE | {"fingerprint": None}, "invalid_schema", r"\$\.fingerprint or \$\.matchers: missing",
    ),
    "a silence of everything": (ActionDecoder, SILENCE | {"matchers": {}}, "invalid_schema", r"\$\.matchers"),
    "a label too long": (
        ActionDecoder, SILENCE | {"fingerprint": None, "matchers": {"l" * 129: "x"}}, "invalid_schema", r"\$\.matchers",
    ),
    "a silence that never ends": (
        ActionDecoder, SILENCE | {"until": 9_000_000_000_000}, "timestamp_out_of_range", "after 2100-01-01",
    ),
}  # fmt: skip


def test_the_time_of_an_action_is_one_that_can_be_told_whatever_its_record_says() -> None:
    told = {"without one": ACTION, "with one": ACTION | {"timestamp": 10**15}}
    for value in told.values():
        with pytest.raises(DecodeError, match="after 2100-01-01") as refused:
            ActionDecoder(Limits())(record(value)._replace(timestamp=10**15))
        assert refused.value.reason == "timestamp_out_of_range"


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_why(case: str) -> None:
    decoder, value, reason, says = REFUSED[case]
    with pytest.raises(DecodeError, match=says) as refused:
        decoder(Limits())(record(value))
    assert refused.value.reason == reason


def test_what_nobody_says_is_taken_from_the_record_or_absent() -> None:
    status = StatusDecoder(Limits())(record(STATUS))
    assert (status.timestamp, status.new_version, status.detail) == (START, None, None)
    action = ActionDecoder(Limits())(record(ACTION, ce_time=b"2026-09-21T14:00:00Z"))
    assert (action.timestamp, action.matchers, action.until) == (START - 800_000, {}, None)


def test_an_end_may_lie_years_ahead_and_be_text() -> None:
    matched = {**SILENCE, "fingerprint": None, "matchers": {"model": "credit"}, "until": "2036-01-01T00:00:00Z"}
    action = ActionDecoder(Limits())(record(matched))
    assert (action.matchers, action.until) == ({"model": "credit"}, 2_082_758_400_000)
