"""Run one retraining and answer for it on ``retrain.status``: accepted, running, then succeeded with the new version, or failed.

Install gnomon (``gnomon triggers export`` reads the window) and ``confluent-kafka``, put ``retrain.py`` beside this file, and
set ``GNOMON_KAFKA__BOOTSTRAP_SERVERS``. From a shell, as Argo and GitHub do::

    python retrain_run.py TRIGGER_ID MODEL python train.py

runs ``python train.py window.jsonl`` and takes the last line that it writes as the new version.

Whoever calls it sees to it that a trigger is run once. Where that fails, the second ``accepted`` is refused, to the dead
letters, and changes nothing. A run that is killed answers no more: ``RetrainOverdue`` tells of it after ``retrain.lease_s``. A
training that takes longer than this says ``running`` again meanwhile.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import KafkaException, Producer
from retrain import status_of

DETAIL_CHARS = 500


def answer(request: dict[str, Any], status: str, **more: str) -> None:
    """Say what became of a trigger; it is on the topic on return, ``KafkaException`` where it is not after 30 s."""
    servers = os.environ["GNOMON_KAFKA__BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2", "message.timeout.ms": 30_000})
    errors: list[Any] = []
    key, value = status_of(request, status, **more)
    producer.produce("retrain.status", value, key, on_delivery=lambda error, _: errors.append(error))
    producer.flush()
    if errors != [None]:
        raise KafkaException(*errors)


def export(request: dict[str, Any], file: Path) -> None:
    """Write the pairs of ``window.digest`` to a file; ``CalledProcessError`` where the log has them no more."""
    subprocess.run(["gnomon", "triggers", "export", request["run_key"], "--out", str(file)], check=True)


def retrain(
    request: dict[str, Any], train: Callable[[Path], str],
    say: Callable[..., None] = answer, read: Callable[[dict[str, Any], Path], None] = export,
) -> str:  # fmt: skip
    """Train on the window of a request, as ``retrain.request_of`` gives it, and answer; the new version."""
    say(request, "accepted")
    try:
        with TemporaryDirectory() as folder:
            window = Path(folder) / "window.jsonl"
            read(request, window)
            say(request, "running")
            version = train(window)
    except Exception as error:
        say(request, "failed", detail=str(error)[:DETAIL_CHARS])
        raise
    say(request, "succeeded", new_version=version)
    return version


def by_command(command: list[str], window: Path) -> str:
    """Train by a command; the last line that it writes is the new version."""
    done = subprocess.run([*command, str(window)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


if __name__ == "__main__":
    trigger_id, model, *words = sys.argv[1:]
    retrain({"run_key": trigger_id, "model": model}, lambda window: by_command(words, window))
