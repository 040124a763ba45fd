"""Ports of 127.0.0.1: a free one, and whether one is taken.

A port found free can be taken before the server binds it. So whoever asks for a free port has to be ready to ask again; a port
that the user named is never exchanged for another.

Free ports come from below the range from which the system takes the clients' ends of connections. From inside it, a client that
keeps knocking at a server that is down can be given that very port and is then connected to itself: the server cannot come back.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

__all__ = ["HOST", "free_ports", "is_taken"]

HOST = "127.0.0.1"
PORTS = range(16_000, 32_000)  # Linux takes the clients' from 32,768 up, other systems from higher


def free_ports(count: int) -> list[int]:
    """Different ports, each free a moment ago."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = random.choice(PORTS)  # noqa: S311 - not a secret
            with suppress(OSError):
                held.enter_context(socket.socket()).bind((HOST, port))
                found.append(port)
    return found


def is_taken(port: int) -> bool:
    """Whether a server could not bind the port now; connections that are just closing do not count, as with the servers."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
