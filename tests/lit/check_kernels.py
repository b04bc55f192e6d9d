#!/usr/bin/env python3
"""Compiles a model of each block format for a CPU and checks the hot loops of its matrix products.

Prints a table of the loops, of which the functions, and fails when one has a fault (see hot_loops.py)
that is not in the list of known ones, or when one in the list is not there any more. Lines of the
list are: CPU, function (* stands for anything), faults.
"""

import argparse
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "llmc-docs"))
import hot_loops

WIDTHS = {"sapphirerapids": "zmm", "cascadelake": "zmm", "haswell": "ymm"}


def read_known(path, cpu):
    """(function, fault) of each line for the CPU."""
    known = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == cpu:
            known.update((words[1], fault) for fault in words[2:])
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cpu", choices=WIDTHS)
    parser.add_argument("formats", type=pathlib.Path, help="the reference page of block formats")
    parser.add_argument("folder", type=pathlib.Path, help="where assembly is, or is written")
    parser.add_argument("--llmc", default="llmc")
    parser.add_argument("--known", type=pathlib.Path, help="list of known faults")
    arguments = parser.parse_args()

    known = read_known(arguments.known, arguments.cpu) if arguments.known else set()
    needed, faulty = set(), []
    print(f"{'function':28} instructions", *hot_loops.COUNTS, "stack faults")
    for block_format, _ in hot_loops.formats(arguments.formats):
        path = hot_loops.assembly(arguments.llmc, arguments.cpu, block_format, arguments.folder)
        loops = list(hot_loops.hot_loops(path, rf"(matmul|unpack)\.({re.escape(block_format)}|amx|panel)\b.*"))
        if not loops:
            faulty.append(f"{block_format} has no hot loop")
        for loop in loops:
            faults = loop.faults(WIDTHS[arguments.cpu])
            print(f"{loop.function:28}", len(loop.lines), *loop.counts().values(), " ".join(faults) or "-")
            for fault in faults:
                patterns = {(p, f) for p, f in known if f == fault and fnmatch.fnmatchcase(loop.function, p)}
                needed |= patterns
                if not patterns:
                    faulty.append(f"{loop.function}: {fault}")
    faulty += [f"known, but not there: {function} {fault}" for function, fault in sorted(known - needed)]
    print(*(f"FAULT {line}" for line in faulty), sep="\n")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
