"""The log: one object or line an event, ours and the libraries' alike; secrets masked; repetitions counted."""

import asyncio
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from aiokafka import errors
from aiokafka.consumer import group_coordinator
from mode import Service

from app.config import LogSettings, Secret
from app.logs import Repeats, logging_config, set_up_logs


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_ours_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(format="json"))
    structlog.get_logger("gnomon.pair").info("rebuilt", partition=3, password=Secret("hunter2"), of={1: Secret("hunter2")})
    [line] = lines(capsys)
    assert list(line)[:4] == ["timestamp", "level", "event", "logger"]
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "level": "info",
        "event": "rebuilt",
        "logger": "gnomon.pair",
        "partition": 3,
        "password": "***",
        "of": {"1": "***"},
    }


def test_the_libraries_as_json_with_the_exception_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(format="json"))
    try:
        int("wrong")
    except ValueError:
        logging.getLogger("faust.app").exception("it %s", "broke")
    [line] = lines(capsys)
    assert (line["level"], line["event"], line["logger"]) == ("error", "it broke", "faust.app")
    assert "ValueError: invalid literal" in str(line["exception"])


def test_text_is_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings())
    structlog.get_logger("gnomon.pair").warning("lagging", partition=3, password=Secret("hunter2"))
    [line] = capsys.readouterr().err.splitlines()
    for words in ("warning", "lagging", "gnomon.pair", "partition=3", "password=***"):
        assert words in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [("debug", "debug", "debug"), ("info", "info", "warning"), ("warning", "warning", "warning"), ("error", "error", "error")],
)
def test_levels(
    capsys: pytest.CaptureFixture[str], level: Literal["debug", "info", "warning", "error"], ours: str, theirs: str
) -> None:
    set_up_logs(LogSettings(format="json", level=level))
    order = ["debug", "info", "warning", "error"]
    for name in order:
        getattr(structlog.get_logger("gnomon"), name)("ours")
        getattr(logging.getLogger("aiokafka.client"), name)(name)
    seen = lines(capsys)
    assert [line["level"] for line in seen if line["logger"] == "gnomon"] == order[order.index(ours) :]
    assert [line["level"] for line in seen if line["logger"] != "gnomon"] == order[order.index(theirs) :]


def test_python_s_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        set_up_logs(LogSettings(format="json"))
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    [line] = lines(capsys)
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")


def test_setting_up_again_replaces_and_does_not_double(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(format="json"))
    set_up_logs(LogSettings(format="json"))
    logging.getLogger("anything").error("once")
    assert len(lines(capsys)) == 1


def test_the_dictionary_that_faust_takes_writes_to_stderr() -> None:
    handlers = logging_config(LogSettings())["handlers"]
    assert [handler["stream"] for handler in handlers.values()] == [sys.stderr]


def record(name: str, level: int, at_s: float, line: int = 1, text: str = "x") -> logging.LogRecord:
    made = logging.LogRecord(name, level, __file__, line, "again %s", (text,), None)
    made.created = at_s
    return made


def test_a_library_s_warning_passes_once_a_minute_and_says_how_many_were_held_back() -> None:
    repeats = Repeats(every_s=60)
    passed = [
        each
        for each in (record("aiokafka.sender", logging.WARNING, at) for at in (0, 1, 59, 60, 61, 200))
        if repeats.filter(each)
    ]
    assert [each.getMessage() for each in passed] == ["again x", "again x (and 2 more like it)", "again x (and 1 more like it)"]


def test_a_library_s_error_passes_once_in_ten_seconds_for_each_of_its_texts() -> None:
    repeats = Repeats()
    made = [record("aiokafka", logging.ERROR, at, 1, text) for at in (0, 1, 9.9, 10) for text in ("no node 1", "no node 2")]
    passed = [each.getMessage() for each in made if repeats.filter(each)]
    held = " (and 2 more like it)"
    assert passed == ["again no node 1", "again no node 2", f"again no node 1{held}", f"again no node 2{held}"]


def test_texts_of_errors_do_not_fill_the_memory() -> None:
    repeats = Repeats()
    assert all(repeats.filter(record("aiokafka", logging.ERROR, 0, 1, str(number))) for number in range(2_000))
    assert len(repeats._passed) <= 501


def test_ours_and_tracebacks_and_other_lines_are_never_held_back() -> None:
    repeats = Repeats()
    with_traceback = record("aiokafka.sender", logging.ERROR, 0)
    with_traceback.exc_info = (ValueError, ValueError("x"), None)
    assert all(repeats.filter(with_traceback) for _ in range(5))
    for level in (logging.WARNING, logging.ERROR):
        assert all(repeats.filter(record("gnomon.pair", level, at)) for at in range(5))
    assert all(repeats.filter(record("aiokafka.sender", logging.WARNING, 0, line)) for line in range(5))


class Ours(Service):  # type: ignore[misc]  # mode has no types here
    """A service as Faust's are: its coming and going is logged under this module's name."""

    mundane_level = "info"


@pytest.mark.parametrize(("level", "seen"), [("info", []), ("debug", ["debug", "debug"])])
async def test_the_coming_and_going_of_services_is_for_debugging(
    capsys: pytest.CaptureFixture[str], level: Literal["info", "debug"], seen: list[str]
) -> None:
    set_up_logs(LogSettings(format="json", level=level))
    service = Ours()
    await service.start()
    await service.stop()
    service.log.warning("not well")
    written = [line for line in lines(capsys) if line["logger"] == __name__]
    assert [line["level"] for line in written if line["event"] in {"[^Ours]: Starting...", "[^Ours]: Stopping..."}] == seen
    assert (written[-1]["level"], written[-1]["event"]) == ("warning", "[^Ours]: not well")


class Broker:
    """Stands for aiokafka's client: refuses the first look for a coordinator, and names one at the second."""

    def __init__(self, refusal: errors.KafkaError) -> None:
        self.refusals = [refusal]

    async def coordinator_lookup(self, *_: Any) -> int:
        if self.refusals:
            raise self.refusals.pop()
        return 0

    async def force_metadata_update(self) -> None:
        """Nothing is remembered."""

    async def ready(self, *_: Any, **__: Any) -> bool:
        return True


async def look_for_coordinator(refusal: errors.KafkaError) -> None:
    """aiokafka's own look for the coordinator of a group, so that a change of its words fails here."""
    looking: Any = group_coordinator.GroupCoordinator.__new__(group_coordinator.GroupCoordinator)
    looking.coordinator_id, looking._coordinator_lookup_lock, looking._retry_backoff_ms = None, asyncio.Lock(), 1
    looking._closing, looking._client, looking.group_id = asyncio.get_running_loop().create_future(), Broker(refusal), "g"
    looking._coordinator_dead_fut = asyncio.get_running_loop().create_future()
    await looking.ensure_coordinator_known()


async def test_a_broker_that_has_just_started_is_a_warning_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(format="json"))
    await look_for_coordinator(errors.GroupCoordinatorNotAvailableError())
    line = lines(capsys)[0]
    assert (line["level"], line["logger"]) == ("warning", "aiokafka.consumer.group_coordinator")
    assert line["event"] == (
        "the broker has no coordinator for the consumer group yet, as when it has just started; trying again "
        "(GroupCoordinatorNotAvailableError)"
    )


async def test_what_else_a_coordinator_refuses_stays_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(format="json"))
    await look_for_coordinator(errors.RequestTimedOutError())
    line = lines(capsys)[0]
    assert line["level"] == "error"
    assert "Group Coordinator Request failed" in str(line["event"])
