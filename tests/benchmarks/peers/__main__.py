"""The pair role among other stream processors, by a harness that lies beside this repository.

    python -m tests.benchmarks.peers HARNESS [arguments of the harness]

The harness measures each peer on the same events and checks its pairs. Its events name their time ``ts``, the contract
here ``timestamp``; so a copy of the harness is made with that one name changed everywhere, in the events and in all peers.
``PEERS_HOME`` is where all is kept; ``contestant`` is what runs for gnomon.
"""

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RENAMED = ("data.py", "kstreams/*.java", "peer/*.py")


def copy(harness: Path, to: Path) -> None:
    """With the events' time renamed."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(harness, to, copy_function=shutil.copyfile)
    for pattern in RENAMED:
        for path in to.glob(pattern):
            path.write_text(re.sub(r"\bts\b", "timestamp", path.read_text()))
    data = to / "data.py"  # events that an unchanged harness has left are not taken for these
    data.write_text(data.read_text().replace('"v": 1', '"v": "timestamp"'))


def main() -> None:
    harness, *arguments = sys.argv[1:]
    home = Path(os.environ.get("PEERS_HOME", Path.home() / ".cache" / "stream-peers"))
    copy(Path(harness), home / "harness")
    environment = os.environ | {"PEERS_HOME": str(home), "GNOMON_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    ours = Path(__file__).with_name("ours.toml")
    os.execvpe("bash", ["bash", str(home / "harness" / "run.sh"), "--extra", str(ours), *arguments], environment)


if __name__ == "__main__":
    main()
