"""Faults on a schedule, and a checker that knows nothing of them: `python -m tests.faults.campaign`."""
