"""Retrain triggers from outside: read from their topic, checked against the log, exported; ``app.actions`` answers them.

``log`` reads a stretch of a partition, ``told`` the latest state of each trigger, ``window`` the very records of a window;
``table`` and ``parquet`` give these to a training.
"""

from app.triggers.told import Told, find, told
from app.triggers.window import WindowCheck, check_window

__all__ = ["Told", "WindowCheck", "check_window", "find", "told"]
