"""What Kafka and Redis have in common here: started, stopped and started again at the same address, on 127.0.0.1 alone.

`start` returns when the server answers in its own protocol and is a no-op while it runs; after `stop`, or after a `kill -9` of
`pid`, it brings back the same server at the same address. A free port that another program takes first is exchanged for another
one at the first start; later, and for a port that the user named, that is an error, since clients know the address by then.
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from pathlib import Path

from app.dev.child import Child, wait_until_answers
from app.dev.errors import AddressTakenError, DevError, ServerEndedError
from app.dev.ports import HOST, free_ports, is_taken

__all__ = ["Server"]

START_SECONDS = 60.0  # the slowest seen is 8 s, on a busy machine without a class archive
TRIES = 5


class Server(ABC):
    """One server with its files in `folder`, at `asked_port` or at a free one."""

    name: str
    ports_needed = 1  # the first one is the clients'

    def __init__(self, folder: Path, asked_port: int | None) -> None:
        self.folder = folder
        self._asked_port = asked_port
        self._ports: list[int] = []
        self._child: Child | None = None

    @abstractmethod
    def _command(self, ports: list[int]) -> list[str]:
        """Prepare the folder and say what to run."""

    @abstractmethod
    def _answers(self, port: int) -> bool: ...

    @property
    def port(self) -> int:
        if not self._ports:
            raise ServerEndedError(f"{self.name} has no port before its first start")
        return self._ports[0]

    @property
    def child(self) -> Child:
        if self._child is None:
            raise ServerEndedError(f"{self.name} is not running")
        return self._child

    @property
    def pid(self) -> int:
        """The process id of the server itself: the one to send signals to."""
        return self.child.pid

    def start(self) -> None:
        """Return when it answers."""
        if self._child is not None and self._answers(
            self.port
        ):  # one killed a moment ago has not ended yet for us, but is silent
            return
        self.stop()
        if self._ports:
            self._start_at(self._ports)
        else:
            self._ports = self._first_start()

    def stop(self) -> None:
        """End it in order, and wait for that; its files and its address stay."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End it as a crash would, and wait for that."""
        self.child.stop(signal.SIGKILL)
        self._child = None

    def _first_start(self) -> list[int]:
        for _ in range(TRIES - 1):
            ports = self._pick()
            try:
                self._start_at(ports)
            except DevError:
                free = ports if self._asked_port is None else ports[1:]
                if not any(map(is_taken, free)):
                    raise
            else:
                return ports
        ports = self._pick()
        self._start_at(ports)
        return ports

    def _pick(self) -> list[int]:
        ports = free_ports(self.ports_needed)
        return ports if self._asked_port is None else [self._asked_port, *ports[1:]]

    def _start_at(self, ports: list[int]) -> None:
        if is_taken(ports[0]):
            raise AddressTakenError(
                f"{self.name} cannot listen on {HOST}:{ports[0]}: another program does. "
                f"Name another port with --{self.name.lower()}-port, or leave it out to get a free one"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child = Child(self._command(ports), self.folder / "log.txt", self.folder)
        try:
            wait_until_answers(self._child, self.name, lambda: self._answers(ports[0]), START_SECONDS)
        except BaseException:
            self.stop()
            raise
