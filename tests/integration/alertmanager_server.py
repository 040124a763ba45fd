"""Debian's real Alertmanager with the example configuration, and the web hook that it notifies.

Only addresses and waits of the example are changed. CI has the package (`.ci/run` installs it), so there it must not be missing;
elsewhere the tests that need it are skipped with the reason.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.dev.ports import HOST
from app.dev.server import Server

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "alertmanager.yml"
MISSING = "the Debian package prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager"
_QUICK = {
    "group_wait: 30s": "group_wait: 1s",
    "group_interval: 5m": "group_interval: 1s",
    "repeat_interval: 1d": "repeat_interval: 1h",
}


def program(name: str) -> str:
    """The path of a program of the package."""
    found = shutil.which(name)
    if found is None and "GNOMON_CI_RUN" in os.environ:
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return found


class _Server(http.server.ThreadingHTTPServer):
    """An Alertmanager that is back has something to say to each of its groups at once."""

    request_queue_size = 1_024


class Hook:
    """A web hook that keeps what it is told, by its path."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        take = self.take

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                take(self.path.strip("/"), json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = _Server((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{HOST}:{self._server.server_port}"

    def take(self, path: str, notification: dict[str, Any]) -> None:
        """One notification."""
        self.told.append((path, notification))

    def alerts(self, status: str) -> dict[str, dict[str, Any]]:
        """Of what it was told, the newest of each alert in that state, by `alertname/model`."""
        alerts = [alert for _, told in self.told for alert in told["alerts"] if alert["status"] == status]
        return {f"{alert['labels']['alertname']}/{alert['labels'].get('model')}": alert for alert in alerts}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Alertmanager(Server):
    """One Alertmanager; it keeps what it has notified when it is stopped, and forgets its alerts, as it always does."""

    name = "Alertmanager"

    def __init__(self, folder: Path, hook: Hook) -> None:
        super().__init__(folder, None)
        self._program, self._hook = program("prometheus-alertmanager"), hook

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def active(self) -> list[dict[str, Any]]:
        """Each alert that fires, as its API has it."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def alerts(self) -> dict[str, str]:
        """The state of each alert that fires, by `alertname/model`."""
        named = ((f"{each['labels']['alertname']}/{each['labels'].get('model')}", each) for each in self.active())
        return {name: each["status"]["state"] for name, each in named}

    def configuration(self) -> str:
        """Of the example, with other waits and this hook's address."""
        text = EXAMPLE.read_text("utf-8").replace("127.0.0.1:5001", self._hook.address)
        for slow, quick in _QUICK.items():
            assert slow in text
            text = text.replace(slow, quick)
        return text

    def _command(self, ports: list[int]) -> list[str]:
        config = self.folder / "alertmanager.yml"
        config.write_text(self.configuration(), "utf-8")
        listen = (f"--web.listen-address={HOST}:{ports[0]}", "--cluster.listen-address=")
        return [self._program, f"--config.file={config}", f"--storage.path={self.folder / 'data'}", *listen]

    def _answers(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
