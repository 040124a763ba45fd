"""How the detector keeps its budget and how soon it sees a change, beside River's and the usual tests. Minutes.

    python -m tests.benchmarks.detection [--only 'AR*'] [--repetitions 100] [--budget 1e5] [--no-rivals] [--write]

Each row is a stream (``streams``), repeated with seeds of its own. Without ``--write`` the tables are printed; with it they are
written into ``docs/detection.md``, figures included.
"""

import argparse
import multiprocessing
from fnmatch import fnmatch

from tests.benchmarks.detection.contest import Heard, Task, run
from tests.benchmarks.detection.plots import draw
from tests.benchmarks.detection.report import tables, write_page
from tests.benchmarks.detection.results import RESULTS, Results, write
from tests.benchmarks.detection.streams import CHANGES, NULLS

#: Repetitions that are looked at together, as the features of one model.
TOGETHER = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=["*"], metavar="PATTERN", help="rows whose name fits one of these")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1, help="tune on seeds from 1,001 on, report on 1 to 100")
    parser.add_argument("--budget", type=float, default=1e5, help="values between false alarms")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--write", action="store_true", help="write docs/detection.json, the page's tables and the figures")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    rows = [row for row in (*NULLS, *CHANGES) if any(fnmatch(row.name, each) for each in options.only)]
    seeds = range(options.first_seed, options.first_seed + options.repetitions)
    tasks = [
        Task(row.name, list(seeds[begin : begin + TOGETHER]), options.budget, not options.no_rivals)
        for row in rows
        for begin in range(0, len(seeds), TOGETHER)
    ]
    heard: dict[str, dict[str, Heard]] = {row.name: {} for row in rows}
    with multiprocessing.Pool(options.processes) as pool:
        for task, said in zip(tasks, pool.imap(run, tasks), strict=True):
            for name, each in said.items():
                if name in heard[task.row]:
                    heard[task.row][name].add(each)
                else:
                    heard[task.row][name] = each
    results = Results(options.budget, options.first_seed, options.repetitions, heard)
    print(tables(results))
    if options.write:
        write(results, RESULTS)
        write_page(results)
        draw(results)


if __name__ == "__main__":
    main()
