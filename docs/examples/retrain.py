"""Act on retrain triggers: what to run for a record of ``retrain.triggers``, by an id that is run once.

``request_of`` is all that a pipeline needs: Airflow's ``apply_function``, a Dagster sensor and a script call the same.
"""

import json
from typing import Any

TO_ACT_ON = {"not_required", "approved"}


def request_of(value: bytes | str) -> dict[str, Any] | None:
    """The retraining that a record asks for, as flat values; None for one that nobody may act on (yet, or any more).

    ``run_key`` is the same for every record of a trigger, and ``state`` for every one that may be acted on: together Dagster's
    ``run_key``, Airflow's ``dag_run_id``.
    """
    data = json.loads(value)["data"]
    if data["approval"]["state"] not in TO_ACT_ON:
        return None
    window = data["window"]
    return {
        "run_key": data["trigger_id"],
        "state": data["approval"]["state"],
        "model": data["model"]["name"],
        "version": data["model"]["version"],
        "reason": data["reason"]["code"],
        "events": window["events"],
        "digest": window["digest"],
        "offsets": json.dumps(window["offsets"]),
    }


def dispatch_of(value: bytes | str) -> dict[str, Any] | None:
    """The body of GitHub's ``POST /repos/OWNER/REPO/dispatches``: ``client_payload`` may have ten fields, as ``data`` has."""
    data = json.loads(value)["data"]
    return {"event_type": "retrain", "client_payload": data} if data["approval"]["state"] in TO_ACT_ON else None


def status_of(request: dict[str, Any], status: str, **more: str) -> tuple[bytes, bytes]:
    """Key and value of the answer on ``retrain.status``; its partitioner has to be murmur2."""
    answer = {"trigger_id": request["run_key"], "model": request["model"], "status": status, **more}
    return request["model"].encode(), json.dumps(answer).encode()
