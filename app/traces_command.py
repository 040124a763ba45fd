"""``gnomon traces``: alerts into the traces of whoever made the requests behind them, over OTLP/HTTP, until SIGTERM or Ctrl-C."""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from app.command_parts import FAILED, MisconfiguredError, ask_kafka, configured

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.traces import TraceCounts
    from app.traces.otlp import Encoder

__all__ = ["traces"]


@click.command()
@configured
def traces(loaded: "Loaded") -> None:
    """Export each alert that fires into the trace of a request behind it, until SIGTERM.

    It needs `telemetry.endpoint` and the packages of the extra `otel`. Any number may run beside each other.
    """
    from app.traces import ExtraError, load_encoder
    from app.triggers.log import LogError

    config = loaded.config
    url = config.telemetry.endpoint
    if url is None:
        message = "telemetry.endpoint is not set; expected is where to export to, such as http://127.0.0.1:4318"
        raise MisconfiguredError(message)
    try:
        encode = load_encoder()
    except ExtraError as error:
        message = f"gnomon traces: {error}"
        raise MisconfiguredError(message) from error
    counts = _serve_counts(config)
    try:
        ask_kafka(config, lambda: _until_told(config, url, encode, counts))
    except LogError as error:
        click.echo(f"traces: {error}", err=True)
        sys.exit(FAILED)


def _serve_counts(config: "Config") -> "TraceCounts":
    from prometheus_client import CollectorRegistry, start_http_server

    from app.traces import TraceCounts

    counts, host, port = TraceCounts.on(CollectorRegistry()), config.web.host, config.telemetry.metrics_port
    if port:
        try:
            start_http_server(port, host, counts.registry)
        except OSError as error:
            message = f"cannot listen on {host}:{port}: {error}; set telemetry.metrics_port"
            raise click.ClickException(message) from error
    return counts


async def _until_told(config: "Config", url: str, encode: "Encoder", counts: "TraceCounts") -> None:
    """Follow until a signal; what was not committed is told by the next one."""
    from app.traces import follow

    following = asyncio.ensure_future(follow(config, url, encode, counts))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, following.cancel)
    with suppress(asyncio.CancelledError):
        await following
