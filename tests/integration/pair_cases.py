"""The cases of `test_pair_contract`: a table of what is sent, and all that must come of it.

A case is its events with the seconds at which they are sent, and its outputs with the seconds between which each must come.
Request ids begin with the case's name and are chosen so that the halves of a request lie on one partition.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tests.integration.harness import GRACE_MS, PARTITIONS, WINDOW_MS
from tests.integration.scene import Event, Want, legacy, letter, pair, shadow

TOML = """
[models.default]
shadows = ["2.0.0"]
[models.solo]
shadows = []
[models.tolerant]
tolerance = 0.1
[models.two]
shadows = ["b", "a"]
[models.learned]
shadows = "auto"
[models.hot]
shards = 3
"""
#: By when a request whose half never comes is out: window + grace + 2 s. It was not given up before window + grace.
GIVEN_UP = (WINDOW_MS + GRACE_MS) / 1000, (WINDOW_MS + GRACE_MS) / 1000 + 2
AT_ONCE = 0.0, 1.9
#: The second wave is sent when the first has been given up.
LATER = 5.0


def murmur2(data: bytes) -> int:
    """Kafka's `Utils.murmur2`, written anew: the service's own is what is tested here."""
    mask = 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    for at in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little") * 0x5BD1E995 & mask
        k = (k ^ k >> 24) * 0x5BD1E995 & mask
        h = h * 0x5BD1E995 & mask ^ k
    if rest := data[len(data) - len(data) % 4 :]:
        h = (h ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & mask
    h = (h ^ h >> 13) * 0x5BD1E995 & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def an_id(name: str, partition: int = 0) -> str:
    """A request id that begins with ``name`` and lies on ``partition``."""
    return next(each for n in range(1_000) if murmur2((each := f"{name}.{n}").encode()) % PARTITIONS == partition)


class Case(NamedTuple):
    """``sends`` with their seconds; ``wants`` with the first and the last second at which each may come."""

    name: str
    sends: list[tuple[float, Event]]
    wants: list[tuple[tuple[float, float], Want]]


CASES: list[Case] = []


def case(name: str, *sends: tuple[float, Event], wants: list[tuple[tuple[float, float], Want]]) -> None:
    """Put one case into the table."""
    CASES.append(Case(name, list(sends), wants))


def compared(name: str, model: str, live: Any, other: Any, difference: float | None, agrees: bool) -> None:
    """A case of two answers and how they stand to each other."""
    r = an_id(name, len(CASES) % 3)
    answer = {"version": "2.0.0", "prediction": other, "difference": difference, "agrees": agrees}
    wanted = pair(r, model, "paired", shadows=[answer], missing=[], legacy={"version": "1.4.0", "prediction": live})
    case(name, (0.0, legacy(r, model, live)), (0.0, shadow(r, model, other)), wants=[(AT_ONCE, wanted)])


compared("scores-differ", "credit", 0.87, 0.81, -0.06, agrees=False)
compared("scores-equal", "credit", 0.5, 0.5, 0.0, agrees=True)
compared("scores-within-tolerance", "tolerant", 0.87, 0.81, -0.06, agrees=True)
compared("scores-beyond-tolerance", "tolerant", 0.87, 0.7, -0.17, agrees=False)
compared("classes-equal", "credit", "cat", "cat", None, agrees=True)
compared("classes-differ", "credit", "cat", "dog", None, agrees=False)
compared("booleans-differ", "tolerant", True, False, None, agrees=False)
compared("probabilities", "credit", {"a": 0.7, "b": 0.3}, {"a": 0.5, "c": 0.5}, 0.5, agrees=False)
compared("probabilities-within-tolerance", "tolerant", {"a": 0.7, "b": 0.3}, {"a": 0.65, "b": 0.35}, 0.05, agrees=True)
compared("unlike-types", "tolerant", 1.0, True, None, agrees=False)

R = an_id("shadow-first")
case(
    "shadow-first",
    (0.0, shadow(R, "credit", 0.5, timestamp=0.01)), (0.3, legacy(R, "credit", 0.5)),
    wants=[(AT_ONCE, pair(R, "credit", "paired"))],
)  # fmt: skip
R = an_id("legacy-only", 1)
case(
    "legacy-only",
    (0.0, legacy(R, "credit", 0.5, latency_ms=12.5, cost=0.25)),
    wants=[
        (GIVEN_UP, pair(R, "credit", "legacy_only", shadows=[], missing=["2.0.0"], legacy={"latency_ms": 12.5, "cost": 0.25}))
    ],
)
R = an_id("shadow-only", 2)
case(
    "shadow-only",
    (0.0, shadow(R, "credit", 0.5)),
    wants=[
        (
            GIVEN_UP,
            pair(R, "credit", "shadow_only", legacy=None, missing=["legacy"], shadows=[{"difference": None, "agrees": None}]),
        )
    ],
)
R = an_id("solo", 1)
case("solo", (0.0, legacy(R, "solo", 0.5)), wants=[(AT_ONCE, pair(R, "solo", "solo", shadows=[], missing=[]))])

A, B = {"version": "a"}, {"version": "b"}
R = an_id("two-paired", 1)
case(
    "two-paired",
    (0.0, legacy(R, "two", 0.5)), (0.0, shadow(R, "two", 0.75, "a")), (0.2, shadow(R, "two", 0.25, "b")),
    wants=[
        (AT_ONCE, pair(R, "two", "paired", missing=[], shadows=[B | {"difference": -0.25}, A | {"difference": 0.25}]))
    ],
)  # fmt: skip
R = an_id("two-partial", 2)
case(
    "two-partial",
    (0.0, legacy(R, "two", 0.5)), (0.0, shadow(R, "two", 0.75, "a")),
    wants=[(GIVEN_UP, pair(R, "two", "partial", missing=["b"], shadows=[{"version": "a"}]))],
)  # fmt: skip
R = an_id("two-legacy-only")
case(
    "two-legacy-only",
    (0.0, legacy(R, "two", 0.5)),
    wants=[(GIVEN_UP, pair(R, "two", "legacy_only", missing=["b", "a"], shadows=[]))],
)
R = an_id("two-shadow-only", 1)
case(
    "two-shadow-only",
    (0.0, shadow(R, "two", 0.75, "a")),
    wants=[(GIVEN_UP, pair(R, "two", "shadow_only", missing=["legacy", "b"], shadows=[{"version": "a"}]))],
)
R = an_id("unexpected-version", 2)
case(
    "unexpected-version",
    (0.0, legacy(R, "credit", 0.5)), (0.2, shadow(R, "credit", 0.5, "9")), (0.5, shadow(R, "credit", 0.5)),
    wants=[(AT_ONCE, pair(R, "credit", "paired", missing=[], shadows=[{"version": "2.0.0"}, {"version": "9", "agrees": True}]))],
)  # fmt: skip

R, R1, R2 = an_id("learned-first", 1), an_id("learned-alone", 1), an_id("learned-both", 1)
case(
    "learned",
    (0.0, shadow(R, "learned", 0.5)),
    (LATER, legacy(R1, "learned", 0.5, timestamp=LATER)),
    (LATER, legacy(R2, "learned", 0.5, timestamp=LATER)),
    (LATER + 0.3, shadow(R2, "learned", 0.5, timestamp=LATER)),
    wants=[
        (GIVEN_UP, pair(R, "learned", "shadow_only", missing=["legacy"])),
        ((LATER, LATER + 1.9), pair(R2, "learned", "paired")),
        ((LATER + 2, LATER + 4), pair(R1, "learned", "legacy_only", missing=["2.0.0"])),
    ],
)
# Partition 3 is this case's own: its time runs ahead of the others', in both logs, as traffic of another model takes it there.
R, R1, R2 = an_id("retired-first", 3), an_id("retired-meanwhile", 3), an_id("retired-then", 3)
AHEAD = 10 * WINDOW_MS / 1000 + 20.0
case(
    "retired",
    (0.0, shadow(R, "learned", 0.5)),
    (LATER, legacy(R1, "credit", 0.5, timestamp=AHEAD)),
    (LATER, shadow(R1, "credit", 0.5, timestamp=AHEAD)),
    (LATER + 0.5, legacy(R2, "learned", 0.5, timestamp=AHEAD + 0.1)),
    wants=[
        (GIVEN_UP, pair(R, "learned", "shadow_only")),
        ((LATER, LATER + 1.9), pair(R1, "credit", "paired")),
        ((LATER, LATER + 2.4), pair(R2, "learned", "solo")),
    ],
)

R = an_id("carried", 1)
MORE: dict[str, Any] = {
    "features": {"age": 41, "income": 5300.5, "country": "DE", "owner": True, "note": None},
    "segments": {"channel": "web"},
    "metadata": {"trace": "x", "deep": [1, {"a": None}]},
}
case(
    "carried",
    (0.0, legacy(R, "credit", 0.5, nobody_knows_this=1, **MORE)),
    (0.1, shadow(R, "credit", 0.5, features={"age": 99}, metadata={"trace": "y"})),
    wants=[(AT_ONCE, pair(R, "credit", "paired", **MORE))],
)
R = an_id("carried-from-shadow")
case(
    "carried-from-shadow",
    (0.0, shadow(R, "credit", 0.5, **MORE)),
    wants=[(GIVEN_UP, pair(R, "credit", "shadow_only", **MORE))],
)

FROM_LEGACY, FROM_SHADOW = {"source.topic": "predictions.legacy"}, {"source.topic": "predictions.shadow"}
R = an_id("duplicate", 1)
case(
    "duplicate",
    (0.0, legacy(R, "credit", 0.5)), (0.1, legacy(R, "credit", 0.5)), (0.2, shadow(R, "credit", 0.5)),
    (LATER, shadow(R, "credit", 0.5)), (LATER, legacy(R, "credit", 0.75, version="1.5.0")),
    wants=[
        (AT_ONCE, pair(R, "credit", "paired", legacy={"prediction": 0.5})),
        (AT_ONCE, letter(R.encode(), "duplicate", **FROM_LEGACY)),
        ((LATER, LATER + 1.9), letter(R.encode(), "duplicate", **FROM_SHADOW)),
        ((LATER, LATER + 1.9), letter(R.encode(), "duplicate", detail=re.compile("conflicting"), **FROM_LEGACY)),
    ],
)  # fmt: skip
R = an_id("late", 2)
case(
    "late",
    (0.0, legacy(R, "credit", 0.5)), (LATER, shadow(R, "credit", 0.5, timestamp=0.01)),
    wants=[
        (GIVEN_UP, pair(R, "credit", "legacy_only")),
        ((LATER, LATER + 1.9), letter(R.encode(), "late", **FROM_SHADOW)),
    ],
)  # fmt: skip

GOOD = {"model": "credit", "version": "1.4.0", "timestamp": 0.0, "prediction": 0.5}
CE = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/p"), ("ce_type", b"p")]
for name, value, headers, reason in (
    ("nan", b'{"request_id":"nan","model":"credit","version":"1","prediction":NaN}', [("trace", b"\xff\x00")], "not_json"),
    ("tombstone", None, [("trace", b"t")], "not_json"),
    ("empty", b"", [], "not_json"),
    ("confluent", b"\x00\x00\x00\x00\x01{}", [], "unsupported_encoding"),
    ("large", GOOD | {"metadata": {"much": "x" * 5_000}}, [], "too_large"),
    ("ancient", GOOD | {"timestamp": 946_684_799_999}, [], "timestamp_out_of_range"),
    ("tomorrow", GOOD | {"timestamp": 86_400.0 + 120}, [], "timestamp_out_of_range"),
    ("nested", GOOD | {"features": {"a": {"b": 1}}}, [], "invalid_schema"),
):
    R = an_id(f"refused-{name}", len(CASES) % 3)
    case(
        f"refused-{name}",
        (0.0, Event("predictions.legacy", R.encode(), value, headers)),
        wants=[(AT_ONCE, letter(R.encode(), reason, **{f"source.header.{k}": v.decode(errors="replace") for k, v in headers}))],
    )
case(
    "refused-keyless",
    (0.0, Event("predictions.shadow", None, GOOD | {"model": "refused-keyless"})),
    wants=[(AT_ONCE, letter(None, "invalid_schema"))],
)

R = an_id("cloudevents", 2)
case(
    "cloudevents",
    (0.0, Event("predictions.legacy", R.encode(), GOOD, [*CE, ("ce_correlationid", R.encode())])),
    (
        0.0,
        Event(
            "predictions.shadow",
            R.encode(),
            {
                "specversion": "1.0",
                "id": "2",
                "source": "/p",
                "type": "p",
                "correlationid": R,
                "data": GOOD | {"version": "2.0.0"},
            },
            [("content-type", b"application/cloudevents+json; charset=UTF-8")],
        ),
    ),
    wants=[(AT_ONCE, pair(R, "credit", "paired", legacy={"version": "1.4.0"}, shadows=[{"version": "2.0.0", "agrees": True}]))],
)
R = an_id("from-key", 1)
case(
    "from-key",
    (0.0, Event("predictions.legacy", R.encode(), {name: value for name, value in GOOD.items() if name != "timestamp"})),
    (0.0, shadow(R, "credit", 0.5)),
    wants=[(AT_ONCE, pair(R, "credit", "paired"))],
)
for number in range(6):
    R = an_id(f"hot-{number}", number % 3)
    case(f"hot-{number}", (0.0, legacy(R, "hot", 1.0)), (0.0, shadow(R, "hot", 1.0)), wants=[(AT_ONCE, pair(R, "hot", "paired"))])
