"""What every answer has in common: security headers, errors as ``application/problem+json``, and being counted.

Who asks for a page, by ``Accept``, gets an error as a page.

The policy forbids inline script and style altogether, so that a hostile name that got past the template's escaping would
still be text. Nothing may be framed, sniffed or kept by a cache. A fault of ours is logged with its trace and told without.
"""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from aiohttp import web

from app.web.context import CONTEXT
from app.web.pages.layout import problem_page

__all__ = ["PROBLEM_TYPE", "SECURITY_HEADERS", "answer_properly", "problem"]

PROBLEM_TYPE = "application/problem+json"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOT_FOUND = web.HTTPNotFound().text
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=PROBLEM_TYPE, headers=headers)


@web.middleware
async def answer_properly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run a handler; turn what it raises into a problem; count."""
    began = time.perf_counter()
    response = await _answer(request, handler)
    if isinstance(response, web.Response) and response.content_type == PROBLEM_TYPE and _is_for_people(request):
        response = _as_page(request, response)
    _count(request, response, time.perf_counter() - began)
    return response


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer, a stream's too, before it is sent."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound as refusal:
        if refusal.text != _NOT_FOUND:
            return problem(404, refusal.text or "")
        return problem(404, f"there is no {request.path}; the pages are / and /api/v1/openapi.json")
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted(refusal.allowed_methods))
        return problem(405, f"{request.method} is not answered here; allowed: {allowed}", {"Allow": allowed})
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        later = {name: refusal.headers[name] for name in ("Retry-After",) if name in refusal.headers}
        return problem(refusal.status, refusal.text or refusal.reason, later)
    except Exception:
        log.exception("a request failed", path=request.path)
        return problem(500, "this is a fault of the service; its log says more")


def _is_for_people(request: web.Request) -> bool:
    """Whether a page was asked for: by a browser, and not of what is for machines."""
    machines = request.path.startswith(("/api/", "/-/", "/metrics", "/static/"))
    return not machines and "text/html" in request.headers.get("Accept", "")


def _as_page(request: web.Request, refusal: web.Response) -> web.Response:
    body: dict[str, Any] = msgspec.json.decode(refusal.text or "{}")
    made = problem_page(refusal.status, body["title"], body["detail"], request.app[CONTEXT])
    made.headers.extend({name: value for name, value in refusal.headers.items() if name in {"Allow", "Retry-After"}})
    return made


def _count(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    metrics = request.app[CONTEXT].metrics
    metrics.web_requests.labels(route, f"{response.status // 100}xx").inc()
    if response.content_type != "text/event-stream":
        metrics.web_request_duration.labels(route).observe(seconds)
