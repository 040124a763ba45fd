"""What the handlers need, in one place, under one typed key of the application."""

from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from app.health import Health
from app.metrics import Metrics
from app.read_model.resolutions import Resolution
from app.read_model.series import Asked, Found, SeriesUnread
from app.read_model.views import Overview
from app.samples import PairSamples
from app.web.briefs import Briefs
from app.web.looks import Looks
from app.web.rendered import RenderedPages

__all__ = ["CONTEXT", "Context", "NoSeries", "Reader", "SeriesSource"]


class Reader(Protocol):
    """What pages need of the read model (``app.read_model.ReadModel``)."""

    async def current(self) -> Overview:
        """What is known now; never fails, never waits long."""


class SeriesSource(Protocol):
    """What is needed to show histories (``app.read_model.SeriesReader``)."""

    async def read(self, asked: Asked, resolutions: tuple[Resolution, ...]) -> Found:
        """Read one; raises ``SeriesUnread``."""


class NoSeries:
    """Where there is no Redis to ask."""

    async def read(self, asked: Asked, resolutions: tuple[Resolution, ...]) -> Found:
        """None."""
        message = f"this process has no Redis to read {asked.identity} from"
        raise SeriesUnread(message)


@dataclass(frozen=True)
class Context:
    """The notice board of this process, the read model of all, and the metrics of this process."""

    health: Health
    read_model: Reader
    metrics: Metrics
    prefix: str
    samples: PairSamples
    briefs: Briefs = field(default_factory=Briefs)
    looks: Looks = field(default_factory=Looks)
    pages: RenderedPages = field(default_factory=RenderedPages)
    series: SeriesSource = field(default_factory=NoSeries)


CONTEXT = web.AppKey("CONTEXT", Context)
