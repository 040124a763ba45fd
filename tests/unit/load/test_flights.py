from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from load.flights import legacy, shadow
from load.flights.course import Landed, in_own_time
from load.flights.faults import FAULTS, Start, parse_start
from load.flights.replay import Feed, Flights, FlightsSpec, flights_configuration
from load.flights.table import Table, read_table
from load.planned import LEGACY, OUTCOMES, SHADOW
from schemas.codec import PredictionDecoder
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder

JANUARY = 27_004


@pytest.fixture(scope="module")
def january() -> Table:
    return read_table(JANUARY)


def flights(table, **spec):
    return Flights(FlightsSpec(**spec), table=table)


def test_the_first_flight_is_the_first_flight(january):
    row = january.ids.index("UA-1545-20130101-EWR-0515")
    assert row == 0
    assert datetime.fromtimestamp(january.departs_ms[row] / 1000, UTC).isoformat() == "2013-01-01T10:17:00+00:00"
    assert (
        datetime.fromtimestamp(january.arrives_ms[row] / 1000, UTC).isoformat() == "2013-01-01T14:30:00+00:00"
    )  # 8:30 in Houston
    assert {name: column[row] for name, column in january.numbers.items()} == {
        "dep_delay": 2, "distance": 1400, "scheduled_minutes": 244, "hour": 5, "temperature": 39.02,
        "wind": 12.658579999999999, "precipitation": 0, "visibility": 10,
    }  # fmt: skip


def test_the_table_is_in_order_and_its_ids_are_unique(january):
    assert len(january) == len(set(january.ids)) == JANUARY
    assert (np.diff(january.departs_ms) >= 0).all()
    arrived = january.arrives_ms >= 0
    minutes = (january.arrives_ms - january.departs_ms)[arrived] / 60_000
    assert 20 < minutes.min() < minutes.max() < 800
    assert np.isnan(january.arrival_delay[~arrived]).all()


def test_cancelled_flights_have_no_delay_and_no_outcome(january):
    cancelled = np.isnan(january.numbers["dep_delay"])
    assert 400 < cancelled.sum() < 700
    assert (january.arrives_ms[cancelled] == -1).all()


def test_the_live_model_knows_something(january):
    model = legacy.fit(january)
    rows = np.arange(len(january))
    chance = model.predict(legacy.Inputs.of(january, rows))
    arrived = january.arrives_ms >= 0
    assert (chance[arrived & january.late]).mean() > (chance[arrived & ~january.late]).mean() + 0.4
    assert abs(chance[arrived].mean() - january.late[arrived].mean()) < 0.01
    assert (model.weights == legacy.fit(january).weights).all()


def test_the_shadow_learns_only_from_what_has_landed(january):
    learner = shadow.ShadowModel(january)
    told = []
    for row in range(500):
        now_ms = int(january.departs_ms[row])
        landed = learner.landed_by(now_ms)
        assert all(january.arrives_ms[k] <= now_ms for k in landed)
        told += landed
        if not told:
            assert learner.answer(row) == 0.5
        else:
            learner.answer(row)
    assert told == sorted(told, key=lambda k: (january.arrives_ms[k], k))
    assert len(told) == len(set(told)) > 200


def test_the_same_spec_gives_the_same_bytes(january):
    first, second = (list(flights(january, requests=2_000, seed=3).events()) for _ in range(2))
    assert first == second


def test_each_flight_is_answered_twice_and_told_once_where_it_arrived(january):
    traffic = flights(january, requests=3_000)
    counts = Counter(record.topic for record in traffic.events())
    assert counts[LEGACY] == counts[SHADOW] == 3_000
    assert counts[OUTCOMES] == int((january.arrives_ms[:3_000] >= 0).sum())
    assert traffic.truth.statuses() == {"paired": 3_000}


@pytest.mark.parametrize("spec", [{"requests": 1_500}, {"requests": 1_500, "stationary": True}])
def test_the_service_takes_every_record(january, spec):
    predictions, outcomes = PredictionDecoder(Limits()), OutcomeDecoder(Limits())
    for record in flights(january, **spec).events():
        source = SimpleNamespace(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers)
        message = outcomes(source) if record.topic == OUTCOMES else predictions(source)
        assert message.request_id == record.key.decode()
        assert message.timestamp == record.timestamp_ms


def test_an_outcome_follows_its_flight_and_says_how_late_it_was(january):
    left = {}
    for record in flights(january, requests=2_000).events():
        if record.topic == LEGACY:
            left[record.key] = record.timestamp_ms
        elif record.topic == OUTCOMES:
            told = orjson.loads(record.value)
            assert told["timestamp"] > left[record.key]
            assert told["label"] is (told["kpis"]["arrival_delay_minutes"] > 15)


