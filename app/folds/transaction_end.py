"""The end of a transaction is asked for once.

aiokafka repeats a request for the end of a transaction that got no answer. Kafka tells transactions of one producer epoch
apart by nothing else than their order, so when the first request arrives late after all, it ends the *next* transaction: with
its outputs, and without its checkpoint. ``tests/simulation`` shows what becomes of that. So an end that was not answered is an
error that the producer does not survive; its shard is thrown away, and the next one begins with a new epoch and reads what
holds.

A request that was not sent, or that was answered with a refusal for now, may be repeated as before. A private class of
aiokafka is replaced; ``tests/unit/app/test_transaction_end.py`` fails when it changes.
"""

import asyncio

import aiokafka.producer.sender as sender
from aiokafka.errors import KafkaError, NodeNotReadyError

__all__ = ["UnansweredEndError", "install"]


class UnansweredEndError(KafkaError):  # type: ignore[misc]  # aiokafka is not annotated
    """Whether the transaction was committed is not known, and is not asked a second time."""


class _EndOnce(sender.EndTxnHandler):  # type: ignore[misc]  # as above
    async def do(self, node_id: int) -> bool:
        """Send it; whether that is done with."""
        try:
            answer = await self._sender.client.send(node_id, self.create_request(), group=self.group)
        except NodeNotReadyError:  # it was not sent
            await asyncio.sleep(self.handle_error())
            return False
        except KafkaError as error:
            self._sender._txn_manager.fatal_error(UnansweredEndError(f"no answer to the end of a transaction: {error!r}"))  # noqa: SLF001
            return True
        again_after: float | None = self.handle_response(answer)
        if again_after is not None:
            await asyncio.sleep(again_after)
        return again_after is None


def install() -> None:
    """Have every producer of this process ask once."""
    sender.EndTxnHandler = _EndOnce
