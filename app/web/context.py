"""What the handlers need, in one place, under one typed key of the application."""

from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Overview

__all__ = ["CONTEXT", "Context", "Reader", "Rendered"]


class Reader(Protocol):
    """What pages need of the read model (``app.read_model.ReadModel``)."""

    async def current(self) -> Overview:
        """What is known now; never fails, never waits long."""


@dataclass
class Rendered:
    """The newest page, and what it was rendered from."""

    state: object = None
    body: bytes = b""
    tag: str = ""


@dataclass(frozen=True)
class Context:
    """The notice board of this process, the read model of all, and the metrics of this process."""

    health: Health
    read_model: Reader
    metrics: Metrics
    prefix: str
    page: Rendered = field(default_factory=Rendered)


CONTEXT = web.AppKey("CONTEXT", Context)
