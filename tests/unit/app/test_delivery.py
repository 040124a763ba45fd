"""Couriers, receivers and the ledger that feeds them, on real HTTP servers and without a broker."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry

from app.config import ConfigError, NotifySettings, Secret
from app.delivery import Office, receivers_of
from app.delivery.alertmanager import Alertmanager, tls_context
from app.delivery.messengers import Messenger
from app.domain.delivery.alert_book import BOUNDS, AlertBook
from app.domain.delivery.held_alert import HeldAlert
from app.folds.ledger import Saved
from app.metrics import Metrics
from tests.shard_fakes import FencedError, MemoryLedger, Store, until


def held(name: str, ended_ms: int | None = None) -> HeldAlert:
    labels = {"alertname": name, "severity": "critical"}
    said = {"summary": "it moved", "description": "by much", "runbook_url": "r.md"}
    return HeldAlert(fingerprint=name, labels=labels, annotations=said, generator_url="http://x/", fired_ms=1, ended_ms=ended_ms)


class Site:
    """A receiver: answers what it is told to, and keeps what came."""

    def __init__(self) -> None:
        self.status, self.bad = 200, ""
        self.came: list[tuple[dict[str, str], Any]] = []
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.came.append((dict(request.headers), body))
        if self.status == 0:
            await asyncio.sleep(60)
        if self.bad and any(each["labels"]["alertname"] == self.bad for each in body):
            return web.Response(status=400, text="invalid label set")
        return web.Response(status=self.status, text="said", headers={"Location": "/elsewhere"})

    @property
    def names(self) -> list[list[str]]:
        return [[each["labels"]["alertname"] for each in body] for _, body in self.came]

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.server.start_server()
    yield made
    await made.server.close()


class Desk:
    """An office with one shard of partition 0, whose commits are made by hand."""

    def __init__(self, settings: NotifySettings) -> None:
        self.metrics = Metrics.on(CollectorRegistry(), "0")
        self.office = Office(settings, self.metrics)
        self.store = Store()
        self.ledger = self.office.ledger(0, MemoryLedger(self.store))

    async def __aenter__(self) -> Desk:
        self.office.start()
        await self.ledger.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.office.stop()

    async def commit(self, book: AlertBook) -> None:
        book.catch_up()
        await self.ledger.commit(Saved(book.dump(), [0]), ending=False)


def firing(*names: str) -> AlertBook:
    return AlertBook(firing={name: held(name) for name in names})


async def test_what_was_committed_is_told_and_told_again_only_after_another_commit(site: Site) -> None:
    async with Desk(NotifySettings(alertmanager_urls=(site.url,), resend_s=1)) as desk:
        assert not desk.ledger.owes(ending=False)
        await desk.commit(firing("a"))
        await until(lambda: site.names == [["a"]])
        desk.office._committed_at[0] -= 60  # it was long ago
        await until(lambda: desk.ledger.owes(ending=False))
        assert site.names == [["a"]], "a worker that was replaced would never commit, so it must not tell"
        assert not desk.ledger.owes(ending=True)
        await desk.commit(firing("a"))
        await until(lambda: site.names == [["a"], ["a"]])


async def test_a_commit_that_fails_and_a_shard_that_is_closed_tell_nothing(site: Site) -> None:
    async with Desk(NotifySettings(alertmanager_urls=(site.url,), resend_s=1)) as desk:
        zombie, desk.ledger = desk.ledger, desk.office.ledger(0, MemoryLedger(desk.store))
        await desk.ledger.open()
        with pytest.raises(FencedError):
            await zombie.commit(Saved(firing("old").dump(), [0]), ending=False)
        await desk.commit(firing("new"))
        await until(lambda: site.names == [["new"]])
        await zombie.close()
        await until(lambda: desk.ledger.owes(ending=False) or len(site.names) > 1)
        await desk.ledger.close()
        assert not desk.ledger.owes(ending=False)
        assert {name for names in site.names for name in names} == {"new"}


async def test_batches_of_a_hundred_and_halves_of_what_is_refused(site: Site) -> None:
    site.bad = "n7"
    async with Desk(NotifySettings(alertmanager_urls=(site.url,))) as desk:
        await desk.commit(firing(*(f"n{number}" for number in range(150))))
        value = desk.metrics.registry.get_sample_value
        taken = {"receiver": "alertmanager-0", "status": "firing"}
        await until(lambda: value("gnomon_notify_delivered_total", taken) == 149)
        refused = {"receiver": "alertmanager-0", "reason": "refused"}
        await until(lambda: value("gnomon_notify_failures_total", refused) == 1)
        assert len(site.names[0]) == 100
        assert len(site.names) < 20
        assert desk.office.remark() == "", "a receiver that takes others is no trouble"


async def test_receipts_wait_for_the_fold_and_trouble_is_told(site: Site) -> None:
    site.status = 503
    settings = NotifySettings(alertmanager_urls=(site.url,))
    async with Desk(settings) as desk:
        [receiver] = receivers_of(settings).states
        book = AlertBook(begun=True)
        book.take(held("a", 5), 0, receivers_of(settings), BOUNDS)
        await desk.commit(book)
        await until(lambda: "HTTP 503: said" in desk.office.remark())
        site.status = 200
        await desk.commit(book)
        await until(lambda: desk.office.remark() == "")
        [receipt] = desk.office.take_receipts(0)
        assert (receipt.receiver, receipt.fingerprint, receipt.ended_ms, receipt.over) == (receiver, "a", 5, False)
        assert desk.office.take_receipts(0) == []


@pytest.mark.parametrize(
    ("status", "reason"), [(200, None), (202, None), (302, "status"), (400, "refused"), (401, "unauthorised"), (500, "status")]
)
async def test_what_an_answer_means(site: Site, status: int, reason: str | None) -> None:
    site.status = status
    settings = NotifySettings(username="me", password=Secret("hunter2"))
    alertmanager = Alertmanager("alertmanager-0", f"{site.url}/am/", settings, tls_context(settings))
    answer = await alertmanager.deliver([held("a")], 1_000_000)
    await alertmanager.close()
    assert answer.reason == reason
    [(headers, [posted])] = site.came
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
    assert posted.keys() == {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    assert posted["endsAt"] == "1970-01-01T00:31:40.000Z", "a quarter of an hour from now"


async def test_time_outs_and_addresses_where_nobody_is(site: Site) -> None:
    site.status = 0
    settings = NotifySettings(timeout_s=0.1, token=Secret("t0ken"))
    tls = tls_context(settings)
    slow = Alertmanager("a", site.url, settings, tls)
    nobody = Alertmanager("b", "http://127.0.0.1:1", settings, tls)
    assert [(await each.deliver([held("a")], 0)).reason for each in (slow, nobody)] == ["timeout", "unreachable"]
    assert site.came[0][0]["Authorization"] == "Bearer t0ken"
    for each in (slow, nobody):
        await each.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Any) -> None:
    authority, site = trustme.CA(), Site()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    await site.server.start_server(ssl=context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    url = site.url.replace("http://", "https://")
    answers = []
    for cafile in (None, str(tmp_path / "ca.pem")):
        settings = NotifySettings(cafile=cafile)
        alertmanager = Alertmanager("a", url, settings, tls_context(settings))
        answers.append((await alertmanager.deliver([held("a")], 0)).reason)
        await alertmanager.close()
    await site.server.close()
    assert answers == ["tls", None]


@pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")  # a module that Apprise imports
async def test_apprise_tells_each_change_once_and_no_secret(site: Site) -> None:
    url = Secret(f"json://me:hunter2@{site.url.removeprefix('http://')}/hook")
    settings = NotifySettings(apprise_urls=url)
    async with Desk(settings) as desk:
        book = AlertBook(begun=True)
        for number, alert in enumerate((held("a"), held("a", 9))):
            book.take(alert, number, receivers_of(settings), BOUNDS)
        site.status = 500
        await desk.commit(book)
        await until(lambda: desk.office.remark() != "", 5)
        assert "hunter2" not in desk.office.remark()
        site.status = 200
        taken: list[Any] = []

        await desk.commit(book)  # what was committed two seconds ago would not be told
        await until(lambda: taken.extend(desk.office.take_receipts(0)) or len(taken) == 2)
        assert [each.number for each in taken] == [0, 1]
        said = [(body["title"], body["message"], body["type"]) for _, body in site.came[-2:]]
        assert said == [
            ("FIRING a: it moved", "by much\nrunbook: r.md", "failure"),
            ("RESOLVED a: it moved", "by much\nrunbook: r.md", "success"),
        ]


@pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")  # a module that Apprise imports
def test_an_address_that_apprise_does_not_know_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"notify.apprise_urls: apprise-0 is no address that Apprise knows") as caught:
        Messenger("apprise-0", Secret("nosuch://hunter2@host"), 1.0)
    assert "hunter2" not in str(caught.value)
    assert json.dumps(receivers_of(NotifySettings(apprise_urls=Secret("json://hunter2@host"))).messages).count("hunter2") == 0
