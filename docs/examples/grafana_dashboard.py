"""The dashboard of `grafana-dashboard.json`, as code: ``python docs/examples/grafana_dashboard.py > grafana-dashboard.json``.

It shows the service itself, from `/metrics` of all workers. Models are on gnomon's own pages: metrics have no label for them.
Needs nothing but Python; made for Grafana 10 and later, imported with a Prometheus data source of your choice.
"""

import json
import sys
from typing import Any

#: Title of a row to its panels: title, unit of Grafana, legend, and the query.
ROWS: dict[str, list[tuple[str, str, str, str]]] = {
    "Is it well?": [
        ("Roles that are not ready", "short", "{{role}} of {{instance}}", "gnomon_role_ready == 0"),
        ("Events that nobody can account for", "short", "partition {{partition}}", "gnomon_pairing_unaccounted"),
        ("Records not yet read", "short", "{{role}}", "sum by (role) (gnomon_lag_records)"),
        ("Since the last commit", "s", "{{role}} {{partition}}", "time() - gnomon_last_commit_timestamp_seconds"),
        (
            "Partitions opened anew", "short", "{{role}}: {{reason}}",
            "sum by (role, reason) (increase(gnomon_shard_failures_total[10m]))",
        ),
        ("Partitions that waited for Redis", "short", "{{instance}}", "gnomon_redis_waiting_shards"),
    ],
    "Stream": [
        ("Events read", "ops", "{{role}}", "sum by (role) (rate(gnomon_events_read_total[1m]))"),
        (
            "A commit takes, 99 of 100", "s", "{{role}}",
            "histogram_quantile(0.99, sum by (role, le) (rate(gnomon_commit_duration_seconds_bucket[5m])))",
        ),
        ("Records of pairs", "ops", "pairs", "sum(rate(gnomon_pairing_records_total[1m]))"),
        ("Events that wait for their other half", "short", "partition {{partition}}", "gnomon_pairing_waiting"),
        ("Dead letters", "ops", "{{reason}}", "sum by (reason) (rate(gnomon_serve_dead_letters_total[5m]))"),
        (
            "A rebuild takes, 99 of 100", "s", "{{role}}",
            "histogram_quantile(0.99, sum by (role, le) (rate(gnomon_rebuild_duration_seconds_bucket[1h])))",
        ),
    ],
    "Models": [
        ("Signals by state", "short", "{{state}}", "sum by (state) (gnomon_detect_signals)"),
        ("Alerts that fire", "short", "told", "sum(gnomon_decide_alerts_firing)"),
        ("Alerts that are held back", "short", "held back", "sum(gnomon_decide_alerts_held_back)"),
        ("Alerts by name", "short", "{{alertname}}", "sum by (alertname) (increase(gnomon_decide_alerts_total[1h]))"),
        ("Retrain triggers", "short", "{{reason}}", "sum by (reason) (increase(gnomon_decide_triggers_total[1d]))"),
        (
            "False alarms: those that passed beside those that are granted", "short", "{{__name__}}",
            'sum by (__name__) ({__name__=~"gnomon_detect_alarms_passed_total|gnomon_detect_alarms_granted_total"})',
        ),
    ],
    "Those who are told": [
        (
            "Deliveries to receivers of alerts", "ops", "{{receiver}} {{status}}",
            "sum by (receiver, status) (rate(gnomon_notify_delivered_total[5m]))",
        ),
        (
            "Deliveries that failed", "ops", "{{receiver}}: {{reason}}",
            "sum by (receiver, reason) (rate(gnomon_notify_failures_total[5m]))",
        ),
        ("Pages and API", "ops", "{{route}} {{status}}", "sum by (route, status) (rate(gnomon_web_requests_total[5m]))"),
        (
            "An answer takes, 95 of 100", "s", "{{route}}",
            "histogram_quantile(0.95, sum by (route, le) (rate(gnomon_web_request_duration_seconds_bucket[5m])))",
        ),
        ("Browsers that follow", "short", "{{instance}}", "gnomon_web_event_clients"),
    ],
}  # fmt: skip
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboard() -> dict[str, Any]:
    """The whole document."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row, contents in ROWS.items():
        panels.append({"type": "row", "title": row, "id": len(panels) + 1, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y += 1
        for at, (title, unit, legend, query) in enumerate(contents):
            place = {"x": at % COLUMNS * WIDTH, "y": y + at // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
            panels.append(_panel(len(panels) + 1, place, title, unit, legend, query))
        y += -(-len(contents) // COLUMNS) * HEIGHT
    return {
        "uid": "gnomon",
        "title": "gnomon",
        "tags": ["gnomon"],
        "timezone": "utc",
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "annotations": {"list": [_alerts()]},
        "panels": panels,
    }


def _panel(number: int, place: dict[str, int], title: str, unit: str, legend: str, query: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "gridPos": place,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0 if unit in {"s", "ops"} else None}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": query, "legendFormat": legend}],
    }


def _alerts() -> dict[str, Any]:
    """Where an alert of `prometheus-rules.yml` fired, as lines in every panel."""
    return {
        "name": "Alerts of the service",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Gnomon.*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{role}} {{instance}}",
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=1)
    sys.stdout.write("\n")
