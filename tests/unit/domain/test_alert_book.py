"""What the role `notify` keeps of alerts, its bounds, and what it does with each stretch of the log."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from agents.notify import NotifyFold
from app.domain.delivery.alert_book import BOUNDS, AlertBook, Bounds, Receipt, Receivers
from app.domain.delivery.held_alert import ALERT_BYTES, HeldAlert
from app.domain.delivery.mailbox import RESOLVE_HELD_MS, state_mailbox
from app.folds.fold import Run, Silent
from schemas.alert import AlertStatus
from tests.alert_delivery_world import RECEIVERS, RESEND_S, World, record
from tests.decide_builders import LogRecord, as_run

KEPT = (RECEIVERS, BOUNDS)


@pytest.mark.parametrize("kind", ["firing", "resolves", "messages"])
def test_the_book_is_bounded_and_counts_what_its_bounds_refuse(kind: str) -> None:
    bounds = Bounds(**{name: 3 if name == kind else 100 for name in ("firing", "resolves", "messages")})
    fold = NotifyFold(0, RECEIVERS, lambda _: (), bounds)
    fold.restore(None, None, [0])
    fold.sees_ends([True], 0)
    fold.idle([0], Silent())
    status: AlertStatus = "resolved" if kind == "resolves" else "firing"
    log = [record(offset, f"n{offset}", status, 1_000) for offset in range(5)]
    fold.feed(0, as_run(log, 0, 5), Silent())
    book = AlertBook.load(fold.save())
    assert book.refused == 2
    kept = {"firing": ["n0", "n1", "n2"], "resolves": ["n2", "n3", "n4"], "messages": [2, 3, 4]}[kind]
    assert list(getattr(book, kind)) == kept


def test_of_history_only_what_still_fires_is_told() -> None:
    fold = NotifyFold(0, RECEIVERS, lambda _: ())
    fold.restore(None, None, [0])
    said: list[tuple[str, AlertStatus]] = [("a", "firing"), ("b", "firing"), ("a", "resolved"), ("b", "firing")]
    log = [record(offset, name, status, offset) for offset, (name, status) in enumerate(said)]
    fold.feed(0, as_run(log, 0, 4), Silent())
    assert not AlertBook.load(fold.save()).current, "nothing is told before all is read"
    fold.sees_ends([True], 0)
    assert fold.idle([0], Silent())
    assert not fold.idle([0], Silent()), "a commit for nothing"
    book = AlertBook.load(fold.save())
    assert (list(book.firing), list(book.resolves), list(book.messages)) == (["b"], [], [3])
    assert book.firing["b"].fired_ms == 1, "told again, it began when it was told first"
    fold.feed(0, as_run([record(4, "b", "resolved", 9)], 4, 5), Silent())
    assert list(AlertBook.load(fold.save()).resolves) == ["b"]


def test_receivers_that_are_new_are_owed_every_resolve_and_those_that_are_gone_nothing() -> None:
    fold = NotifyFold(0, RECEIVERS, lambda _: ())
    fold.restore(None, None, [0])
    fold.sees_ends([True], 0)
    fold.idle([0], Silent())
    fold.feed(0, as_run([record(0, "a", "firing", 1), record(1, "a", "resolved", 2)], 0, 2), Silent())
    other = NotifyFold(0, Receivers(("am-2", "am-3")), lambda _: ())
    other.restore(fold.save(), None, [2])
    book = AlertBook.load(other.save())
    assert (book.resolves["a"].owed, book.messages) == ({"am-2": None, "am-3": None}, {})
    nobody = NotifyFold(0, Receivers(), lambda _: ())
    nobody.restore(other.save(), None, [2])
    assert AlertBook.load(nobody.save()).resolves == {}


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"{}", b"not json", b'{"data":{"labels":{},"fingerprint":"f","status":"firing"}}',
        b'{"data":{"labels":{"alertname":"A","score":1.3},"fingerprint":"f","status":"firing"}}',
        b'{"data":{"labels":{"alertname":"A"},"fingerprint":"f","status":"firing","annotations":{"d":"' + b"x" * 9_000 + b'"}}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_counted_and_passed_over(value: bytes | None) -> None:
    fold = NotifyFold(0, RECEIVERS, lambda _: ())
    fold.restore(None, None, [0])
    run = Run([LogRecord(0, 1, b"f", value), record(1, "a", "firing", 2)])
    run.start, run.end = 0, 2
    fold.feed(0, run, Silent())
    assert (fold.figures()["unreadable_records_total"], fold.figures()["alerts_firing"]) == (1, 1)


def test_an_alert_that_is_small_enough_to_fire_is_small_enough_to_end() -> None:
    changes: list[tuple[AlertStatus, int]] = [("firing", 1_790_000_000_000), ("resolved", 100_000_000_000_000)]
    fired = []
    for size in range(ALERT_BYTES - 400, ALERT_BYTES):
        fold, firing = NotifyFold(0, RECEIVERS, lambda _: ()), []
        fold.restore(None, None, [0])
        for offset, (status, at_ms) in enumerate(changes):
            told = record(offset, "a", status, at_ms)
            value = (told.value or b"").replace(b'"summary":"a"', b'"summary":"' + b"a" * size + b'"')
            fold.feed(0, as_run([told._replace(value=value)], offset, offset + 1), Silent())
            firing.append(fold.figures()["alerts_firing"])
        assert firing[1] == 0
        fired.append(firing[0])
    assert set(fired) == {0, 1}


def begun() -> World:
    """A worker that has read all there is, and told it: `a` fires."""
    world = World()
    world.commit()
    world.say("a", "firing")
    world.read(1)
    world.commit()
    world.deliver()
    return world


def test_what_fires_again_before_its_resolve_was_told_is_told_as_firing() -> None:
    world = begun()
    for status in ("resolved", "firing"):
        world.say("a", status)
    world.read(2)
    world.commit()
    world.deliver()
    assert world.managers["am-1"].fires(world.now_s) == {"a"}
    assert AlertBook.load(world.fold.save()).resolves == {}


def test_a_receipt_of_an_earlier_resolve_is_none_of_a_later_one() -> None:
    world = begun()
    world.say("a", "resolved")
    world.read(1)
    first = AlertBook.load(world.fold.save()).resolves["a"].alert.ended_ms or 0
    world.now_s += 10
    for status in ("firing", "resolved"):
        world.say("a", status)
    world.read(2)
    world.receipts = [Receipt("am-1", "a", first, world.now_s * 1000, over=True)]
    world.commit()
    assert AlertBook.load(world.fold.save()).resolves["a"].owed == {"am-1": None, "am-2": None}


def test_when_a_resolve_was_first_taken_outlives_a_crash() -> None:
    world = begun()
    world.say("a", "resolved")
    world.read(1)
    world.commit()
    world.deliver()
    first_ms = world.now_s * 1000
    world.commit()
    world.now_s += RESOLVE_HELD_MS // 2000
    world.start()
    world.commit()
    world.deliver()
    world.commit()
    assert AlertBook.load(world.fold.save()).resolves["a"].owed == {"am-1": first_ms, "am-2": first_ms}
    world.now_s += RESOLVE_HELD_MS // 2000
    world.deliver()
    world.commit()
    assert AlertBook.load(world.fold.save()).resolves == {}


def test_a_book_that_does_not_know_the_present_is_not_told() -> None:
    world = begun()
    world.start()
    for box in world.boxes:
        box.put(0, AlertBook.load(world.fold.save()))
        assert box.next_due() is None
    world.commit()
    assert world.boxes[0].next_due() == 0.0


def told_by_a_slow_one(alerts: int, *, bad: int = 0) -> tuple[dict[str, list[int]], int | None]:
    """When (s) each alert was told within an hour to a receiver that takes ten a second and refuses the first ``bad``, and when
    that the last one is over, which it is after half an hour.
    """
    book, box = AlertBook(begun=True, current=True), state_mailbox("am-1", RESEND_S)
    for number in range(alerts):
        book.take(HeldAlert(fingerprint=str(number), labels={}, annotations={}, generator_url="", fired_ms=1), number, *KEPT)
    told: dict[str, list[int]] = {fingerprint: [] for fingerprint in book.firing}
    over_at = None
    box.put(0, book)
    for now_s in range(3_600):
        if now_s == 1_800:
            last = book.firing[str(alerts - 1)]
            book.take(msgspec.structs.replace(last, ended_ms=2), alerts, *KEPT)
            box.put(0, book)
        for entry in box.batch(now_s, [0], 10):
            told[entry.key].append(now_s)
            if entry.alert.status == "resolved" and over_at is None:
                over_at = now_s
            box.done([entry], now_s * 1000, now_s + 1, taken=int(entry.key) >= bad)
    return told, over_at


def longest_silence(times: list[int]) -> int:
    return max(later - earlier for earlier, later in pairwise([0, *times, 3_600]))


def test_a_slow_receiver_is_told_all_in_turn_and_what_is_new_at_once() -> None:
    told, over_at = told_by_a_slow_one(1_000)
    assert max(map(longest_silence, told.values())) <= 101
    assert over_at == 1_800


def test_what_a_slow_receiver_refuses_neither_holds_up_the_others_nor_waits_for_ever() -> None:
    told, over_at = told_by_a_slow_one(1_000, bad=100)
    assert max(longest_silence(times) for name, times in told.items() if int(name) >= 100) <= 200
    assert max(longest_silence(told[str(number)]) for number in range(100)) <= 300
    assert over_at is not None
    assert over_at - 1_800 <= 1


def test_what_was_refused_goes_alone() -> None:
    world = begun()
    for name in ("b", "c"):
        world.say(name, "firing")
    world.read(2)
    world.commit()
    box, at = world.boxes[0], world.now_s + RESEND_S
    [bad] = [entry for entry in box.batch(at, [0]) if entry.key == "b"]
    box.done([bad], 0, world.now_s, taken=False)
    assert [entry.key for entry in box.batch(at, [0])] == ["a", "c"]
    box.done(box.batch(at, [0]), 0, at, taken=True)
    assert [entry.key for entry in box.batch(at, [0])] == ["b"]
