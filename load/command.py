"""``python -m load``: the arguments, the environment's defaults, the exit code.

Exit 0: sent, and where it was verified, nothing was wrong. 1: something was wrong, or the broker was not there. 2: wrong usage.
Human text goes to stderr, the report to stdout.
"""

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aiokafka.errors import KafkaError

from load.flights.faults import FAULTS, parse_start
from load.flights.replay import Flights, FlightsSpec, flights_configuration
from load.generator import Synthetic
from load.report import Report, as_json, human
from load.run import Run, newest_event_ms, partition_count, run
from load.scenarios import PRIMING_WINDOWS, SCENARIOS, Pairing, ScenarioError, Spec
from schemas.cloudevents import rfc3339

__all__ = ["main"]

FLIGHTS = "flights"
_EXIT_CODES = "exit codes: 0 done, 1 failed, 2 wrong usage"


def _parser() -> argparse.ArgumentParser:
    env = os.environ.get
    lines = [f"  {name:14}{scenario.summary}" for name, scenario in SCENARIOS.items()]
    lines.append(f"  {FLIGHTS:14}336,776 real flights from New York in 2013: late or not, a live and a learning shadow model")
    faults = [f"  {name:14}{fault.summary}" for name, fault in FAULTS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m load",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Send the traffic of a named, seeded scenario to Kafka, and check what the service makes of it.",
        epilog="\n".join(["scenarios:", *lines, "", "faults of the flights:", *faults, "", _EXIT_CODES]),
    )
    add = parser.add_argument
    add("--scenario", required=True, choices=[*SCENARIOS, FLIGHTS], metavar="NAME", help="what to send; see below")
    add("--requests", type=_positive, metavar="N", help="requests to send (default: the scenario's own; flights: all)")
    add("--rate", type=_not_negative, default=0.0, metavar="R", help="events a second, 0 = as fast as possible (default 0)")
    add("--seed", type=int, default=1, metavar="S", help="the same seed gives the same traffic (default 1)")
    add("--models", type=_positive, default=None, metavar="K", help="spread the requests over K models (default 1, mixed: 4)")
    add("--start", type=int, metavar="MS", help="event time of the first request in ms (default: it ends now)")
    servers, prefix = env("GNOMON_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092"), env("GNOMON_TOPICS__PREFIX", "")
    add("--bootstrap-servers", default=servers, metavar="H:P", help="default %(default)s")
    add("--prefix", default=prefix, metavar="P", help="in front of each topic's name (default %(default)r)")
    add("--verify", action=argparse.BooleanOptionalAction, default=True, help="check pairs and dead letters (default)")
    add("--verify-alerts", action="store_true", help="check the alerts too; all roles have to run")
    add("--report", type=Path, metavar="FILE", help="write the report as JSON to FILE too")
    add("--json", action="store_true", help="the report as one line of JSON on stdout in place of text")
    for name, default in (("window", 10_000), ("grace", 2_000), ("deduplication", 60_000)):
        value = int(env(f"GNOMON_PAIRING__{name.upper()}_MS", str(default)))
        add(f"--{name}-ms", type=_positive, default=value, metavar="MS", help=f"the service's {name} (default %(default)s)")
    real = parser.add_argument_group("flights only")
    add = real.add_argument
    add("--speed", type=_not_negative, metavar="X", help="replay X times faster than the flights' own time, in place of --rate")
    add("--from", dest="first_day", default="2013-01-01", metavar="DAY", help="the first day that is sent (default %(default)s)")
    add("--fault", choices=list(FAULTS), metavar="KIND", help="break an input of the live model; see below")
    add("--fault-at", default="50%", metavar="AT", help="from this request (15000), share (50%%), minute (1m), second (60s)")
    add("--stationary", action="store_true", help="the same flights drawn at random, so that nothing ever drifts")
    add("--print-config", action="store_true", help="print the gnomon.toml that the flights need, and send nothing")
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more is allowed")
    return number


def _not_negative(text: str) -> float:
    if (number := float(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text}: 0 or more is allowed")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.print_config:
        print(flights_configuration(), end="")
        return 0
    if options.scenario != FLIGHTS and (options.fault or options.speed or options.stationary):
        parser.error(f"--fault, --speed and --stationary are for --scenario {FLIGHTS} only")
    gc.set_threshold(200_000, 50, 1_000)  # a truth of a million requests is not garbage: looking it through costs seconds
    try:
        report = asyncio.run(_run(options))
    except (ScenarioError, ValueError) as error:
        print(f"python -m load: {error}", file=sys.stderr)
        return 2
    except (KafkaError, LookupError, OSError, TimeoutError) as error:
        print(f"python -m load: {options.bootstrap_servers}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    if options.report:
        options.report.write_bytes(as_json(report) + b"\n")
    print(as_json(report).decode() if options.json else human(report))
    return 0 if report.passed else 1


async def _run(options: argparse.Namespace) -> Report:
    partitions = await partition_count(options.bootstrap_servers, options.prefix)
    newest_ms = await newest_event_ms(options.bootstrap_servers, options.prefix, partitions)
    pairing = Pairing(options.window_ms, options.grace_ms, options.deduplication_ms)
    traffic: Flights | Synthetic = (
        _flights(options, partitions, newest_ms)
        if options.scenario == FLIGHTS
        else _synthetic(options, partitions, pairing, newest_ms)
    )
    plan = Run(
        bootstrap_servers=options.bootstrap_servers,
        prefix=options.prefix,
        partitions=partitions,
        paced=bool(options.rate or options.speed),
        verify=options.verify or options.verify_alerts,
        verify_alerts=options.verify_alerts,
        seed=options.seed,
        requests=traffic.requests,
        scenario=options.scenario,
        pairing=pairing,
        bounds_silence=options.scenario == "silent_shadow",
        alert_slack_ms=int(traffic.span_s * 100),
    )
    return await run(traffic, plan)


def _synthetic(options: argparse.Namespace, partitions: int, pairing: Pairing, newest_ms: int) -> Synthetic:
    scenario = SCENARIOS[options.scenario]
    models = options.models or (4 if scenario.second_shadow else 1)
    spec = Spec(scenario, options.requests or scenario.requests, options.seed, options.rate, models, partitions, 0, pairing)
    return Synthetic(replace(spec, start_ms=_start_ms(options, spec, newest_ms)))


def _start_ms(options: argparse.Namespace, spec: Spec, newest_ms: int) -> int:
    """Event time goes along with the clock where records are sent at a rate, else it ends now; it never goes back."""
    if options.start is not None:
        return int(options.start)
    now_ms = time.time_ns() // 1_000_000
    start_ms = now_ms if options.rate and spec.stretch == 1 else now_ms - int(spec.event_span_s * 1000)
    return max(start_ms, newest_ms + PRIMING_WINDOWS * spec.pairing.window_ms + 2 * int(spec.pairing.limit_s * 1000))


def _flights(options: argparse.Namespace, partitions: int, newest_ms: int) -> Flights:
    spec = FlightsSpec(
        requests=options.requests,
        rate=options.rate,
        speed=options.speed or 0.0,
        seed=options.seed,
        first_day=options.first_day,
        fault=options.fault,
        fault_at=parse_start(options.fault_at),
        stationary=options.stationary,
        partitions=partitions,
        window_ms=options.window_ms,
    )
    flights = Flights(spec, say=lambda line: print(line, file=sys.stderr))
    if newest_ms > flights.start_ms:
        raise ValueError(
            f"the topics hold events up to {rfc3339(newest_ms)}, and event time cannot go back: give another --prefix"
        )
    return flights
