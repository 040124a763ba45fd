"""What the handlers need, in one place, under one typed key of the application."""

from dataclasses import dataclass

from aiohttp import web

from app.health import Health
from app.metrics import Metrics
from app.read_model import ReadModel

__all__ = ["CONTEXT", "Context"]


@dataclass(frozen=True)
class Context:
    """The notice board of this process, the read model of all, and the metrics of this process."""

    health: Health
    read_model: ReadModel
    metrics: Metrics
    prefix: str


CONTEXT = web.AppKey("CONTEXT", Context)
