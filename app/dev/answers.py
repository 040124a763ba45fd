"""Whether a server answers in its own protocol, which says more than an open port.

Kafka is asked for its metadata (API key 3, version 1, no topics) and has answered when it names a broker: a KRaft broker
accepts connections before the controller has let it in, and names none until then. Redis is asked PING.
"""

from __future__ import annotations

import socket
import struct

from app.dev.ports import HOST

__all__ = ["kafka_answers", "redis_answers"]

TIMEOUT_SECONDS = 2.0
METADATA, VERSION, CORRELATION, NO_CLIENT_ID, NO_TOPICS = 3, 1, 1, -1, 0


def kafka_answers(port: int) -> bool:
    """Whether a Kafka broker on the port says that its cluster has at least one broker."""
    request = struct.pack(">hhihi", METADATA, VERSION, CORRELATION, NO_CLIENT_ID, NO_TOPICS)
    try:
        with socket.create_connection((HOST, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            size: int = struct.unpack(">i", _read(connection, 4))[0]
            correlation, brokers = struct.unpack(">ii", _read(connection, size)[:8])
    except (OSError, struct.error):
        return False
    return bool(correlation == CORRELATION and brokers > 0)


def redis_answers(port: int) -> bool:
    """Whether a Redis on the port answers PING; while it still loads its data it does not."""
    try:
        with socket.create_connection((HOST, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return _read(connection, 7) == b"+PONG\r\n"
    except OSError:
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionResetError("the connection ended within the answer")
        received += part
    return received
