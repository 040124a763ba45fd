"""The end of a transaction: repeated where it was refused or not sent, never where its answer is missing."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import aiokafka.producer.sender as sender
import pytest
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, NotCoordinatorForGroupError, RequestTimedOutError
from aiokafka.producer.transaction_manager import TransactionManager, TransactionResult
from aiokafka.structs import TopicPartition

from app.folds import transaction_end
from app.folds.transaction_end import UnansweredEndError

PLACE = TopicPartition("pairs", 0)
REPLACED = inspect.getsource(sender.BaseHandler.do), inspect.getsource(sender.Sender._do_txn_commit)


class Link:
    """Answers, or fails, as it was told."""

    def __init__(self, outcome: Any) -> None:
        self.outcome, self.sent = outcome, 0

    async def send(self, node_id: int, request: Any, *, group: Any) -> Any:
        self.sent += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return SimpleNamespace(error_code=self.outcome)


async def end(outcome: Any) -> tuple[bool, TransactionManager, Link]:
    transaction_end.install()
    manager, link = TransactionManager("gnomon-pair-0", 60_000), Link(outcome)
    manager.set_pid_and_epoch(1, 0)
    manager.begin_transaction()
    manager.maybe_add_partition_to_txn(PLACE)
    manager.partition_added(PLACE)
    manager.committing_transaction()
    owner = SimpleNamespace(_txn_manager=manager, client=link, _retry_backoff=0.001, _coordinator_dead=lambda _: None)
    done = await sender.EndTxnHandler(owner, TransactionResult.COMMIT).do(1)
    return done, manager, link


@pytest.mark.parametrize("error", [RequestTimedOutError(), KafkaConnectionError("reset")])
async def test_an_end_without_an_answer_is_an_error_and_not_asked_again(error: Exception) -> None:
    done, manager, link = await end(error)
    assert done
    assert link.sent == 1
    with pytest.raises(UnansweredEndError, match="no answer to the end"):
        await manager.wait_for_transaction_end()
    assert manager.needs_transaction_commit() is None


@pytest.mark.parametrize("outcome", [NodeNotReadyError(), NotCoordinatorForGroupError.errno])
async def test_an_end_that_was_not_sent_or_refused_for_now_is_asked_again(outcome: Any) -> None:
    done, manager, _ = await end(outcome)
    assert not done
    assert manager.needs_transaction_commit() is not None


async def test_an_end_that_was_answered_is_the_end() -> None:
    done, manager, _ = await end(0)
    assert done
    await manager.wait_for_transaction_end()


def test_what_is_replaced_is_what_it_was() -> None:
    """The parts of aiokafka on which this rests."""
    repeats, ends = REPLACED
    assert "RequestTimedOutError" in repeats
    assert "handler = EndTxnHandler(self, commit_result)" in ends
