"""Signing in and out, and who one is.

``/signin`` takes a token once, over a form, and gives a cookie for it that scripts cannot read, that no other site can have
sent, and that goes over https only where the form came over https. A wrong token is told as such, counted, and logged with the
address.

*Bounds.* ``FAILURES`` wrong tokens of an address within ``WITHIN_S`` seconds, then none is looked at; ``ADDRESSES`` are
remembered, of IPv6 the first 64 bits, and the one that failed longest ago is forgotten first.
"""

import ipaddress
import time
from collections import OrderedDict
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import hdrs, web
from msgspec import Struct

from app.config import WebSettings
from app.metrics import Metrics
from app.web.auth import Authenticator
from app.web.auth_access import Access, IssuerAwayError, TokenRefusedError, access_of
from app.web.auth_session import COOKIE, Clock
from app.web.bodies import read_form
from app.web.sign_in_page import local_path, sign_in_page

__all__ = ["ADDRESSES", "FAILURES", "WITHIN_S", "Failures", "Me", "SignIn"]

ADDRESSES = 1_024
FAILURES = 10
WITHIN_S = 60.0
log = structlog.get_logger(__name__)


class Me(Struct, frozen=True):
    """Who asks, and what they may. ``name`` is null where nobody has to say who they are; ``until``, milliseconds, the end."""

    name: str | None
    may_write: bool
    authentication: bool
    until: int | None


class Failures:
    """Wrong tokens by address; ``now`` is a clock in seconds that only goes forward."""

    def __init__(self, now: Clock = time.monotonic) -> None:
        self._now = now
        self._began: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """For how long no token of this address is looked at; 0 if it is."""
        began, count = self._began.get(address, (0.0, 0))
        left = began + WITHIN_S - self._now()
        return max(1, round(left)) if count >= FAILURES and left > 0 else 0

    def note(self, address: str) -> None:
        """One more."""
        began, count = self._began.pop(address, (self._now(), 0))
        if self._now() >= began + WITHIN_S:
            began, count = self._now(), 0
        self._began[address] = (began, count + 1)
        if len(self._began) > ADDRESSES:
            self._began.popitem(last=False)


class SignIn:
    """The handlers."""

    def __init__(self, settings: WebSettings, authenticator: Authenticator, metrics: Metrics) -> None:
        self._authenticator, self._metrics = authenticator, metrics
        self._may_write = settings.may_write
        self._failures = Failures()
        for reason in ("token", "sign_ins"):
            metrics.web_refused.labels(reason)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /signin``."""
        self._check_needed()
        try:
            access = (await self._authenticator.of_request(request)).access
        except IssuerAwayError:
            access = None
        return sign_in_page(200, then=request.query.get("then", "/"), name=(access.name or "") if access else "")

    async def sign_in(self, request: web.Request) -> web.Response:
        """``POST /signin``: ``token``, and ``then``, where to go."""
        self._check_needed()
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType(text="allowed is application/x-www-form-urlencoded, which the form sends")
        form = await read_form(request)
        token, then, address = form.get("token", "").strip(), form.get("then", "/"), _address(request)
        if wait_s := self._failures.wait_s(address):
            self._metrics.web_refused.labels("sign_ins").inc()
            refused = f"there were {FAILURES} wrong tokens from here; wait {wait_s} s"
            return sign_in_page(429, then=then, refused=refused, headers={"Retry-After": str(wait_s)})
        try:
            access = await self._authenticator.of_token(token)
        except TokenRefusedError as refusal:
            self._failures.note(address)
            self._metrics.web_refused.labels("token").inc()
            log.warning("a sign-in was refused", address=address, reason=str(refusal))
            return sign_in_page(401, then=then, refused=str(refusal), headers={"WWW-Authenticate": 'Bearer realm="gnomon"'})
        except IssuerAwayError as error:
            return sign_in_page(503, then=then, refused=str(error), headers={"Retry-After": "10"})
        log.info("signed in", name=access.name)
        return self._welcome(request, access, local_path(then))

    async def sign_out(self, request: web.Request) -> web.Response:
        """``POST /signout``."""
        self._check_needed()
        response = web.Response(status=303, headers={"Location": "/signin", "Cache-Control": "no-store"})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response

    async def me(self, request: web.Request) -> web.Response:
        """``GET /api/v1/me``."""
        access, required = access_of(request), self._authenticator.required
        until = None if access.until is None else int(access.until * 1000)
        body = msgspec.json.encode(Me(access.name, access.may_write and self._may_write, required, until))
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    def _welcome(self, request: web.Request, access: Access, then: str) -> web.Response:
        cookie, seconds = self._authenticator.session(access)
        response = web.Response(status=303, headers={"Location": then, "Cache-Control": "no-store"})
        encrypted = request.secure or urlsplit(request.headers.get(hdrs.ORIGIN, "")).scheme == "https"
        response.set_cookie(COOKIE, cookie, max_age=seconds, path="/", httponly=True, samesite="Strict", secure=encrypted)
        return response

    def _check_needed(self) -> None:
        if not self._authenticator.required:
            raise web.HTTPNotFound


def _address(request: web.Request) -> str:
    """Whom a failure is counted against."""
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return "unknown"
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
