"""What a rate of events needs, computed from what was measured: the table in ``docs/scale.md``.

    python -m tests.benchmarks.sizing [--write]

One set of topics is a *cell*. Within a cell every partition of the pair role writes to as many partitions of ``pairs`` as
models and their shards are spread over, and every transaction ends with a marker in each of them: markers grow with the
square of the partitions. So a cell has a largest number of partitions; beyond that models are dealt out to several cells.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["MEASURED", "PAGE", "RATES", "Measured", "Plan", "constants_table", "page", "plan", "plans_table"]

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
DAY_S = 86_400
SHARDS_AT_MOST = 64
SCALE = "`python -m tests.benchmarks.scale --only"
SOURCES = {
    "pair_events_cpu_s": "`make bench`",
    "detect_pairs_cpu_s": "`python -m tests.benchmarks.detection_control`",
    "half_bytes": f"{SCALE} memory`",
    "remembered_bytes": f"{SCALE} memory`",
    "worker_mib": f"{SCALE} broker`: resident size of a worker that has little to keep",
    "prediction_disk_bytes": f"{SCALE} broker`: an event on disk, snappy, in large batches",
    "pair_disk_bytes": f"{SCALE} broker`: a pair record on disk",
    "other_disk_bytes": f"{SCALE} broker`: all other topics, by event",
    "commit_cpu_ms": f"{SCALE} broker`: the worker's CPU for a transaction with little in it",
    "commit_disk_bytes": f"{SCALE} broker`: checkpoint and the broker's own topics, by transaction",
    "marker_bytes": "Kafka's format: a control batch",
    "broker_event_cpu_us": f"{SCALE} broker`: the broker's CPU by event, written and read by all roles",
    "broker_commit_cpu_ms": f"{SCALE} broker`: the broker's CPU for a transaction",
    "broker_marker_cpu_ms": f"{SCALE} broker`: and for each partition more that it writes to",
    "silent_events_s": f"{SCALE} restart`: events read again before a shard is live",
}


class Measured(NamedTuple):
    """Constants of one core of the machine on which they were measured; see the page for commands and conditions."""

    pair_events_cpu_s: float = 89_000
    detect_pairs_cpu_s: float = 48_000
    half_bytes: float = 1_151
    remembered_bytes: float = 515
    worker_mib: float = 150
    prediction_disk_bytes: float = 150
    pair_disk_bytes: float = 300
    other_disk_bytes: float = 10
    commit_cpu_ms: float = 3.0
    commit_disk_bytes: float = 1_500
    marker_bytes: float = 78
    broker_event_cpu_us: float = 3.0
    broker_commit_cpu_ms: float = 3.0
    broker_marker_cpu_ms: float = 0.2
    silent_events_s: float = 100_000


class Setting(NamedTuple):
    """What is chosen, not measured."""

    busy: float = 0.5
    partitions_of_cell: int = 64
    commit_s: float = 0.1
    window_s: float = 12.0
    unpaired: float = 0.02
    remembered_s: float = 60.0
    replicas: int = 3
    input_days: float = 7.0
    output_days: float = 30.0
    broker_cores: int = 8
    core_month: float = 30.0
    gib_month: float = 0.08


class Traffic(NamedTuple):
    """Events a second, models, and the hottest model's share of them."""

    events_s: float
    models: int
    hottest: float


MEASURED, SETTING = Measured(), Setting()
RATES = (Traffic(1e4, 10, 0.5), Traffic(1e6, 100, 0.2), Traffic(1e7, 1_000, 0.05))


class Plan(NamedTuple):
    """What it takes."""

    cells: int
    partitions: int
    shards: int
    pair_workers: int
    detect_workers: int
    worker_mib: float
    commits_s: float
    markers_s: float
    in_bytes_s: float
    out_bytes_s: float
    broker_cores: float
    brokers: int
    stored_tib: float
    rebuild_s: float
    cores_month: float
    disks_month: float


def plan(traffic: Traffic, measured: Measured = MEASURED, setting: Setting = SETTING) -> Plan:
    """See the module's text and the formulae of the page."""
    events, pairs = traffic.events_s, traffic.events_s / 2
    shards = math.ceil(traffic.hottest * pairs / (setting.busy * measured.detect_pairs_cpu_s))
    wanted = max(4, 2 ** math.ceil(math.log2(2 * events / (setting.busy * measured.pair_events_cpu_s))))
    cells = math.ceil(wanted / setting.partitions_of_cell)
    partitions = min(wanted, setting.partitions_of_cell)
    spread = min(partitions, max(1, math.ceil(traffic.models / cells)) + shards - 1)
    commits = cells * partitions / setting.commit_s  # of each role that commits to Kafka
    markers = commits * (spread + 2 + 3 + 3)  # pair; detect and decide write to one partition, checkpoint and offsets each
    commit_cores = commits * measured.commit_cpu_ms / 1000
    pair_workers = math.ceil((events / measured.pair_events_cpu_s + commit_cores) / setting.busy)
    detect_workers = math.ceil((pairs / measured.detect_pairs_cpu_s + 2 * commit_cores) / setting.busy)
    waiting = events * (1 - setting.unpaired) * 0.1 + events * setting.unpaired * setting.window_s
    state = waiting * measured.half_bytes + pairs * setting.remembered_s * measured.remembered_bytes
    stored_in = events * measured.prediction_disk_bytes
    stored_out = pairs * measured.pair_disk_bytes + events * measured.other_disk_bytes
    overhead = 3 * commits * measured.commit_disk_bytes + markers * measured.marker_bytes
    written = (stored_in + stored_out + overhead) * setting.replicas
    read = stored_in + stored_out + (setting.replicas - 1) * (stored_in + stored_out + overhead)
    broker_cores = (
        setting.replicas
        * (
            events * measured.broker_event_cpu_us / 1e6
            + 3 * commits * measured.broker_commit_cpu_ms / 1000
            + markers * measured.broker_marker_cpu_ms / 1000
        )
        / setting.busy
    )
    stored = setting.replicas * DAY_S * (stored_in * setting.input_days + stored_out * setting.output_days)
    rebuilt_s = events * (setting.window_s + setting.remembered_s) / pair_workers / measured.silent_events_s
    brokers = max(3, math.ceil(broker_cores / setting.broker_cores))
    cores = pair_workers + detect_workers + brokers * setting.broker_cores
    return Plan(
        cells, partitions, shards, pair_workers, detect_workers, measured.worker_mib + state / pair_workers / 2**20, 3 * commits,
        markers, written, read, broker_cores, brokers, stored / 2**40, rebuilt_s,
        cores * setting.core_month, stored / 2**30 * setting.gib_month,
    )  # fmt: skip


