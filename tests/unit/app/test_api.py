"""The read side of the API beyond what is in ``test_web``: pages, tags, compression, signals, histograms, letters, samples."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from agents.serve import ServeFold
from app.config import Config, KafkaSettings
from app.dev.ports import free_ports
from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Alerts, Models, Overview, Triggers
from app.samples import PairSamples, TooManyReadsError
from app.samples.reading import READS
from app.web import WebServer, api_letters, asked, create_web, given, shapes
from app.web.api_letters import SHOWN_REASONS, value_of
from app.web.briefs import Briefs
from app.web.looks import Looks
from app.web.mending import ADVICE
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    TRIGGERS,
    Record,
    action,
    alert,
    fed,
    letter,
    overview,
    pairing,
)

from tests.read_model_records import statistics, trigger  # isort: skip

BINS = {"ends": [1.0, 2.0], "counts": [1.0, 2.0, 5.0], "reference_shares": [0.25, 0.25, 0.5]}
SEGMENT = {"country": "DE", "channel": "web"}


class Shelf:
    """A read model that is what a test puts in."""

    def __init__(self) -> None:
        records = [(STATISTICS, statistics(version=version, name=name)) for version in ("1", "2") for name in ("a", "b", "c")]
        records += [(ALERTS, alert(status, minute=at, fingerprint=f"f{at % 3}")) for at in range(9) for status in ("firing",)]
        records += [(ALERTS, alert("resolved", minute=at, fingerprint=f"f{at % 3}")) for at in range(5)]
        records += [(TRIGGERS, trigger(f"t{at}", minute=at // 2)) for at in range(7)]
        records += [(LETTERS, letter("late", offset=at)) for at in range(40)] + [(LETTERS, letter("not_json", offset=1))]
        records += [(ACTIONS, action(id=f"s{at}", minute=at // 2, matchers={"signal": f"feature/{at}"})) for at in range(5)]
        records += [(ACTIONS, action("unsilence", minute=3, silence="s4")), (ACTIONS, action(subject="fraud", fingerprint="f9"))]
        self.seen = overview(fed(*records, (STATISTICS, pairing(read=20, paired=9))))

    def put(self, *records: Record) -> None:
        self.seen = overview(fed(*((STATISTICS, record) for record in records)))

    async def current(self) -> Overview:
        return self.seen


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.on(CollectorRegistry(), "0.1.0")


@pytest.fixture
async def client(shelf: Shelf, metrics: Metrics) -> AsyncIterator[TestClient[Any, Any]]:
    [port] = free_ports(1)
    config = Config(kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
    server = TestServer(create_web(config, Health(["pair"]), shelf, metrics))
    async with TestClient(server, auto_decompress=False, headers={"Accept-Encoding": "identity"}) as client:
        yield client


async def body(client: TestClient[Any, Any], path: str) -> Any:
    response = await client.get("/api/v1/" + path)
    assert response.status == 200, await response.text()
    return await response.json()


LISTS = [
    ("models/credit/signals", "signals"), ("models/credit/versions", "versions"), ("alerts", "alerts"), ("alerts/f0", "alerts"),
    ("silences", "silences"), ("triggers", "triggers"), ("dead-letters", "examples"),
    ("models/credit/histograms?signal=feature/a", "histograms"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "member"), LISTS)
async def test_a_list_in_pages_is_the_list(client: TestClient[Any, Any], path: str, member: str) -> None:
    whole = (await body(client, path))[member]
    assert len(whole) > 1
    mark = "&" if "?" in path else "?"
    for limit in (1, 2, len(whole)):
        entries, after = [], ""
        while after is not None:
            page = await body(client, f"{path}{mark}limit={limit}&after={after}")
            assert len(page[member]) <= limit
            entries += page[member]
            after = page["next"]
        assert entries == whole


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["s3", "s2", "fraud:silence-0", "s1", "s0", "s4"]),
        ("?status=active", ["s3", "s2", "fraud:silence-0", "s1", "s0"]),
        ("?status=ended", ["s4"]),
        ("?status=refused", []),
        ("?model=fraud", ["fraud:silence-0"]),
        ("?model=fraud&status=ended", []),
    ],
)
async def test_silences_are_chosen_by_status_and_model(client: TestClient[Any, Any], query: str, ids: list[str]) -> None:
    assert [each["id"] for each in (await body(client, f"silences{query}"))["silences"]] == ids


async def test_silences_of_one_id_on_two_partitions_are_both_in_the_pages(client: TestClient[Any, Any], shelf: Shelf) -> None:
    said = (ACTIONS, action(matchers={"model": "credit"}))
    shelf.seen = overview(fed(said), fed(said, fold=ServeFold(1)))
    first = await body(client, "silences?limit=1")
    second = await body(client, f"silences?limit=1&after={first['next']}")
    assert [each["partition"] for each in (*first["silences"], *second["silences"])] == [1, 0]
    assert second["next"] is None


async def test_an_alert_has_its_acknowledgement_and_its_silences(client: TestClient[Any, Any], shelf: Shelf) -> None:
    records = [
        (STATISTICS, statistics()),
        (ALERTS, alert()),
        (ACTIONS, action(id="a", matchers={"model": "credit"})),
        (ACTIONS, action(id="b", fingerprint="f1", until=START_MS + 10**9)),
        (ACTIONS, action("acknowledge", fingerprint="f1")),
    ]
    shelf.seen = overview(fed(*records))
    (found,) = (await body(client, "alerts/f1"))["alerts"]
    assert found["acknowledged"] == {"by": "ada", "why": "a roll-out", "at": "2026-09-21T14:13:20.000Z"}
    assert found["silencedBy"] == ["b", "a"]
    shelf.seen = overview(fed(*records[:2]))
    (found,) = (await body(client, "alerts/f1"))["alerts"]
    assert (found["acknowledged"], found["silencedBy"]) == (None, [])


async def test_a_page_goes_on_where_it_was_though_the_list_has_changed(client: TestClient[Any, Any], shelf: Shelf) -> None:
    first = await body(client, "triggers?limit=3")
    rest = [each["trigger"]["trigger_id"] for each in (await body(client, f"triggers?after={first['next']}"))["triggers"]]
    newer = overview(fed((TRIGGERS, trigger("newer", minute=99)))).triggers
    shelf.seen = msgspec.structs.replace(shelf.seen, triggers=newer + shelf.seen.triggers[1:])
    again = [each["trigger"]["trigger_id"] for each in (await body(client, f"triggers?after={first['next']}"))["triggers"]]
    assert again == rest == ["t3", "t2", "t1", "t0"]


async def test_pages_have_room_for_names_as_long_as_they_may_be(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.put(*(statistics(name="x" * 500 + str(at), segment={"y" * 500: "z"}) for at in range(3)))
    first = await body(client, "models/credit/signals?limit=1")
    second = await body(client, f"models/credit/signals?limit=1&after={first['next']}")
    third = await body(client, f"models/credit/signals?limit=1&after={second['next']}")
    assert len({page["signals"][0]["name"] for page in (first, second, third)}) == 3
    assert third["next"] is None


async def test_a_tag_holds_while_nothing_but_the_time_differs(client: TestClient[Any, Any], shelf: Shelf) -> None:
    for path in (
        "models",
        "models/credit",
        "models/credit/signals",
        "alerts",
        "silences",
        "triggers",
        "dead-letters",
        "openapi.json",
    ):
        before = await client.get("/api/v1/" + path)
        tag = before.headers["ETag"]
        shelf.seen = msgspec.structs.replace(shelf.seen, as_of=(shelf.seen.as_of or 0) + 1)
        again = await client.get("/api/v1/" + path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
        if path != "openapi.json":
            assert tag.startswith("W/")
            assert again.headers["Gnomon-As-Of"] == str(shelf.seen.as_of)
    shelf.put(statistics())
    changed = await client.get("/api/v1/models", headers={"If-None-Match": tag})
    assert changed.status == 200
    assert (await client.get("/api/v1/models", headers={"If-None-Match": "*"})).status == 304


def test_a_model_is_encoded_once_and_forgotten_with_its_model() -> None:
    briefs, seen = Briefs(), overview(fed((STATISTICS, statistics("a")), (STATISTICS, statistics("b")))).models
    first = briefs.of(seen, seen)
    assert all(one is other for one, other in zip(first, briefs.of(seen, seen), strict=True))
    changed = overview(fed((STATISTICS, statistics("a", state="drift")))).models
    [again] = briefs.of(changed, ["a"])
    assert msgspec.json.decode(again)["state"] == "drift"
    assert set(briefs._known) == {"a"}


def test_as_of_is_the_first_field_of_every_answer() -> None:
    answers = [Models, Alerts, Triggers, shapes.Signals, shapes.Versions, shapes.Histograms, shapes.PipelineAnswer,
               shapes.DeadLettersAnswer, shapes.PairsAnswer]  # fmt: skip
    assert {msgspec.structs.fields(answer)[0].name for answer in answers} == {"as_of"}


async def test_a_large_answer_is_compressed_for_who_takes_that(client: TestClient[Any, Any], shelf: Shelf) -> None:
    plain = await client.get("/api/v1/alerts", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/api/v1/alerts", headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] == plain.headers["ETag"]
    text = await plain.read()
    assert gzip.decompress(await packed.read()) == text
    head = await client.head("/api/v1/alerts", headers={"Accept-Encoding": "gzip"})
    assert (head.status, await head.read()) == (200, b"")
    tags = [
        (await client.get("/api/v1/openapi.json", headers={"Accept-Encoding": coding})).headers["ETag"] for coding in ("", "gzip")
    ]
    assert tags[1] == f'{tags[0][:-1]}-gzip"'
    again = await client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip", "If-None-Match": tags[1]})
    assert again.status == 304
    small = await client.get("/api/v1/models?limit=1&after=zzz", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


async def test_signals_are_chosen_by_kind_version_state_and_segment(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.put(
        statistics(), statistics(segment=SEGMENT, state="drift"), statistics(kind="latency", name=""), statistics(version="2")
    )

    async def found(query: str) -> list[str]:
        signals = (await body(client, f"models/credit/signals?{query}"))["signals"]
        assert all(not {"statistics", "history", "baselines"} & each.keys() for each in signals)
        return [f"{each['signal']} {each['version']} {'segment' if each['segment'] else ''}".strip() for each in signals]

    assert await found("") == ["feature/age 1.4.0", "feature/age 1.4.0 segment", "feature/age 2", "latency 1.4.0"]
    assert await found("kind=latency") == ["latency 1.4.0"]
    assert await found("version=2") == ["feature/age 2"]
    assert await found("state=drift") == await found("segment=channel=web,country=DE") == ["feature/age 1.4.0 segment"]
    assert await found("segment=&kind=feature&version=1.4.0") == ["feature/age 1.4.0"]
    assert await found("segment=channel=web") == []


@pytest.mark.parametrize(
    ("kind", "figures", "reason", "classes", "current", "reference"),
    [
        ("feature", {"histogram": BINS, "reference": {"values": 80}}, None, [1.0, 2.0], [1, 2, 5], [20, 20, 40]),
        ("prediction", {"histogram": BINS | {"ends": None, "labels": ["a", "b", "(other)"]}}, None, ["a", "b", "(other)"],
         [1, 2, 5], []),
        ("missing", {"share": 0.5, "reference_share": 0.25, "values": 8, "reference": {"values": 40}}, None,
         ["missing", "present"], [4, 4], [10, 30]),
        ("feature", {"share": None, "reference_share": 1.0}, None, ["true", "false"], [0, 0], []),
        ("feature", {"warm_up": {"values": 7, "needed": 300}}, "warming up: 7 of 300 values", None, None, None),
        ("volume", {"mean": 7.0}, "signals of the kind volume have no distribution", None, None, None),
        ("feature", {"histogram": BINS | {"counts": [1.0]}}, "the figures do not fit together", None, None, None),
        ("feature", {"histogram": BINS | {"ends": [1.0]}}, "the figures do not fit together", None, None, None),
        ("feature", {"histogram": [1]}, "the figures do not fit together", None, None, None),
        ("feature", {"histogram": BINS | {"counts": [True, "x", None]}}, "the figures do not fit together", None, None, None),
        ("feature", {"share": "x", "reference_share": 0.5}, "the figures do not fit together", None, None, None),
        ("feature", {"big": "x" * 9_000}, "the statistics are too large for the read model; drift.statistics has them", None,
         None, None),
    ],
)  # fmt: skip
async def test_a_histogram_stands_beside_its_reference(
    client: TestClient[Any, Any], shelf: Shelf, kind: str, figures: dict[str, Any], reason: Any, classes: Any, current: Any,
    reference: Any,
) -> None:  # fmt: skip
    shelf.put(statistics(kind=kind, name="", psi=0.5, effect={"wasserstein": 2.5}, **figures))
    [found] = (await body(client, f"models/credit/histograms?signal={kind}"))["histograms"]
    assert found["reason"] == reason
    assert (found["edges"] or found["labels"]) == classes
    assert (found["current"] and found["current"]["counts"]) == current
    assert (found["reference"] and found["reference"]["counts"]) == reference
    if reason is None:
        assert (found["psi"], found["wasserstein"], found["ks"]) == (0.5, 2.5, None)
        assert sum(found["reference"]["shares"]) == 1


async def test_a_flood_of_dead_letters_hides_no_other_reason(client: TestClient[Any, Any], shelf: Shelf) -> None:
    said = await body(client, "dead-letters")
    assert [(each["reason"], each["count"]) for each in said["counts"]] == [("late", 40), ("not_json", 1)]
    assert said["total"] == 41
    assert len(said["examples"]) == 32
    [rare] = (await body(client, "dead-letters?reason=not_json"))["examples"]
    assert base64.b64decode(rare["value"]["base64"]) == b"\xff not shown"
    assert (rare["value"]["text"], rare["value"]["bytes"], rare["value"]["cut"]) == (None, 11, False)
    assert [each["offset"] for each in said["examples"]][:3] == [39, 38, 37]
    assert (await body(client, "dead-letters?topic=none"))["total"] == 0
    assert "base64" not in str(await body(client, "pipeline"))


@pytest.mark.parametrize(
    ("value", "length", "text"),
    [(b"", 0, ""), ("aü€".encode(), 6, "aü€"), ("aü€".encode()[:5], 6, "aü"), ("aü€".encode()[:5], 5, None), (b"\xff", 9, "")],
)
def test_a_value_is_text_where_it_is_one(value: bytes, length: int, text: str | None) -> None:
    shown = value_of(value, length)
    assert (base64.b64decode(shown.base64), shown.text, shown.cut) == (value, text, length > len(value))


def test_each_reason_has_its_advice() -> None:
    assert set(ADVICE) == set(SHOWN_REASONS)
    assert len({mend for _, mend in ADVICE.values()}) == len(ADVICE)


async def test_pairs_are_503_while_kafka_is_away(client: TestClient[Any, Any]) -> None:
    response = await client.get("/api/v1/models/credit/pairs")
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert "cannot reach Kafka: tried 127.0.0.1:" in (await response.json(content_type=None))["detail"]


async def test_no_more_samples_are_read_at_once_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, gate = PairSamples(Config()), asyncio.Event()

    async def read(model: str, partitions: Any) -> Any:
        await gate.wait()
        return model

    monkeypatch.setattr(samples, "_read", read)
    waiting = [asyncio.create_task(samples.of(f"m{at}", [0])) for at in range(READS) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyReadsError, match=f"{READS} reads of pairs are under way"):
        await samples.of("another", [0])
    gate.set()
    assert await asyncio.gather(*waiting) == [f"m{at}" for at in range(READS) for _ in range(2)]
    gate.clear()
    assert await samples.of("m0", [0]) == "m0"
    await samples.close()


async def test_what_is_no_http_is_a_problem_too_and_counted(shelf: Shelf, metrics: Metrics) -> None:
    server = WebServer(create_web(Config(), Health([]), shelf, metrics), "127.0.0.1", 0)
    port = int((await server.start()).rsplit(":", 1)[1].rstrip("/"))
    for line in (b"GET /api/v1/" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01 no HTTP\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        said = await asyncio.wait_for(reader.read(), 10)
        assert said[8:].startswith(b" 400 Bad Request\r\n")
        assert b"Content-Type: application/problem+json" in said
        assert b"Content-Security-Policy" in said
        assert b"this cannot be read as HTTP" in said
        assert b"xxx" not in said
        writer.close()
    assert metrics.registry.get_sample_value("gnomon_web_requests_total", {"route": "unknown", "status": "4xx"}) == 2
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}api/v1/models") as response:
        assert response.status == 200
    await server.stop()


def test_a_rate_is_over_the_time_since_an_earlier_look() -> None:
    looks, place = Looks(), ("pair", 0)
    assert looks.before({place: 10}, 100.0) is None
    assert looks.before({place: 11}, 100.5) is None
    assert looks.before({place: 30}, 102.0) == (2.0, {place: 10})
    assert looks.before({place: 90}, 161.0) == (59.0, {place: 30})


async def test_a_process_says_what_it_knows(client: TestClient[Any, Any], metrics: Metrics) -> None:
    assert (await body(client, "pipeline"))["process"]["equation"] is None
    figures = {"read": 10, "in_records": 5, "waiting": 1, "duplicate": 2, "late": 1, "rejected": 1}
    metrics.figures("pair", 0, figures)
    assert (await body(client, "pipeline"))["process"]["equation"] == figures | {"holds": True}
    metrics.figures("pair", 1, figures | {"read": 11})
    assert (await body(client, "pipeline"))["process"]["equation"]["holds"] is False


@pytest.mark.parametrize("module", [asked, given, api_letters])
def test_examples(module: Any) -> None:
    import doctest

    assert START_MS
    assert doctest.testmod(module).failed == 0
