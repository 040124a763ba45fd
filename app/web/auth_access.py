"""What is known of whoever asks, and where the handlers find it."""

from typing import NamedTuple

from aiohttp import web

__all__ = ["ANYBODY", "KEY", "Access", "IssuerAwayError", "TokenRefusedError", "access_of"]


class Access(NamedTuple):
    """``name`` is None where nobody has to say who they are. ``until``: the end of token or session, in seconds of wall time."""

    name: str | None
    may_write: bool
    until: float | None = None
    by_issuer: bool = False


ANYBODY = Access(None, may_write=True)
#: Under this key the guard puts it into the request.
KEY = web.RequestKey("KEY", Access)


class TokenRefusedError(Exception):
    """A token is none; the message says why, for the one who sent it."""


class IssuerAwayError(Exception):
    """The OpenID provider does not answer, and its keys are not known."""


def access_of(request: web.Request) -> Access:
    """Who asks; a request that the guard has let pass has it."""
    return request[KEY]
