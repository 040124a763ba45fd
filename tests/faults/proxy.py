"""A TCP proxy that knows nothing of Kafka's frames: it cuts connections, or lets nothing through, in one direction or in both."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

from app.dev.ports import HOST

#: The worker's end and the broker's.
Connection = tuple[socket.socket, socket.socket]

_CHUNK = 65_536
#: Closing with a linger of zero sends RST in place of FIN.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Between a port of its own and ``target``. While a direction is held, bytes wait; the connection stays."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self._target = port, target
        self.to_broker, self.to_worker = threading.Event(), threading.Event()
        self.to_broker.set()
        self.to_worker.set()
        self._pairs: set[Connection] = set()
        self._lock, self._closed = threading.Lock(), False
        self._listener = socket.create_server((HOST, port))
        threading.Thread(target=self._accept, name=f"proxy {port}", daemon=True).start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                worker, _ = self._listener.accept()
                broker = socket.create_connection((HOST, self._target))
            except OSError:
                continue
            pair = worker, broker
            with self._lock:
                self._pairs.add(pair)
            for source, sink, gate in ((worker, broker, self.to_broker), (broker, worker, self.to_worker)):
                threading.Thread(target=self._pump, args=(source, sink, gate, pair), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, gate: threading.Event, pair: Connection) -> None:
        with suppress(OSError):
            while received := source.recv(_CHUNK):
                gate.wait()
                sink.sendall(received)
        self._cut(pair)

    def _cut(self, pair: Connection) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def reset(self) -> int:
        """Cut all connections at once, wherever in a frame they are; how many there were."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._cut(pair)
        return len(pairs)

    def close(self) -> None:
        self._closed = True
        self.to_broker.set()
        self.to_worker.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()
