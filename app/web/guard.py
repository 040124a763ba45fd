"""Who is let in, asked of every request before its handler: no path is open that is not named here.

In this order: does the name under which we were called belong to us (a page elsewhere may have a name that leads here: DNS
rebinding); does a request that changes something come from a page of ours; who asks; may they. A refusal says what is allowed and
is counted by its reason.

*Bounds.* ``REQUESTS`` at a time; streams have a bound of their own, and so have the forms of ``/signin`` and ``/signout``,
``SIGN_INS``, since they are read before anybody is known. Probes are answered all the same.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, urlsplit

from aiohttp import hdrs, web

from app.config import WebSettings
from app.config.web import is_loopback
from app.metrics import Metrics
from app.web.auth import Authenticator
from app.web.auth_access import ANYBODY, KEY, Access, IssuerAwayError
from app.web.problems import problem
from app.web.sign_in_page import sign_in_page

__all__ = ["REASONS", "REQUESTS", "SIGN_INS", "Guard"]

#: At once, streams and forms apart.
REQUESTS = 256
#: At once; whoever holds them all keeps others from signing in, and from nothing else.
SIGN_INS = 16
REASONS = ("host", "origin", "nobody", "issuer", "rights", "writes_off", "content_type", "busy", "connections")
_SAFE = {hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS}
_PROBES = {"/-/healthy", "/-/ready"}
_SIGN_IN = {"/signin", "/signout"}
_EVENTS = "/api/v1/events"
_PORTS = {"http": 80, "https": 443}
_CHALLENGE = 'Bearer realm="gnomon"'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """See the module's text."""

    def __init__(self, settings: WebSettings, authenticator: Authenticator, metrics: Metrics) -> None:
        self._settings, self._authenticator, self._metrics = settings, authenticator, metrics
        self._on_loopback = is_loopback(settings.host)
        self._open = _PROBES | _SIGN_IN | ({"/metrics"} if settings.auth.metrics else set())
        self._under_way = {"requests": 0, "sign-ins": 0}
        for reason in REASONS:
            metrics.web_refused.labels(reason)

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request in, or say why not."""
        path = _path(request)
        if path in _PROBES:
            return await handler(request)
        if path == _EVENTS:
            return await self._let_in(request, handler, path)
        is_form = path in _SIGN_IN and request.method not in _SAFE
        kind, at_most = ("sign-ins", SIGN_INS) if is_form else ("requests", REQUESTS)
        if self._under_way[kind] >= at_most:
            return self._refuse("busy", 503, f"{at_most} {kind} are under way already; try again", {"Retry-After": "1"})
        self._under_way[kind] += 1
        try:
            return await self._let_in(request, handler, path)
        finally:
            self._under_way[kind] -= 1

    async def _let_in(self, request: web.Request, handler: Handler, path: str | None) -> web.StreamResponse:
        refusal = self._check_host(request) or self._check_origin(request) or await self._check_access(request, path)
        return refusal or _private(await handler(request), required=self._authenticator.required)

    def _check_host(self, request: web.Request) -> web.Response | None:
        named = request.headers.getall(hdrs.HOST, [])
        host = _split(f"//{named[0]}") if len(named) == 1 else None
        if host is not None and self._is_known(host.hostname or ""):
            return None
        strict = self._on_loopback or self._settings.allowed_hosts
        if host is not None and not strict and (self._authenticator.required or request.method in _SAFE):
            return None
        came = named[0][:100] if named else "absent"
        detail = f"the header Host is {came!r}; allowed are addresses, localhost, and the names in web.allowed_hosts"
        return self._refuse("host", 421, detail)

    def _is_known(self, name: str) -> bool:
        """Whether a name can lead to nobody but us: an address cannot be made to lead elsewhere."""
        if is_loopback(name) or name in self._settings.allowed_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _check_origin(self, request: web.Request) -> web.Response | None:
        """A browser says of each request that can change something which page it comes from; other clients say nothing."""
        if request.method in _SAFE:
            return None
        sites = request.headers.getall("Sec-Fetch-Site", [])
        origins = request.headers.getall(hdrs.ORIGIN, [])
        if all(site in {"same-origin", "none"} for site in sites) and all(self._is_ours(each, request) for each in origins):
            return None
        return self._refuse("origin", 403, "this comes from a page of another origin; only pages of this one may write")

    def _is_ours(self, text: str, request: web.Request) -> bool:
        origin, host = _split(text), _split(f"//{request.headers[hdrs.HOST]}")
        if origin is None or host is None or origin.scheme not in _PORTS or origin.path or origin.query or origin.fragment:
            return False
        if origin.hostname in self._settings.allowed_hosts:
            return True
        usual = _PORTS[origin.scheme]
        return (origin.hostname, origin.port or usual) == (host.hostname, host.port or usual)

    async def _check_access(self, request: web.Request, path: str | None) -> web.Response | None:
        if path in self._open:
            request[KEY] = ANYBODY
            return None
        try:
            access, refused = await self._authenticator.of_request(request)
        except IssuerAwayError as error:
            return self._refuse("issuer", 503, str(error), {"Retry-After": "10"})
        if access is None:
            return self._refuse_nobody(request, refused)
        request[KEY] = access
        return None if request.method in _SAFE or path is None else self._check_write(request, access)

    def _refuse_nobody(self, request: web.Request, refused: str) -> web.Response:
        self._metrics.web_refused.labels("nobody").inc()
        headers = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"' if refused else _CHALLENGE}
        if request.method == hdrs.METH_GET and "text/html" in request.headers.get(hdrs.ACCEPT, ""):
            return sign_in_page(401, then=request.path_qs, refused=refused, headers=headers)
        said = f"{refused}; " if refused else ""
        return problem(401, f"{said}a bearer token is needed, or a session from /signin", headers)

    def _check_write(self, request: web.Request, access: Access) -> web.Response | None:
        if not self._settings.may_write:
            detail = 'nothing can be written over HTTP here: it needs web.auth, or a loopback address, or web.writes = "on"'
            return self._refuse("writes_off", 403, detail)
        if not access.may_write:
            return self._refuse("rights", 403, f"{access.name} may look, and not write")
        if request.content_type != "application/json":
            came = request.headers.get(hdrs.CONTENT_TYPE, "absent")[:100]
            return self._refuse("content_type", 415, f"the header Content-Type is {came!r}; allowed is application/json")
        return None

    def _refuse(self, reason: str, status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
        self._metrics.web_refused.labels(reason).inc()
        return problem(status, detail, headers)


def _path(request: web.Request) -> str | None:
    """The path of the route that answers; None where there is none."""
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def _private(response: web.StreamResponse, *, required: bool) -> web.StreamResponse:
    """What only some may see is kept by no cache that others share."""
    if required and not response.prepared and response.headers.get(hdrs.CACHE_CONTROL) == "no-cache":
        response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    return response


def _split(text: str) -> SplitResult | None:
    """A URL in its parts; None for what is none, or has a login in it."""
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if good else None
