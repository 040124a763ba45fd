"""The settings of ``gnomon traces``: where spans go. See ``app.config.settings`` for how a setting is declared."""

import re
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.config.secret import Secret

__all__ = ["TelemetrySettings"]

HEADERS = 32
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256})=([\x20-\x7e]{0,8192})")
_URL: dict[str, Any] = {
    "allowed": "https://host:port or http://host:port, with a path where the collector has a prefix, no login"
}
_ONE_A_LINE: dict[str, Any] = {"allowed": f"lines of NAME=VALUE, at most {HEADERS}"}


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """Where `gnomon traces` exports spans to; the service itself needs nothing of this."""

    endpoint: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$", extra=_URL)] | None,
        Meta(description="OTLP over HTTP, such as http://127.0.0.1:4318; `/v1/traces` is added to it"),
    ] = None
    headers: Annotated[Secret | None, Meta(description="Sent along with each request: a key, a tenant", extra=_ONE_A_LINE)] = None
    timeout_s: Annotated[float, Meta(ge=0.1, le=300, description="What the endpoint may take to answer")] = 10.0
    cafile: Annotated[str | None, Meta(description="Certificates to trust (PEM); the system's if absent")] = None
    metrics_port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port for the metrics of `gnomon traces`, on `web.host`; 0: none are served")
    ] = 0

    def named_headers(self) -> dict[str, str]:
        """The headers; ``ValueError`` with the number of the line that is none, and never its text."""
        found: dict[str, str] = {}
        for number, line in enumerate(("" if self.headers is None else self.headers.reveal()).splitlines(), 1):
            if not line.strip():
                continue
            match = _HEADER.fullmatch(line.strip())
            if match is None:
                msg = (
                    f"line {number} is not NAME=VALUE, with a name of letters, digits and hyphens and a value of printable ASCII"
                )
                raise ValueError(msg)
            found[match[1]] = match[2].strip()
        if len(found) > HEADERS:
            msg = f"it has {len(found)} headers; allowed are at most {HEADERS}"
            raise ValueError(msg)
        return found
