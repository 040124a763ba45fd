"""Alerts as the ends of producers' traces: ``gnomon traces`` follows the topic ``alerts`` and exports spans over OTLP/HTTP.

- ``following``  from alert to alert, at least once, patient
- ``evidence``   the log behind an alert: a pair that is in a trace, the statistics that decided
- ``otlp``       one OTLP endpoint
- ``counts``     its metrics

It is a command of its own and no part of a role: what it needs besides Kafka (a collector, the packages of the extra
``otel``) may be missing without any role knowing. Which spans an alert has is said in ``app.domain.trace_spans``.
"""

from app.traces.counts import TraceCounts
from app.traces.following import follow
from app.traces.otlp import ExtraError, load_encoder

__all__ = ["ExtraError", "TraceCounts", "follow", "load_encoder"]