def limits(measured: Measured = MEASURED, setting: Setting = SETTING) -> list[tuple[float, str, str]]:
    """Events a second at which something is full, what it is, and what is done then; the first limit first."""
    worker, detect = setting.busy * measured.pair_events_cpu_s, 2 * setting.busy * measured.detect_pairs_cpu_s
    cell = setting.partitions_of_cell / 2 * worker
    return sorted(
        [
            (worker, "one worker of the pair role", "more workers, as many as there are partitions"),
            (4 / 2 * worker, "the 4 partitions of the default", "more partitions, chosen before there is data"),
            (detect, "one model on one core of detection", "`shards` of that model"),
            (SHARDS_AT_MOST * detect, f"a model's {SHARDS_AT_MOST} shards", "nothing: two models"),
            (
                cell,
                f"a cell of {setting.partitions_of_cell} partitions",
                "another cell: a prefix of its own, some of the models",
            ),
        ]
    )


def _table(head: str, rows: list[list[str]]) -> str:
    columns = head.count("|") + 1
    return "\n".join([f"| {head} |", "|---" * columns + "|", *("| " + " | ".join(row) + " |" for row in rows)])


def constants_table(measured: Measured = MEASURED) -> str:
    """Each constant and where it comes from."""
    rows = [[f"`{name}`", f"{value:,.10g}", SOURCES[name]] for name, value in measured._asdict().items()]
    return _table("constant | value | from", rows)


def limits_table() -> str:
    """The order of the limits."""
    return _table("events/s | what is full | what then", [[f"{rate:,.0f}", what, then] for rate, what, then in limits()])


def plans_table() -> str:
    """One column for each rate."""
    plans = [plan(each) for each in RATES]
    lines: list[tuple[str, Callable[[Plan], str]]] = [
        ("cells", lambda it: f"{it.cells:,}"),
        ("partitions of each topic in a cell", lambda it: f"{it.partitions}"),
        ("`shards` of the hottest model", lambda it: f"{it.shards}"),
        ("cores for the pair role, a worker each", lambda it: f"{it.pair_workers:,}"),
        ("cores for detect and decide, a worker each", lambda it: f"{it.detect_workers:,}"),
        ("memory of a pair worker, MiB", lambda it: f"{it.worker_mib:,.0f}"),
        ("transactions/s", lambda it: f"{it.commits_s:,.0f}"),
        ("transaction markers/s", lambda it: f"{it.markers_s:,.0f}"),
        ("written to the brokers with all replicas, MB/s", lambda it: f"{it.in_bytes_s / 1e6:,.0f}"),
        ("read from the brokers with replication, MB/s", lambda it: f"{it.out_bytes_s / 1e6:,.0f}"),
        ("cores of brokers", lambda it: f"{it.broker_cores:,.0f}"),
        ("brokers", lambda it: f"{it.brokers:,}"),
        ("on their disks, TiB", lambda it: f"{it.stored_tib:,.1f}"),
        ("a killed worker's partitions live after, s", lambda it: f"{it.rebuild_s:,.1f}"),
        ("cores, $ a month", lambda it: f"{it.cores_month:,.0f}"),
        ("disks, $ a month", lambda it: f"{it.disks_month:,.0f}"),
    ]
    head = " | ".join(
        ["", *(f"{each.events_s:,.0f} events/s, {each.models:,} models, the hottest {each.hottest:.0%}" for each in RATES)]
    )
    return _table(head, [[name, *(show(each) for each in plans)] for name, show in lines])


def page(text: str) -> str:
    """The page with its three tables as they are computed now."""
    for name, table in (("constants", constants_table()), ("limits", limits_table()), ("plans", plans_table())):
        begin, end = f"<!-- sizing: {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    if parser.parse_args().write:
        PAGE.write_text(page(PAGE.read_text()))
    else:
        print("\n\n".join((constants_table(), limits_table(), plans_table())))


if __name__ == "__main__":
    main()
