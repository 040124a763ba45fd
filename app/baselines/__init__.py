"""Baselines as files and as records: what the configuration names is found, checked, and given to the detectors.

- ``in_force``  the baselines that a configuration names, from their files or from the topic
- ``pinned``    the compacted topic ``baselines``: what was pinned is found by its id, by every worker
- ``telling``   what a baseline holds, as data and for people
"""

from app.baselines.in_force import InForce, check_files, in_force, read_file
from app.baselines.pinned import PinError, Pinned, find, pin

__all__ = ["InForce", "PinError", "Pinned", "check_files", "find", "in_force", "pin", "read_file"]
