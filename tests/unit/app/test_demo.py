import orjson

from app.config import load as load_config
from app.demo import stage
from app.demo.story import BROKEN, COUNT_EVERY_S, Story

MODEL = {"name": "flight-delay", "version": "2013.01", "shadow_versions": ["online-1"]}


def pair(number=1, status="paired", timestamp=1_377_000_000_000):
    return "pairs", {"request_id": f"UA-{number}", "status": status, "timestamp": timestamp}


def statistics(state, kind="feature", name="dep_delay", role="legacy", version="2013.01"):
    signal = {"kind": kind, "name": name}
    return "drift.statistics", {"version": version, "role": role, "signal": signal, "detector": {"state": state}}


def alert(status="firing", signal=BROKEN):
    labels = {"alertname": "FeatureDrift", "severity": "warning", "signal": signal}
    return "alerts", {"data": {"labels": labels, "status": status, "annotations": {"summary": "dep_delay moved"}}}


def trigger():
    window = {
        "start": 1_377_000_000_000,
        "end": 1_377_090_000_000,
        "events": 912,
        "offsets": [{"partition": 2, "start": 7, "end": 919}],
    }
    return "retrain.triggers", {"data": {"model": MODEL, "reason": {"code": "data_drift"}, "window": window}}


def told(story, *records, now_s=1.0):
    return [line for topic, body in records for line in story.take(topic, orjson.dumps(body), now_s)]


def test_the_first_pair_is_told_and_the_others_are_counted():
    story = Story(warm_up=3)
    lines = told(story, pair(1), pair(2), pair(3), pair(4, status="legacy_only"))
    assert lines == ["first flight paired: UA-1, live and shadow model side by side"]
    assert not list(story.count(5.0))
    assert list(story.count(1.0 + COUNT_EVERY_S)) == [
        "3 flights paired, 1 not; in the data it is 20 August 2013; warming up, 3 of 3",
    ]


def test_the_producers_priming_requests_are_passed_over():
    story = Story(warm_up=3)
    assert not told(story, ("pairs", pair()[1] | {"request_id": "prime-1-2"}))
    assert not list(story.count(100.0))


def test_the_warm_up_is_done_when_no_signal_is_warming():
    story = Story(warm_up=7_000)
    assert not told(story, statistics("warming"), statistics("warming", name="wind"), statistics("quiet"))
    assert told(story, statistics("quiet", name="wind")) == [
        "warm-up done: 2 signals have a reference of 7,000 flights and are watched",
    ]
    assert not told(story, statistics("quiet", name="wind"))


def test_a_drift_is_told_once_an_episode():
    story = Story(warm_up=1)
    told(story, statistics("quiet"))
    lines = told(story, statistics("drift"), statistics("drift"), statistics("quiet"), statistics("drift"))
    assert lines == ["DRIFT in feature dep_delay of legacy model 2013.01"] * 2


def test_a_trigger_says_what_to_train_on():
    (line,) = told(Story(1), trigger())
    assert line.startswith("RETRAIN TRIGGER for flight-delay 2013.01: data_drift; its window holds 912 flights ")
    assert line.endswith("from 20 August 2013 to 21 August 2013, partition 2 [7, 919)")


def test_the_story_is_complete_when_all_that_follows_from_the_fault_was_seen():
    story = Story(warm_up=1)
    told(story, pair(), statistics("drift"), alert(), trigger())  # before the fault: none of it counts but the pair
    assert not story.is_complete
    assert story.awaited == ["the fault", "its drift", "a firing alert", "a trigger"]
    assert story.fault("Newark stopped sending departure delays", 10.0).startswith("FAULT INJECTED NOW: Newark")
    told(story, statistics("quiet"))
    lines = told(story, statistics("drift"), alert(), now_s=12.0)
    assert all(line.endswith(", 2 s after the fault") for line in lines)
    assert story.awaited == ["a trigger"]
    told(story, trigger())
    assert story.is_complete


def test_an_alert_of_another_signal_and_a_resolved_one_are_not_the_awaited_one():
    story = Story(warm_up=1)
    story.fault("x", 0.0)
    assert told(story, alert(signal="feature/wind"), alert(status="resolved"))[1].startswith("alert resolved: FeatureDrift")
    assert "a firing alert" in story.awaited


def test_the_demos_configuration_is_one_that_the_service_takes(tmp_path):
    file = tmp_path / "gnomon.toml"
    file.write_text(stage._configuration(), "utf-8")
    model = load_config(file=str(file), environ={}).config.model("flight-delay")
    assert model.shadows == ("online-1",)
    assert model.drift.warm_up == stage.WARM_UP
    assert model.drift.least_effect == stage.LEAST_EFFECT


def test_the_users_own_settings_do_not_reach_the_demos_processes(monkeypatch, tmp_path):
    class Servers:
        bootstrap_servers, redis_url = "127.0.0.1:1", "redis://127.0.0.1:2"

    monkeypatch.setenv("GNOMON_TOPICS__PREFIX", "mine.")
    monkeypatch.setenv("GNOMON_KAFKA__BOOTSTRAP_SERVERS", "production:9092")
    found = stage._environment(Servers(), tmp_path / "gnomon.toml", 8099)
    assert {name: value for name, value in found.items() if name.startswith("GNOMON_")} == {
        "GNOMON_CONFIG": str(tmp_path / "gnomon.toml"),
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "GNOMON_REDIS__URL": "redis://127.0.0.1:2",
        "GNOMON_TOPICS__PARTITIONS": "4",
        "GNOMON_WEB__HOST": "127.0.0.1",
        "GNOMON_WEB__PORT": "8099",
    }
