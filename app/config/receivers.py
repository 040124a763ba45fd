"""The settings of the role ``notify``: who is told of alerts. See ``app.config.settings`` for how a setting is declared."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.config.secret import Secret

__all__ = ["NotifySettings"]

_URL: dict[str, Any] = {
    "allowed": "https://host:port or http://host:port, with a path where the receiver has a prefix, no login in it"
}
_ONE_A_LINE: dict[str, Any] = {"allowed": "Apprise URLs, one a line or separated by spaces"}


class NotifySettings(Struct, frozen=True, kw_only=True):
    """Who is told of alerts, by the role `notify`; nobody, where no address is given."""

    alertmanager_urls: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$", extra=_URL)], ...],
        Meta(max_length=8, description="Alertmanagers; of a cluster each member, each is told by itself"),
    ] = ()
    resend_s: Annotated[
        int,
        Meta(
            ge=1, le=3_600, description="A firing alert is told again so often; it holds five times as long, at least 15 minutes"
        ),
    ] = 60
    timeout_s: Annotated[float, Meta(ge=0.1, le=300, description="What a receiver may take to answer")] = 10.0
    token: Annotated[Secret | None, Meta(description="Bearer token for the Alertmanagers")] = None
    username: Annotated[str | None, Meta(description="For a login by name and password (basic auth)")] = None
    password: Annotated[Secret | None, Meta(description="Its password")] = None
    cafile: Annotated[str | None, Meta(description="Certificates to trust (PEM); the system's if absent")] = None
    apprise_urls: Annotated[
        Secret | None,
        Meta(
            description="Where each change of state is told as a message, through Apprise (the extra `notify`)", extra=_ONE_A_LINE
        ),
    ] = None

    def messengers(self) -> tuple[Secret, ...]:
        """The single Apprise URLs, each once."""
        urls = "" if self.apprise_urls is None else self.apprise_urls.reveal()
        return tuple(Secret(url) for url in dict.fromkeys(urls.split()))
