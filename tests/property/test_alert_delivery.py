"""Every last state reaches every receiver at the end, and every change every messenger, whatever happens in between.

Anything may happen in any order: alerts fire and resolve, receivers come and go, refuse one alert, lose all that they know; the
worker commits, or crashes and goes on from its last commit. Then all is calm for a while, and what is known must be true.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.notify import NotifyFold
from app.domain.delivery.alert_book import AlertBook
from app.folds.fold import Silent
from schemas.alert import AlertStatus
from tests.alert_delivery_world import RECEIVERS, World, record
from tests.decide_builders import as_run

NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)
SAYS = [("say", name, status) for name in NAMES for status in ("firing", "resolved")]
WORKS = [
    ("read", 2),
    ("read", 100),
    ("read", 100),
    ("commit",),
    ("commit",),
    ("deliver",),
    ("deliver",),
    ("wait", 30),
    ("wait", 90),
]
SWITCHES = [("switch", name) for name in (*RECEIVERS.states, "chat")]
REFUSALS = [("refuse", name, alert) for name in RECEIVERS.states for alert in NAMES]
TROUBLES = [("crash",), ("wait", 300), ("wait", 1_000), *SWITCHES]
#: By how often each comes: work has to get somewhere between two troubles, or nothing is seen.
steps: st.SearchStrategy[tuple[object, ...]] = st.sampled_from([*SAYS, *WORKS * 4, *TROUBLES, *REFUSALS])
#: Short lists, as they come by themselves, hold too little that can meet.
scripts = st.lists(steps, min_size=50, max_size=120)


def do(world: World, step: tuple[object, ...]) -> None:
    match step:
        case ("say", str(name), "firing" | "resolved" as status):
            world.say(name, status)
        case ("read", int(most)):
            world.read(most)
        case ("wait", int(seconds)):
            world.now_s += seconds
        case ("crash",):
            world.start()
        case ("switch", "chat"):
            world.chat_up = not world.chat_up
        case ("switch", str(name)):
            world.managers[name].up = not world.managers[name].up
        case ("refuse", str(name), str(alert)):
            world.managers[name].refuses = alert
        case ("commit",):
            world.commit()
        case _:
            world.deliver()


@given(scripts)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_last_state_and_every_change_arrives(script: list[tuple[object, ...]]) -> None:
    world = World()
    world.commit()  # the role has begun on an empty log: there is no history
    for step in script:
        do(world, step)
    world.calm()
    last = {entry.key: entry for entry in world.log}
    fires = {str(key, "utf-8") for key, entry in last.items() if b'"status":"firing"' in (entry.value or b"") if key is not None}
    for manager in world.managers.values():
        assert manager.fires(world.now_s) == fires
    assert world.told == set(range(len(world.log)))
    book = AlertBook.load(world.saved[0] or b"")
    assert (book.firing.keys(), book.resolves, book.messages) == (fires, {}, {}), "nothing is told for ever but what fires"
    later = world.now_s + 1_000
    assert [{entry.key for entry in box.batch(later, [0])} for box in world.boxes] == [fires, fires, set()]


@given(st.lists(st.tuples(names, st.sampled_from(["firing", "resolved"])), min_size=5, max_size=30), st.data())
def test_the_book_does_not_depend_on_how_the_log_was_cut(said: list[tuple[str, AlertStatus]], data: st.DataObject) -> None:
    log = [record(offset, name, status, 1_000 + offset) for offset, (name, status) in enumerate(said)]
    whole, parts = (NotifyFold(0, RECEIVERS, lambda _: ()) for _ in range(2))
    for fold in (whole, parts):
        fold.restore(None, None, [0])
    whole.feed(0, as_run(log, 0, len(log)), Silent())
    at = 0
    while at < len(log):
        end = data.draw(st.integers(at + 1, len(log)))
        parts.feed(0, as_run(log[at:end], at, end), Silent())
        at = end
        saved = parts.save()
        parts = NotifyFold(0, RECEIVERS, lambda _: ())
        parts.restore(saved, None, [at])
    assert parts.save() == whole.save()
