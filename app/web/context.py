"""What the handlers need, in one place, under one typed key of the application."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Overview

__all__ = ["CONTEXT", "Context", "Reader"]


class Reader(Protocol):
    """What pages need of the read model (``app.read_model.ReadModel``)."""

    async def current(self) -> Overview:
        """What is known now; never fails, never waits long."""


@dataclass(frozen=True)
class Context:
    """The notice board of this process, the read model of all, and the metrics of this process."""

    health: Health
    read_model: Reader
    metrics: Metrics
    prefix: str


CONTEXT = web.AppKey("CONTEXT", Context)
