"""Health, readiness and metrics of this process; they need neither Redis nor Kafka.

Healthy: the event loop gets round to answering, and the process does not mean to end. Ready: every role is assigned and
rebuilt; a member to which the group gave nothing is ready too, and its answer says so.
"""

from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.health import Health
from app.web.context import CONTEXT

__all__ = ["healthy", "metrics", "ready", "roles_of"]


async def healthy(request: web.Request) -> web.Response:
    """``/-/healthy``."""
    stopping = request.app[CONTEXT].health.stopping
    body = {"status": "stopping", "reason": stopping} if stopping is not None else {"status": "healthy"}
    return _json(body, 503 if stopping is not None else 200)


async def ready(request: web.Request) -> web.Response:
    """``/-/ready``."""
    health = request.app[CONTEXT].health
    body: dict[str, Any] = {"status": "ready" if health.ready else "not ready", "roles": roles_of(health)}
    waiting = [
        f"{role}: {state.worst[0]}: {state.worst[1]}".rstrip(": ") for role, state in health.roles.items() if not state.ready
    ]
    if health.stopping is not None:
        waiting.insert(0, f"stopping: {health.stopping}")
    if waiting:
        body["waiting_for"] = waiting
    return _json(body, 200 if health.ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """``/metrics``."""
    context = request.app[CONTEXT]
    for role, state in context.health.roles.items():
        context.metrics.ready(role, state.ready)
    body = generate_latest(context.metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})


def roles_of(health: Health) -> dict[str, dict[str, Any]]:
    """Each role with its state, the reason for it, and its partitions."""
    return {
        role: {"state": state.worst[0], "reason": state.worst[1], "partitions": sorted(state.shards)}
        for role, state in sorted(health.roles.items())
    }


def _json(body: dict[str, Any], status: int) -> web.Response:
    encoded = msgspec.json.encode(body)
    return web.Response(status=status, body=encoded, content_type="application/json", headers={"Cache-Control": "no-store"})
