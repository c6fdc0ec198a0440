# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks; see tools/bench."""

import argparse
import datetime
import os
import pathlib
import platform
import signal
import sys

from .cases import CASES
from .lab import Lab
from .servers import Gantry


def make_files(lab):
    """Random contents, so that nothing is compressed or made sparse on the way."""
    folder = lab.directory / "files"
    folder.mkdir(exist_ok=True)
    for name, size in (("small.bin", 4 << 10), ("large.bin", 8 << 20), ("huge.bin", 64 << 20)):
        path = folder / name
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))
        Gantry.files[name] = path


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} × {cpu}, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description="Benchmarks of rackd beside its peers.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}, or all (the default)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case; the tables have the median (default 3)")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only servers whose names have this word")
    parser.add_argument("--output", default="Benchmarks/.state/report.md", help="where the tables are written as Markdown")
    for tool in ("rackd", "load", "region", "atftpd", "kea-schema", "malloc-counter"):
        parser.add_argument(f"--{tool}", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    wanted = list(CASES) if not arguments.cases or "all" in arguments.cases else arguments.cases
    unknown = [case for case in wanted if case not in CASES]
    if unknown:
        parser.error(f"there is no case '{unknown[0]}'; expected one of {', '.join(CASES)}")
    tools = {name: getattr(arguments, name) for name in ("rackd", "region", "atftpd", "kea_schema", "malloc_counter")}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def say(text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    output = pathlib.Path(arguments.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    head = f"{datetime.date.today()}, {machine()}, {arguments.runs} runs each: median (least–greatest).\n"
    print(head)
    with output.open("w") as report, Lab("Benchmarks/.state", arguments.load) as lab:
        report.write(head + "\n")
        make_files(lab)
        for case in wanted:
            for table in CASES[case](lab, tools, arguments.runs, [word.lower() for word in arguments.only], say):
                print(table, flush=True)
                report.write(f"{table}\n")
                report.flush()
    say(f"written to {output}")


main()
