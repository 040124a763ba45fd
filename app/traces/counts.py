"""What ``gnomon traces`` has done, for Prometheus. ``docs/traces.md`` lists it, and a test compares."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

from app.delivery.answers import REASONS

__all__ = ["RESULTS", "TraceCounts"]

#: What became of a record of ``alerts``: spans were taken; it is a resolve; there are no pairs behind it, or none of those that
#: were read is in a trace that is recorded; the endpoint refused the spans for what they are; it is no alert.
RESULTS = ("exported", "resolved", "no_pairs", "no_trace", "refused", "unreadable")
#: ``log``: the log could not be read. The rest is of the endpoint.
FAILURES = ("log", *(reason for reason in REASONS if reason != "refused"))


@dataclass(frozen=True)
class TraceCounts:
    """``TraceCounts.on(registry)`` makes them, each series at zero."""

    registry: CollectorRegistry
    alerts: Counter
    failures: Counter
    last_export: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "TraceCounts":
        """All of them, on ``registry``."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody reads
        alerts = Counter(
            "gnomon_traces_alerts", "Records of alerts that were done with, by result.", ["result"], registry=registry
        )
        failures = Counter(
            "gnomon_traces_failures", "Tries that failed and are repeated, by reason.", ["reason"], registry=registry
        )
        last = Gauge(
            "gnomon_traces_last_export_timestamp_seconds",
            "When the endpoint last took spans, since the epoch.",
            registry=registry,
        )
        for result in RESULTS:
            alerts.labels(result)
        for reason in FAILURES:
            failures.labels(reason)
        return cls(registry, alerts, failures, last)
