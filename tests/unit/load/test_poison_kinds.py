from types import SimpleNamespace

import pytest

from load.poison import KINDS, make
from schemas.codec import PredictionDecoder
from schemas.errors import DecodeError
from schemas.limits import Limits

#: The poison table and the refusals that must be among the kinds.
REQUIRED = {
    "nan", "infinity", "number_too_large", "integer_of_400_digits", "nested_1100", "nested_100000", "invalid_utf8",
    "lone_surrogate", "value_over_the_limit", "features_10000", "byte_order_mark", "empty", "truncated", "tombstone",
    "confluent_framing", "list", "string", "no_model", "no_version", "no_prediction", "no_id_anywhere", "id_number",
    "timestamp_zero", "timestamp_negative", "timestamp_year_9999", "timestamp_in_seconds", "nested_feature", "event_base64",
    "event_batch", "metadata_over_4_kib", "nine_segments",
}  # fmt: skip


def decoded(poison):
    record = SimpleNamespace(timestamp=1_790_000_000_000, key=poison.key, value=poison.value, headers=poison.headers)
    return PredictionDecoder(Limits())(record)


def test_every_kind_of_the_table_is_there_once():
    names = [kind.name for kind in KINDS]
    assert set(names) >= REQUIRED
    assert len(names) == len(set(names))


def test_every_reason_that_a_decoder_can_give_is_there():
    assert {kind.reason for kind in KINDS} == {
        "not_json", "invalid_schema", "too_large", "timestamp_out_of_range", "unsupported_encoding",
    }  # fmt: skip


@pytest.mark.parametrize("number", range(len(KINDS)), ids=[kind.name for kind in KINDS])
def test_each_kind_is_refused_for_its_reason(number):
    poison = make(number, "p-000001", "credit", "1.4.0", 1_790_000_000_000)
    with pytest.raises(DecodeError) as refused:
        decoded(poison)
    assert refused.value.reason == poison.reason


def test_what_the_poison_is_made_of_is_good():
    plain = next(k for k, kind in enumerate(KINDS) if kind.name == "list")
    poison = make(plain, "p-000001", "credit", "1.4.0", 1_790_000_000_000)
    half = decoded(poison._replace(value=poison.value[1:-1]))
    assert (half.request_id, half.model, half.prediction) == ("p-000001", "credit", 0.5)
