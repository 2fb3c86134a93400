"""What a task costs the broker in instructions, as callgrind counts them, may not grow by more than
a tenth over the number in bench/instructions.json; the time that it takes is no test's business.

    test_instructions.py BUILD_TYPE [--renew]

With --renew the number becomes what is found now: `bench/renew-instructions` does it for a change
that is worth its cost, which its commit message tells. One number is kept for each kind of machine
and build; a build that has none is skipped.

The broker runs under callgrind, with the peers of `zfabric bench` outside of it, once with few
tasks and once with many: the difference is what the tasks cost, its start and end are not in it.
How many packets come at a wake-up is up to the machine, so the counts of runs differ by some per
cent: the median of several is taken.
"""

import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("ZFABRIC_SOURCE") or pathlib.Path(__file__).parents[2])
KEPT = ROOT / "bench" / "instructions.json"
FEW, MANY = 2000, 6000
WARM = 10  # one in so many tasks comes before those that are counted by `zfabric bench`
RUNS = 3
MARGIN = 0.10

WRAPPER = """#!/bin/sh
exec valgrind --tool=callgrind --callgrind-out-file={counts} {zfabric} broker --client-tasks 100000 "$@"
"""


def instructions(folder, tasks, codec):
    """Of a broker from its start to its end, with so many tasks."""
    counts, wrapper = folder / "counts", folder / "broker"
    zfabric = os.path.abspath(os.environ["ZFABRIC"])
    wrapper.write_text(WRAPPER.format(counts=counts, zfabric=zfabric))
    wrapper.chmod(0o755)
    subprocess.run(
        [zfabric, "bench", "--json", "--program", str(wrapper), "--count", str(tasks),
         "--codec", codec],
        check=True, stdout=subprocess.DEVNULL,
    )
    return int(re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M).group(1))


def per_task(folder, codec):
    tasks = (MANY - FEW) * (WARM + 1) // WARM
    return statistics.median(
        (instructions(folder, MANY, codec) - instructions(folder, FEW, codec)) / tasks
        for _ in range(RUNS)
    )


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else ""
    renew = "--renew" in sys.argv
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    name = f"{platform.machine()} {build}"
    if name not in kept and not renew:
        print(f"no number is kept for {name!r}: bench/renew-instructions makes one")
        sys.exit(77)
    worst, found = 0, {}
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        for codec in ("json", "msgpack"):
            found[codec] = round(per_task(pathlib.Path(folder), codec))
            before = kept.get(name, {}).get(codec, found[codec])
            growth = found[codec] / before - 1
            worst = max(worst, growth)
            print(f"{codec}: {found[codec]} instructions a task, {before} before: {growth:+.1%}")
    if renew:
        kept[name] = found
        KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    elif worst > MARGIN:
        print(f"more than {MARGIN:.0%}: see the head of {pathlib.Path(__file__).name}")
        sys.exit(1)


if __name__ == "__main__":
    main()
