"""Ports of 127.0.0.1: a free one, and whether one is taken.

A port found free can be taken before the server binds it. So whoever asks for a free port has to be ready to ask again; a port
that the user named is never exchanged for another.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack

__all__ = ["HOST", "free_ports", "is_taken"]

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Different ports, each free a moment ago."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def is_taken(port: int) -> bool:
    """Whether a server could not bind the port now; connections that are just closing do not count, as with the servers."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