def features(records, topic):
    found = []
    for record in records:
        if record.topic == topic:
            body = orjson.loads(record.value)
            found.append((body.get("data", body))["features"])
    return found


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_breaks_what_legacy_is_fed_from_its_request_on_and_nothing_else(january, kind):
    whole = list(flights(january, requests=1_000).events())
    traffic = flights(january, requests=1_000, fault=kind, fault_at=Start("request", 600))
    broken = list(traffic.events())
    before, after = features(whole, LEGACY), features(broken, LEGACY)
    name = FAULTS[kind].signal.split("/")[1]
    changed = [k for k in range(1_000) if before[k] != after[k]]
    assert min(changed) >= 600
    assert len(changed) > 100
    assert all({n for n in before[k] if before[k][n] != after[k][n]} == {name} for k in changed)
    assert features(whole, SHADOW) == features(broken, SHADOW)
    assert traffic.truth.alerts[0].signal == FAULTS[kind].signal
    assert traffic.truth.change_ms == traffic.truth.alerts[0].from_ms == int(january.departs_ms[600])


def test_delays_in_seconds_make_the_live_model_sure_of_itself(january):
    records = list(flights(january, requests=1_000, fault="seconds", fault_at=Start("request", 500)).events())
    answers = [orjson.loads(r.value) for r in records if r.topic == LEGACY]
    answers = [body.get("data", body)["prediction"] for body in answers]
    extreme = [sum(p < 0.01 or p > 0.99 for p in part) / 500 for part in (answers[:500], answers[500:])]
    assert extreme[0] < 0.1 < 0.8 < extreme[1]


def test_the_stationary_control_draws_flights_independently(january):
    traffic = flights(january, requests=40_000, stationary=True)
    records = list(traffic.events())
    assert traffic.truth.quiet_otherwise
    times = [r.timestamp_ms for r in records if r.topic == LEGACY]
    assert times == sorted(times)
    temperature = np.array([f["temperature"] or np.nan for f in features(records, LEGACY)])
    halves = np.nanmean(temperature[:20_000]), np.nanmean(temperature[20_000:])
    assert abs(halves[0] - halves[1]) < 4 * np.nanstd(temperature) / np.sqrt(10_000)
    assert len({r.key for r in records}) == 40_000


def test_a_rate_and_a_speed_pace_the_sending(january):
    by_rate = [r.offset_s for r in flights(january, requests=500, rate=100.0).events()]
    assert by_rate == pytest.approx([k / 100 for k in range(len(by_rate))])
    by_speed = list(flights(january, requests=500, speed=3600.0).events())
    start_ms = by_speed[0].timestamp_ms
    assert all(abs((r.timestamp_ms - start_ms) / 3_600_000 - r.offset_s) < 1e-3 for r in by_speed)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("15000", Start("request", 15_000)),
        ("25%", Start("share", 0.25)),
        ("60s", Start("second", 60)),
        ("1.5m", Start("second", 90)),
    ],
)
def test_when_a_fault_begins(text, start, january):
    assert parse_start(text) == start
    traffic = flights(january, requests=1_000, rate=29.7, fault="stuck", fault_at=start)
    assert traffic.fault_from == {"15000": 15_000, "25%": 250, "60s": 600, "1.5m": 900}[text]


def test_a_wrong_start_says_what_is_allowed():
    with pytest.raises(ValueError, match="'soon': a request"):
        parse_start("soon")


def test_skipped_days_are_learnt_from_but_not_sent(january):
    traffic = flights(january, requests=200, first_day="2013-01-20")
    records = list(traffic.events())
    first_ms = min(r.timestamp_ms for r in records)
    assert datetime.fromtimestamp(first_ms / 1000, UTC).date().isoformat() == "2013-01-20"
    answers = [orjson.loads(r.value) for r in records if r.topic == SHADOW]
    assert all(body.get("data", body)["prediction"] != 0.5 for body in answers)
    assert not any(isinstance(h, Landed) and january.days[h.row] < "2013-01-19" for h in _course(january))


def _course(table):
    first = table.days.index("2013-01-20")
    return in_own_time(table, Feed(table, legacy.fit(table), None, 0), first, 200)


@pytest.mark.parametrize(("spec", "says"), [({"requests": 999_999}, "--stationary"), ({"first_day": "2014-05-01"}, "2014-05-01")])
def test_what_cannot_be_replayed_is_refused(january, spec, says):
    with pytest.raises(ValueError, match=says):
        flights(january, **spec)


def test_the_configuration_names_the_shadow():
    assert '[models.flight-delay]\nshadows = ["online-1"]' in flights_configuration()
