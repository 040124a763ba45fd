"""How the roles of this process are doing: filled by the runner, read by ``/-/ready``, by the page and by the metrics.

A role is as well as its worst shard. Being ready means that every role is assigned and rebuilt; a role whose group gave
this member no partition is ready too, and says so. Nothing here waits or decides: it is a notice board of one process.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["STATES", "Health", "RoleState", "State"]

State = Literal["starting", "assigned", "rebuilding", "live", "without_partitions", "failed"]
#: From worst to best: a role shows the worst of its shards.
STATES: tuple[State, ...] = ("failed", "starting", "assigned", "rebuilding", "live", "without_partitions")
READY: frozenset[State] = frozenset({"live", "without_partitions"})


@dataclass
class RoleState:
    """One role: its own word before it has shards (``state``, ``reason``), and then that of each of its shards."""

    state: State = "starting"
    reason: str = "waiting for the consumer group"
    shards: dict[int, tuple[State, str]] = field(default_factory=dict)
    #: Why no shard can do anything, whatever each last said of itself; empty where nothing is in the way.
    cut_off: Callable[[], str] = str
    #: What is worth knowing of a role that does all that it is here for; empty where nothing is.
    remark: Callable[[], str] = str

    @property
    def worst(self) -> tuple[State, str]:
        """The state that counts, and the reason with the partition it is about."""
        if cut_off := self.cut_off():
            return "failed", cut_off
        if self.state == "failed" or not self.shards:
            return self.state, self.reason
        shards = [(STATES.index(state), not reason, at, state, reason) for at, (state, reason) in self.shards.items()]
        _, _, partition, state, reason = min(shards)
        return state, f"partition {partition}: {reason}" if reason else self.remark() if state == "live" else ""

    @property
    def ready(self) -> bool:
        """Whether the role does all that it is here for."""
        return self.worst[0] in READY


class Health:
    """The notice board. ``stopping`` says why the process is about to end, None while it is not."""

    def __init__(self, roles: Iterable[str]) -> None:
        self.roles: dict[str, RoleState] = {role: RoleState() for role in roles}
        self.stopping: str | None = None

    @property
    def ready(self) -> bool:
        """Whether all roles are."""
        return self.stopping is None and all(role.ready for role in self.roles.values())

    def assign(self, role: str, partitions: Iterable[int]) -> None:
        """The group gave ``role`` these partitions and no others."""
        of_role = self.roles[role]
        kept = of_role.shards
        of_role.shards = {partition: kept.get(partition, ("assigned", "about to be opened")) for partition in partitions}
        of_role.state = "assigned" if of_role.shards else "without_partitions"
        of_role.reason = "" if of_role.shards else "the consumer group gave this member no partition"

    def shard(self, role: str, partition: int, state: State, reason: str = "") -> None:
        """Say how one partition of ``role`` is doing."""
        self.roles[role].shards[partition] = (state, reason)

    def forget(self, role: str, partition: int) -> None:
        """The partition was given up."""
        of_role = self.roles[role]
        of_role.shards.pop(partition, None)
        if not of_role.shards and of_role.state != "failed":
            of_role.state, of_role.reason = "starting", "gave its partitions up, waiting for the consumer group"

    def fail(self, role: str, reason: str) -> None:
        """The role as a whole has failed."""
        self.roles[role].state, self.roles[role].reason = "failed", reason

    def stop(self, reason: str) -> None:
        """The process is about to end."""
        self.stopping = reason
