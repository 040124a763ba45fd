"""Look for bytes that the decoders do not end as they must, guided by the coverage of ``schemas``: ``make fuzz``.

    python -m tests.fuzz [libFuzzer's options] FOLDER…

The first folder is where new inputs go, the others are read. Ends at the first input that raises, takes too long, or makes
the process too large, and writes it to a file ``crash-…``, ``timeout-…`` or ``oom-…``, which the same command replays when it
is given the file. Run by the interpreter of its own environment, since the fuzzer has no wheel for most machines.
"""

import sys

import atheris

with atheris.instrument_imports(include=["schemas"]):
    from tests.fuzz.target import CPU_MS, outcome_of, read, timed

__all__: list[str] = []

DETAIL_BYTES = 1024


def once(data: bytes) -> None:
    record = read(data)
    _, detail = outcome_of(record)
    if len(detail.encode()) > DETAIL_BYTES:
        raise AssertionError(f"a detail of {len(detail)} characters")
    if (spent := timed(record)) > CPU_MS:
        raise AssertionError(f"{spent:.0f} ms for a value of {len(record.value or b'')} bytes; {CPU_MS:.0f} are allowed")


if __name__ == "__main__":
    atheris.Setup(sys.argv, once)
    atheris.Fuzz()
