"""Alerts on their way out: to Alertmanager over HTTP, and as messages through Apprise.

- ``answers``       what came of a delivery, whoever the receiver is
- ``alertmanager``  one Alertmanager
- ``messengers``    one address of Apprise
- ``courier``       one receiver's queue at work: batches, re-sends, patience
- ``office``        all receivers of a process, and the ledger that hands them what was committed

What is owed to whom is decided in ``app.domain.delivery``, by the role ``notify``.
"""

from app.delivery.office import Office, receivers_of

__all__ = ["Office", "receivers_of"]
