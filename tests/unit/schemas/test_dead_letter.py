"""A dead letter always fits its topic: what cannot be carried is named, and the source says where it still is."""

from dataclasses import dataclass, field

from schemas.dead_letter import dead_letter

ROOM = 100_000


@dataclass
class Source:
    value: bytes | None
    key: bytes | None = b"r-1"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    offset: int = 17
    timestamp: int = 1_790_000_000_000


def written(source: Source) -> tuple[bytes | None, bytes | None, dict[str, bytes]]:
    key, value, headers = dead_letter("p.outcomes", "outcomes", 2, source, "too_large", "why", ROOM)
    assert len(key or b"") + len(value or b"") + sum(len(n) + len(v) + 10 for n, v in headers) <= ROOM + 200
    return key, value, dict(headers)


def test_what_fits_is_carried_untouched() -> None:
    key, value, headers = written(Source(b"x" * 90_000, headers=[("trace", b"abc")]))
    assert (key, value, headers["source.header.trace"]) == (b"r-1", b"x" * 90_000, b"abc")
    assert "source.omitted" not in headers


def test_headers_go_first() -> None:
    _, value, headers = written(Source(b"x" * 90_000, headers=[(f"h{n}", b"y" * 100) for n in range(200)]))
    assert value == b"x" * 90_000
    assert headers["source.omitted"] == b"headers 200"


def test_a_value_that_no_topic_takes_is_left_where_it_is() -> None:
    key, value, headers = written(Source(b"x" * 20_000_000))
    assert (key, value) == (b"r-1", None)
    assert headers["source.omitted"] == b"headers 0, value of 20000000 bytes"
    assert (headers["source.topic"], headers["source.partition"], headers["source.offset"]) == (b"p.outcomes", b"2", b"17")


def test_a_key_that_no_topic_takes_is_left_too() -> None:
    key, value, headers = written(Source(b"x", key=b"k" * 20_000_000))
    assert (key, value) == (None, None)
    assert headers["source.omitted"].endswith(b"key of 20000000 bytes")


def test_a_tombstone_stays_one() -> None:
    assert written(Source(None))[1] is None
