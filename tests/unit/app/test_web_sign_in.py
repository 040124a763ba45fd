"""Tokens, and the sessions of browsers that cannot send one."""

import doctest
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import jwt
import pytest
from aiohttp.test_utils import TestClient
from msgspec.structs import replace

from app.config import AuthSettings, Secret
from app.web import sign_in, sign_in_page
from app.web.auth import Authenticator
from app.web.auth_access import Access
from app.web.auth_session import COOKIE, Sessions
from app.web.sign_in import ADDRESSES, FAILURES, WITHIN_S, Failures
from tests.web_parts import LOOKS, TOKENS, WRITES, bearer, refusals, serving, settings

ACKNOWLEDGE = "/api/v1/alerts/f1/acknowledge"
HTML = {"Accept": "text/html,*/*;q=0.8"}
KEY = Secret("k" * 32)


class Form(HTMLParser):
    """The inputs of a page by name, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str | None, str | None] = {}
        self.tags: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "input":
            self.inputs[dict(attrs)["name"]] = dict(attrs).get("value")

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(settings()) as client:
        yield client


async def signed_in(client: TestClient[Any, Any], token: str, then: str = "/", **headers: str) -> Any:
    return await client.post("/signin", data={"token": token, "then": then}, headers=headers, allow_redirects=False)


async def test_a_browser_is_shown_the_form_and_other_clients_a_problem(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/?model=credit&x=%22", "/api/v1/models", "/nothing"):
        shown = await client.get(path, headers=HTML)
        assert (shown.status, shown.content_type, shown.headers["Cache-Control"]) == (401, "text/html", "no-store")
        assert Form(await shown.text()).inputs["then"] == path
        assert (await client.get(path)).content_type == "application/problem+json"


async def test_the_form_gives_a_cookie_that_opens_the_page_and_writes(client: TestClient[Any, Any]) -> None:
    answer = await signed_in(client, WRITES, "/?model=credit", Origin=f"http://{client.host}:{client.port}")
    assert (answer.status, answer.headers["Location"]) == (303, "/?model=credit")
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"):
        assert part in cookie
    assert "Secure" not in cookie
    assert WRITES not in cookie
    client.session.cookie_jar.update_cookies(answer.cookies, client.make_url("/"))
    for path in ("/", "/static/live.js", "/api/v1/models", "/metrics"):
        assert (await client.get(path)).status == 200
    me = await (await client.get("/api/v1/me")).json()
    assert (me["name"], me["may_write"], me["authentication"]) == ("ada", True, True)
    assert (await client.post(ACKNOWLEDGE, json={"why": "x"})).status == 202
    assert "Signed in as ada" in Form(await (await client.get("/signin")).text()).words
    async with client.get("/api/v1/events") as stream:
        assert (await stream.content.readline()).startswith(b"id:")


async def test_over_https_the_cookie_stays_there() -> None:
    async with serving(settings(allowed_hosts=("gnomon.example",))) as client:
        answer = await signed_in(client, LOOKS, Origin="https://gnomon.example")
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_signing_out_takes_the_cookie_away(client: TestClient[Any, Any]) -> None:
    answer = await signed_in(client, LOOKS)
    client.session.cookie_jar.update_cookies(answer.cookies, client.make_url("/"))
    assert (await client.get("/")).status == 200
    out = await client.post("/signout", allow_redirects=False)
    assert (out.status, out.headers["Location"]) == (303, "/signin")
    assert (await client.get("/")).status == 401


async def test_a_wrong_token_is_told_and_counted_and_after_some_none_is_looked_at(client: TestClient[Any, Any]) -> None:
    for _ in range(FAILURES):
        answer = await signed_in(client, "wrong-0123456789abcdef")
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers
        assert "the token is not known" in Form(await answer.text()).words
    blocked = await signed_in(client, WRITES)
    assert blocked.status == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= WITHIN_S
    assert "Set-Cookie" not in blocked.headers
    assert (await client.get("/", headers=bearer(WRITES))).status == 200, "a token that is sent as one is not held up"
    assert await refusals(client) == {"token": FAILURES, "sign_ins": 1}


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_only_a_form_signs_in(client: TestClient[Any, Any], content_type: str) -> None:
    answer = await client.post("/signin", data=f"token={WRITES}", headers={"Content-Type": content_type})
    assert answer.status == 415


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "/\r\nX: y", "javascript:alert(1)", "", "/é"]
)
async def test_signing_in_leads_nowhere_else(client: TestClient[Any, Any], then: str) -> None:
    assert (await signed_in(client, WRITES, then)).headers["Location"] == "/"


async def test_what_is_in_the_address_stays_text(client: TestClient[Any, Any]) -> None:
    hostile = "/?x=\"><script>alert(1)</script>'"
    for shown in (await client.get("/signin", params={"then": hostile}), await client.get(hostile, headers=HTML)):
        form = Form(await shown.text())
        assert "script" not in form.tags
        assert (form.inputs["then"] or "").startswith("/?x=")
        policy = shown.headers["Content-Security-Policy"]
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert (shown.headers["Referrer-Policy"], shown.headers["X-Content-Type-Options"]) == ("same-origin", "nosniff")


async def test_a_name_stays_text_too() -> None:
    async with serving(settings(f"<script>alert(1)</script> read {LOOKS}")) as client:
        answer = await signed_in(client, LOOKS)
        client.session.cookie_jar.update_cookies(answer.cookies, client.make_url("/"))
        form = Form(await (await client.get("/signin")).text())
        assert "Signed in as <script>alert(1)</script>" in form.words
        assert "script" not in form.tags


async def test_without_authentication_there_is_nothing_to_sign_in_to() -> None:
    async with serving(settings(None)) as client:
        assert (await client.get("/signin")).status == 404
        assert (await client.post("/signin", data={"token": "x"})).status == 404
        assert (await client.post("/signout")).status == 404
        me = await (await client.get("/api/v1/me")).json()
        assert me == {"name": None, "may_write": True, "authentication": False, "until": None}


async def test_a_stream_ends_with_its_session() -> None:
    """The session is almost over when the stream begins; nothing else ends this stream, which pings every 15 s."""
    web = settings()
    web = replace(web, auth=replace(web.auth, session_key=KEY))
    now = sign_in.time.time
    ending = Authenticator(web, lambda: now() - web.auth.session_s + 2)
    cookie, _ = ending.session(await ending.of_token(LOOKS))
    async with serving(web) as client, client.get("/api/v1/events", cookies={COOKIE: cookie}) as stream:
        assert stream.status == 200
        assert b"snapshot" in await stream.content.read()
        assert (await client.get("/", cookies={COOKIE: cookie})).status == 401


def sessions(auth: AuthSettings, now: float = 0.0) -> Sessions:
    return Sessions(auth, auth.named_tokens(), (lambda: now) if now else sign_in.time.time)


AUTH = replace(settings().auth, session_key=KEY)


def test_a_session_holds_on_another_worker_with_the_same_key_and_on_no_other() -> None:
    cookie, seconds = sessions(AUTH).begin(Access("ada", may_write=True))
    assert seconds == AUTH.session_s
    seen = sessions(AUTH).of_cookie(cookie)
    assert seen is not None
    assert (seen.name, seen.may_write) == ("ada", True)
    assert sessions(replace(AUTH, session_key=Secret("l" * 32))).of_cookie(cookie) is None
    no_key = replace(AUTH, session_key=None)
    assert sessions(no_key).of_cookie(sessions(no_key).begin(Access("ada", may_write=True))[0]) is None


@pytest.mark.parametrize(
    ("tokens", "may_write"),
    [
        (TOKENS.replace("ada write", "ada read"), False),
        (TOKENS.replace(WRITES, "another-0123456789abcdef"), None),
        (TOKENS.replace("ada write", "eve write"), None),
    ],
)
def test_a_session_is_worth_what_its_token_is_now(tokens: str, may_write: bool | None) -> None:
    cookie, _ = sessions(AUTH).begin(Access("ada", may_write=True))
    seen = sessions(replace(AUTH, tokens=Secret(tokens))).of_cookie(cookie)
    assert (None if seen is None else seen.may_write) == may_write


def test_a_session_of_the_issuer_ends_with_its_token_and_with_the_issuer() -> None:
    auth = replace(AUTH, tokens=None, issuer="https://id.example", audience="gnomon")
    now = sign_in.time.time()
    cookie, seconds = sessions(auth).begin(Access("ada", may_write=True, until=now + 90, by_issuer=True))
    assert 80 < seconds <= 90
    seen = sessions(auth).of_cookie(cookie)
    assert seen is not None
    assert (seen.name, seen.may_write) == ("ada", True)
    assert sessions(replace(auth, issuer="https://other.example")).of_cookie(cookie) is None
    assert sessions(AUTH).of_cookie(cookie) is None, "the name of a token is no proof"


def test_a_cookie_that_is_over_or_forged_is_none() -> None:
    good, _ = sessions(AUTH).begin(Access("ada", may_write=True))
    over, _ = sessions(AUTH, sign_in.time.time() - AUTH.session_s - 5).begin(Access("ada", may_write=True))
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = [
        over, "", "x", good[:-2], good + "x", "\ud800", f"{good.rpartition('.')[0]}.", jwt.encode(claims, "", "none"),
        jwt.encode(claims, "k" * 32, "HS256"), jwt.encode(claims, b"k" * 64, "HS512"),
    ]  # fmt: skip
    assert [sessions(AUTH).of_cookie(each) for each in forged] == [None] * len(forged)


async def test_a_cookie_is_no_bearer_token(client: TestClient[Any, Any]) -> None:
    answer = await signed_in(client, WRITES)
    cookie = answer.cookies[COOKIE].value
    client.session.cookie_jar.clear()
    assert (await client.get("/", cookies={COOKIE: cookie})).status == 200
    assert (await client.get("/", headers=bearer(cookie))).status == 401
    assert (await client.get("/", headers=bearer(cookie), cookies={COOKIE: cookie})).status == 401, (
        "what is sent as a token counts"
    )


def test_failures_are_forgotten_in_time_and_the_table_is_bounded() -> None:
    now = 100.0
    failures = Failures(lambda: now)
    for _ in range(FAILURES):
        assert failures.wait_s("a") == 0
        failures.note("a")
    assert failures.wait_s("a") == WITHIN_S
    assert failures.wait_s("b") == 0
    now += WITHIN_S
    assert failures.wait_s("a") == 0
    failures.note("a")
    assert failures.wait_s("a") == 0, "it is counted anew"
    for at in range(ADDRESSES * 2):
        failures.note(f"c{at}")
    assert len(failures._began) == ADDRESSES


def test_neighbours_in_a_network_of_ipv6_are_one() -> None:
    class Request:
        def __init__(self, remote: str | None) -> None:
            self.remote = remote

    address = sign_in._address
    of: Any = Request
    assert address(of("2001:db8::1")) == address(of("2001:db8::ffff")) != address(of("2001:db8:0:1::1"))
    assert [address(of(each)) for each in ("10.0.0.1", None, "fe80::1%eth0")] == ["10.0.0.1", "unknown", "fe80::/64"]


def test_examples() -> None:
    assert doctest.testmod(sign_in_page).failed == 0
