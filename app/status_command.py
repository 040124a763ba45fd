"""``gnomon status``: the read model on a shell, from Redis, without asking any worker."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from app.command_parts import FAILED, as_json, configured

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.read_model.views import Overview

__all__ = ["status"]

CLEAR = "\x1b[H\x1b[2J"


@click.command()
@click.option("--watch", is_flag=True, help="Show it anew whenever something changes, until Ctrl-C; with --json a line each.")
@click.option("--check", is_flag=True, help="Exit with 1 unless models, data and stream are all well.")
@click.option("--rows", default=20, show_default=True, type=click.IntRange(1, 1_000), help="Rows of each table.")
@configured
@as_json
def status(loaded: "Loaded", *, watch: bool, check: bool, rows: int, as_json: bool) -> None:
    """Say whether the models, the data and the stream are well: what the page's overview says.

    Exits with 1 when the read model cannot be read.
    """
    from app.status import lines
    from app.web.pages.standing import standings

    def tell(seen: "Overview") -> None:
        if as_json:
            click.echo(_json(seen, indent=not watch))
        else:
            click.echo((CLEAR if watch and sys.stdout.isatty() else "") + "\n".join(lines(seen, rows)))

    async def run() -> int:
        async with _Reading(loaded.config) as current:
            seen = await current()
            tell(seen)
            while watch:
                seen = await _changed(current, seen)
                tell(seen)
            if seen.as_of is None:
                return FAILED
            return FAILED if check and any(each.level != "good" for each in standings(seen, {}, None)) else 0

    try:
        code = asyncio.run(run())
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)


class _Reading:
    """A read model of this command's own, closed at the end."""

    def __init__(self, config: "Config") -> None:
        self._config = config

    async def __aenter__(self) -> Callable[[], Awaitable["Overview"]]:
        from app.logs import set_up_logs
        from app.read_model import ReadModel, connect

        set_up_logs(self._config.log)
        self._redis = connect(self._config.redis.url, self._config.redis.password)
        self._model = ReadModel(self._redis, self._config.topics.prefix, self._config.topics.partitions)
        return self._model.current

    async def __aexit__(self, *_: object) -> None:
        await self._model.close()
        await self._redis.aclose()


async def _changed(current: Callable[[], Awaitable["Overview"]], before: "Overview") -> "Overview":
    """The next overview that differs, at most two a second."""
    while True:
        await asyncio.sleep(0.5)
        seen = await current()
        if (seen.revision, seen.stale) != (before.revision, before.stale):
            return seen


def _json(seen: "Overview", *, indent: bool) -> str:
    import msgspec

    from app.web.briefs import brief
    from app.web.pages.standing import standings

    document = {
        "as_of": seen.as_of,
        "stale": seen.stale,
        "standings": [{"area": each.area, "level": each.level, "said": each.sentence} for each in standings(seen, {}, None)],
        "models": [brief(model) for model in seen.models.values()],
        "alerts": seen.alerts,
        "triggers": seen.triggers,
        "pipeline": seen.pipeline,
    }
    encoded = msgspec.json.encode(document)
    return (msgspec.json.format(encoded, indent=2) if indent else encoded).decode()
