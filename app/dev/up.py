"""`gnomon dev up`: the embedded servers in the foreground, until Ctrl-C, SIGTERM or the end of one of them.

The one line on stdout is printed when both answer; everything for people goes to stderr. SIGINT, SIGTERM and SIGHUP are one
thing here, at any moment, in the middle of a download as well: stop what was started, in order, and return 0. A second one
while stopping changes nothing: stopping takes a second, and a hurried end would be the untidy one.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.dev.errors import DevError
from app.dev.servers import Servers

__all__ = ["dev_up"]

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StopAsked(BaseException):
    """One of the signals came; not an `Exception`, so nothing on the way takes it for a failure."""


def dev_up(directory: Path | None, kafka_port: int | None, redis_port: int | None) -> int:
    """Run the servers; 0 when asked to stop, 1 when they could not start or one of them ended."""
    try:
        with _signals_stop(), Servers(directory, kafka_port, redis_port, log=_tell) as servers:
            print(f"ready kafka={servers.bootstrap_servers} redis={servers.redis_url}", flush=True)
            _tell("Kafka and Redis run; Ctrl-C stops them")
            servers.wait_for_an_end()
    except _StopAsked:
        _tell("stopped")
    except DevError as error:
        _tell(f"error: {error}")
        return 1
    return 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _signals_stop() -> Iterator[None]:
    def stop(_number: int, _frame: object) -> None:
        for each in STOPS:
            signal.signal(each, signal.SIG_IGN)
        raise _StopAsked

    stops = [
        each for each in STOPS if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN
    ]  # nohup ignores it
    before = {each: signal.signal(each, stop) for each in stops}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
