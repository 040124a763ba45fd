"""A year of real flights through the whole service: which alerts and triggers there were, to be read beside what happened.

    python -m tests.benchmarks.flights_year [--config FILE] [--from 2013-01-01] [--requests N]

Starts Kafka and Redis, one worker with pair, detect and decide, and sends the 336,776 flights that left New York in 2013 with
their answers and outcomes as fast as they are taken; some minutes. There is one partition: with more, what is sent at full speed
would be days out of order. Then it prints every alert that was told, with when it began
and ended in event time, and every retrain trigger; last, how many of each there were. The configuration is one that an owner of
this model would choose (``TOML``), or the one in ``FILE``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.dev.servers import Servers
from load.flights.replay import flights_configuration
from tests.integration.committed import read_all
from tests.integration.harness import ROOT, Service, eventually

PREFIX = "year."
DAY_S = 86_400
SETTINGS = {
    "GNOMON_TOPICS__PARTITIONS": "1",
    "GNOMON_PAIRING__WINDOW_MS": "60000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": "120000",
}
#: Four weeks of warm-up; what comes with the season is not watched as a feature; volume by half hours, since flights leave at
#: round minutes; answers are known with the arrival.
TOML = f"""{flights_configuration()}
[models.flight-delay.drift]
warm_up_ms = {28 * DAY_S * 1000}
false_alarms_per_week = 0.25
least_effect = 0.2
label_delay_ms = {14 * 3_600_000}
ignored_features = ["hour", "day_of_week", "month"]
volume_interval_ms = 1800000
volume_warm_up = {28 * 48}
"""


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="a gnomon.toml in place of TOML")
    parser.add_argument("--from", dest="first_day", default="2013-01-01")
    parser.add_argument("--requests", type=int)
    options = parser.parse_args()
    with Servers(log=lambda line: print(line, file=sys.stderr)) as servers, tempfile.TemporaryDirectory() as folder:
        alerts, triggers = play(servers, Path(folder), options)
    tell(alerts, triggers)


def play(servers: Servers, folder: Path, options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the topics hold in the end."""
    toml = TOML if options.config is None else options.config.read_text()
    with Service(servers, PREFIX, folder, toml=toml, settings=SETTINGS, create=False) as service:
        create = [sys.executable, "-m", "app", "topics", "create"]
        subprocess.run(create, cwd=ROOT, env=service.environment, check=True, stdout=subprocess.DEVNULL)
        worker = service.worker("pair", "detect", "decide").ready()
        command = [sys.executable, "-m", "load", "--scenario", "flights", "--no-verify", "--from", options.first_day]
        command += ["--bootstrap-servers", servers.bootstrap_servers, "--prefix", PREFIX]
        command += ["--requests", str(options.requests)] if options.requests else []
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        eventually(lambda: sum(worker.metric("gnomon_lag_records").values()) == 0, 1_800, worker.log)
        worker.terminate()
    return list(events(servers, "alerts")), list(events(servers, "retrain.triggers"))


def events(servers: Servers, topic: str) -> Iterator[dict[str, Any]]:
    """The payloads on a topic, oldest first, with the event time of the envelope."""
    for record in read_all(servers.bootstrap_servers, PREFIX, topic, partitions=1):
        event = msgspec.json.decode(record.value or b"")
        yield {"time": event["time"], **event["data"]}


def tell(alerts: list[dict[str, Any]], triggers: list[dict[str, Any]]) -> None:
    """Alerts by their beginning, triggers by their time, then the counts."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for alert in alerts:
        told[alert["fingerprint"], alert["startsAt"]] = alert
    for alert in sorted(told.values(), key=lambda each: each["startsAt"]):
        ended = alert.get("endsAt", "")[:16] if alert["status"] == "resolved" else "fires"
        severity, name = alert["labels"]["severity"], alert["labels"]["alertname"]
        print(f"{alert['startsAt'][:16]}  {ended:16}  {severity:8}  {name:18}  {alert['annotations']['summary']}")
    print()
    for trigger in sorted(triggers, key=lambda each: each["time"]):
        reason = trigger["reason"]
        print(f"{trigger['time'][:16]}  {reason['code']:16}  {trigger['window']['events']:6}  {reason['detail']}")
    print()
    for name, severity in sorted({(each["labels"]["alertname"], each["labels"]["severity"]) for each in told.values()}):
        count = sum(each["labels"]["alertname"] == name for each in told.values())
        print(f"{count:5}  {severity:8}  {name}")
    print(f"{len(told):5}  alerts, {sum(each['labels']['severity'] == 'critical' for each in told.values())} of them pages")
    print(f"{len(triggers):5}  triggers: {dict(Counter(each['reason']['code'] for each in triggers))}")


if __name__ == "__main__":
    main()
