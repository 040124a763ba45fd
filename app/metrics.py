"""Every metric of the service in one place. Base units, labels from closed sets, series made at start so that zero is visible.

The runner reports with the methods; whoever serves the page uses the ``web_…`` metrics directly. Labels never hold what comes
with the traffic: no model, no version, no request id. What a label may be is bounded here and not by good will: the name of
a failure beyond the first ``REASONS_AT_MOST`` is counted as ``other``.

``docs/metrics.md`` lists all of them, and a test compares. To rename one is a breaking change: say it in the changelog.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from app.figures import Figures

__all__ = ["ROLES", "Metrics"]

ROLES = ("pair", "detect", "decide", "judge", "notify", "serve")
#: Why a shard is thrown away and opened again, as far as it is known beforehand.
FAILURES = ("fenced", "broker", "timeout", "lost", "log_cut", "fold", "other")
REASONS_AT_MOST = 32
PER_SHARD = ("role", "partition")
#: A commit takes 30 ms on a quiet broker; over 10 s the session is in danger.
COMMIT_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: A restart with 1.2 M events to replay takes 5 to 8 s.
REBUILD_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True)
class Metrics:
    """``Metrics.on(registry, …)`` makes them; a test brings a registry of its own."""

    registry: CollectorRegistry
    version: str
    build_info: Gauge
    role_ready: Gauge
    events_read: Counter
    commits: Counter
    commit_duration: Histogram
    last_commit: Gauge
    lag_records: Gauge
    rebuild_duration: Histogram
    shard_failures: Counter
    watchdog_stalls: Counter
    redis_waiting: Gauge
    notify_delivered: Counter
    notify_failures: Counter
    notify_last_success: Gauge
    web_requests: Counter
    web_request_duration: Histogram
    web_clients: Gauge
    web_clients_refused: Counter
    web_clients_dropped: Counter
    web_refused: Counter
    web_samples_refused: Counter
    shown_figures: Figures
    _reasons: set[str]
    _waiting: set[int]

    @classmethod
    def on(cls, registry: CollectorRegistry, version: str, roles: Iterable[str] = ROLES) -> "Metrics":
        """All metrics on ``registry``, with the series of ``roles`` at zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody reads
        metrics = _metrics(registry, version)
        metrics.build_info.labels(version).set(1)
        for role in roles:
            metrics.role_ready.labels(role).set(0)
            metrics.commit_duration.labels(role)
            metrics.rebuild_duration.labels(role)
            metrics.watchdog_stalls.labels(role)
            for reason in FAILURES:
                metrics.shard_failures.labels(role, reason)
        return metrics

    def assigned(self, role: str, partition: int) -> None:
        """A shard was opened: its counters begin at zero. Its lag begins when it is known."""
        self.events_read.labels(role, partition)
        self.commits.labels(role, partition)

    def committed(self, role: str, partition: int, events: int, seconds: float) -> None:
        """One commit interval is in the log: how many input records it covers, and what the commit took."""
        self.events_read.labels(role, partition).inc(events)
        self.commits.labels(role, partition).inc()
        self.commit_duration.labels(role).observe(seconds)
        self.last_commit.labels(role, partition).set_to_current_time()

    def rebuilt(self, role: str, partition: int, seconds: float) -> None:
        """A shard was restored, replayed and is live."""
        self.rebuild_duration.labels(role).observe(seconds)
        self.last_commit.labels(role, partition).set_to_current_time()

    def failed(self, role: str, reason: str) -> None:
        """A shard was thrown away, to be opened again."""
        if reason not in self._reasons and len(self._reasons) >= REASONS_AT_MOST:
            reason = "other"
        self._reasons.add(reason)
        self.shard_failures.labels(role, reason).inc()

    def figures(self, role: str, partition: int, figures: Mapping[str, float]) -> None:
        """What a fold says of itself (``app.figures``)."""
        self.shown_figures.put(role, partition, figures)

    def lag(self, role: str, partition: int, records: int) -> None:
        """How many input records of the shard are in the log and not yet committed."""
        self.lag_records.labels(role, partition).set(records)

    def lags(self) -> dict[str, int]:
        """Input records behind, by role, over the partitions of this process; a role of which nothing is known is not there."""
        behind: dict[str, int] = {}
        for sample in (sample for metric in self.lag_records.collect() for sample in metric.samples):
            behind[sample.labels["role"]] = behind.get(sample.labels["role"], 0) + int(sample.value)
        return behind

    def stalled(self, role: str) -> None:
        """The watchdog found a shard without progress while its lag grew."""
        self.watchdog_stalls.labels(role).inc()

    def ready(self, role: str, ready: bool) -> None:
        """Whether the role is assigned and rebuilt."""
        self.role_ready.labels(role).set(1 if ready else 0)

    def waits_for_redis(self, partition: int, waits: bool) -> None:
        """Whether a shard of the serve role waits for Redis now."""
        (self._waiting.add if waits else self._waiting.discard)(partition)
        self.redis_waiting.set(len(self._waiting))

    def notifies(self, receiver: str, reasons: Iterable[str]) -> None:
        """A receiver of alerts is configured: its counters begin at zero."""
        for status in ("firing", "resolved"):
            self.notify_delivered.labels(receiver, status)
        for reason in reasons:
            self.notify_failures.labels(receiver, reason)

    def forget(self, role: str, partition: int) -> None:
        """A shard was given up: what it is now ends, what it has done so far stays."""
        for gauge in (self.lag_records, self.last_commit):
            gauge.remove_by_labels({"role": role, "partition": str(partition)})
        self.shown_figures.forget(role, partition)
        if role == "serve":
            self.waits_for_redis(partition, waits=False)


