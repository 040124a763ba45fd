"""The log: one line an event on stderr, as text for people or as JSON for machines.

Our own events come through structlog, those of Faust, mode and aiokafka through the standard library; both are rendered by
the same handler. Data never goes here: a bad record is a dead letter, not a log line. A secret is masked. What a library
repeats is said once a minute, an error once in ten seconds, with the number of times, so that a broker in trouble does not fill
the disk.

Two things that libraries say are told otherwise than they say them (``Retold``): the coming and going of Faust's services is
for debugging, and a broker that has no group coordinator yet is a broker that has just started, a warning and not an error.
Their other errors are left as they are.
"""

import logging
import logging.config
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import orjson
import structlog

from app.config import LogSettings, Secret
from app.config.secret import MASK

__all__ = ["Repeats", "Retold", "logging_config", "set_up_logs"]

#: Libraries whose "info" is a line for each connection, rebalance step or request.
_QUIET = ("aiohttp", "aiokafka", "asyncio", "faust", "kafka", "mode")
#: How aiokafka says that a broker names no coordinator for a consumer group; the error is its argument.
_NO_COORDINATOR = "Group Coordinator Request failed: %s"
#: The two errors that end by themselves while a broker starts, by the name of their class.
_STARTING = {"GroupCoordinatorNotAvailableError", "GroupLoadInProgressError"}
#: The function by which mode, which runs Faust's services, logs their coming and going, under the name of each one's module.
_MUNDANE = "_log_mundane"
#: Different ones that are remembered, so that a text with a number in it does not fill the memory.
_TEXTS = 500


def set_up_logs(settings: LogSettings) -> None:
    """Configure the log of this process; may be called again."""
    logging.config.dictConfig(logging_config(settings))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)


def logging_config(settings: LogSettings) -> dict[str, Any]:
    """The same as a dictionary for ``logging.config``, which Faust takes as its ``logging_config``."""
    level = settings.level.upper()
    quiet = level if level in {"DEBUG", "ERROR"} else "WARNING"
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _shared(),
        "processors": _renderers(settings.format),
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"retold": {"()": Retold, "level": getattr(logging, level)}, "repeats": {"()": Repeats}},
        "formatters": {"gnomon": formatter},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": sys.stderr,
                "formatter": "gnomon",
                "filters": ["retold", "repeats"],
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {name: {"level": quiet, "handlers": [], "propagate": True} for name in _QUIET},
    }


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.UnicodeDecoder(),
        _masked,
    ]


def _masked(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.update((name, MASK) for name, value in event.items() if isinstance(value, Secret))
    return event


def _renderers(format_: Literal["text", "json"]) -> list[Any]:
    plain = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if format_ == "json":
        return [plain, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    formatter = structlog.dev.plain_traceback
    return [plain, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=formatter, sort_keys=False)]


def _json(event: dict[str, Any], **_: Any) -> str:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event", "logger") if name in event}
    return orjson.dumps(first | event, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


class Retold(logging.Filter):
    """Gives two records of libraries another level, and words; ``level`` is the least that is written."""

    def __init__(self, level: int = logging.INFO) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is still written."""
        if record.levelno == logging.INFO and record.funcName == _MUNDANE:
            _set_level(record, logging.DEBUG)
        elif record.msg == _NO_COORDINATOR and (name := _error_of(record)) in _STARTING:
            _set_level(record, logging.WARNING)
            record.msg = "the broker has no coordinator for the consumer group yet, as when it has just started; trying again"
            record.msg, record.args = f"{record.msg} ({name})", ()
        return record.levelno >= self._level


def _set_level(record: logging.LogRecord, level: int) -> None:
    record.levelno, record.levelname = level, logging.getLevelName(level)


def _error_of(record: logging.LogRecord) -> str:
    return type(record.args[0]).__name__ if isinstance(record.args, tuple) and record.args else ""


class Repeats(logging.Filter):
    """Lets a library's warning through once in ``every_s``; the next one that passes says how many were held back.

    A broker answers a transaction that follows another at once with "NOT_ENOUGH_REPLICAS, retrying": aiokafka warns of it
    several times a second while nothing is wrong. Of a broker that is away it says so by an error at each attempt, 270 a second
    were counted: an error passes once in ``errors_every_s`` for each of its texts, and always where it comes with a traceback.
    Ours are never held back.
    """

    def __init__(self, every_s: float = 60.0, errors_every_s: float = 10.0) -> None:
        super().__init__()
        self._every_s = {logging.WARNING: every_s, logging.ERROR: errors_every_s}
        self._passed: dict[tuple[str, int, str], float] = {}
        self._held: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        every_s = self._every_s.get(record.levelno)
        if every_s is None or record.exc_info or record.name.partition(".")[0] not in _QUIET:
            return True
        # Of the lines that warn there are only so many, of the texts of errors there may be more.
        key = (record.name, record.lineno, record.getMessage() if record.levelno == logging.ERROR else "")
        if len(self._passed) > _TEXTS:
            self._passed.clear()
            self._held.clear()
        if record.created - self._passed.get(key, float("-inf")) < every_s:
            self._held[key] = self._held.get(key, 0) + 1
            return False
        self._passed[key] = record.created
        held = self._held.pop(key, 0)
        if held:
            record.msg = f"{record.msg} (and {held} more like it)"
        return True
