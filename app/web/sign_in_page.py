"""The one form of the service, for browsers, which cannot send a token with a page; shown in place of what asks who one is.

It has a policy of its own: its style is known by its digest, and a form may be sent, to us. It tells the browser to say where the
form came from, which the guard looks at.
"""

import base64
import hashlib

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["local_path", "sign_in_page"]

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color-scheme:light dark}"
    "label,input{display:block}input{width:100%;box-sizing:border-box;font:inherit;padding:.4rem;margin:.3rem 0 1rem}"
    "button{font:inherit;padding:.4rem 1rem}"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_environment = Environment(
    loader=PackageLoader("app.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_template = _environment.get_template("signin.html")


def sign_in_page(
    status: int, *, then: str = "/", name: str = "", refused: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    """The page: for ``name``, who is signed in, or for nobody; ``then`` is where it leads, ``refused`` why it is shown."""
    body = _template.render(style=Markup(_STYLE), then=local_path(then), name=name, refused=refused)  # noqa: S704  our own text
    return web.Response(status=status, text=body, content_type="text/html", headers=_HEADERS | (headers or {}))


def local_path(text: str) -> str:
    r"""A path of ours, or the page: never another site.

    >>> [local_path(text) for text in ("/?model=credit", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/x")]
    ['/?model=credit', '/', '/', '/', '/']
    """
    ours = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable() and text.isascii()
    return text if ours and len(text) <= 2_048 else "/"