def _metrics(registry: CollectorRegistry, version: str) -> Metrics:
    def counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"gnomon_{name}_total", text, labels, registry=registry)

    def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(f"gnomon_{name}", text, labels, registry=registry)

    def seconds(name: str, text: str, labels: Iterable[str], buckets: Iterable[float]) -> Histogram:
        return Histogram(f"gnomon_{name}_seconds", text, labels, buckets=tuple(buckets), registry=registry)

    shown = Figures()
    registry.register(shown)
    return Metrics(
        registry=registry,
        version=version,
        build_info=gauge("build_info", "1; the label says which version runs.", ["version"]),
        role_ready=gauge("role_ready", "Whether the role is assigned and rebuilt on this worker.", ["role"]),
        events_read=counter("events_read", "Input records that were folded in and committed.", PER_SHARD),
        commits=counter("commits", "Commit intervals that are in the log.", PER_SHARD),
        commit_duration=seconds("commit_duration", "What a commit took, from begin to acknowledged.", ["role"], COMMIT_SECONDS),
        last_commit=gauge(
            "last_commit_timestamp_seconds", "When a shard last committed, or went live, since the epoch.", PER_SHARD
        ),
        lag_records=gauge("lag_records", "Input records in the log that are not yet committed.", PER_SHARD),
        rebuild_duration=seconds("rebuild_duration", "From the opening of a shard until it was live.", ["role"], REBUILD_SECONDS),
        shard_failures=counter("shard_failures", "Shards thrown away and opened again, by reason.", ["role", "reason"]),
        watchdog_stalls=counter("watchdog_stalls", "Shards found without progress while their lag grew.", ["role"]),
        redis_waiting=gauge("redis_waiting_shards", "Shards of the serve role that wait for Redis."),
        notify_delivered=counter(
            "notify_delivered", "Alerts that a receiver has taken, re-sends included.", ["receiver", "status"]
        ),
        notify_failures=counter("notify_failures", "Deliveries that failed, by reason.", ["receiver", "reason"]),
        notify_last_success=gauge(
            "notify_last_success_timestamp_seconds", "When a receiver last took an alert, since the epoch.", ["receiver"]
        ),
        web_requests=counter("web_requests", "Requests answered, by route and status class.", ["route", "status"]),
        web_request_duration=seconds("web_request_duration", "Time to answer; streams excluded.", ["route"], REQUEST_SECONDS),
        web_clients=gauge("web_event_clients", "Clients that follow the event stream."),
        web_clients_refused=counter("web_event_clients_refused", "Clients refused because there were too many."),
        web_clients_dropped=counter("web_event_clients_dropped", "Clients dropped because they read too slowly."),
        web_refused=counter("web_refused", "Requests that were not let in, by reason.", ["reason"]),
        web_samples_refused=counter("web_pair_samples_refused", "Samples of pairs refused because others were being read."),
        shown_figures=shown,
        _reasons=set(FAILURES),
        _waiting=set(),
    )
