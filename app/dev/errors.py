"""What can go wrong with the embedded servers; every message says what came, where, and what to do about it.

DevError
├── AddressTakenError    a port is used by another program
├── FolderTakenError     the folder of `--dir` is used by another `gnomon dev up`
├── JarRefusedError      a jar does not have the SHA-256 of the lock, or could not be had
├── ProgramMissingError  no Java of 17 or later, or no redis-server
└── ServerEndedError     a server ended, or did not answer, while it was needed
"""

from __future__ import annotations


class DevError(Exception):
    """The embedded servers cannot do what was asked; the message says what to do."""


class AddressTakenError(DevError):
    """A port is used by another program."""


class FolderTakenError(DevError):
    """The data folder is used by another process."""


class JarRefusedError(DevError):
    """A jar could not be had, or it is not the one that the lock names."""


class ProgramMissingError(DevError):
    """A program that is needed is not on this machine."""


class ServerEndedError(DevError):
    """A server ended, or did not answer, while it was needed."""
