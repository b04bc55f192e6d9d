#!/usr/bin/env python3
"""Prints the innermost loop of a function in assembly that has a given instruction.

Fails unless there is exactly one. With --faults WIDTH prints instead what is wrong with each of the
function's hot loops (see hot_loops.py), for a CPU whose widest registers are called so.
"""

import argparse
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "llmc-docs"))
import check_aarch64
import hot_loops

# What a comment begins with, and what is before the label of a jump.
SYNTAXES = {"x86": ("#", r"j\w+\s+"), "aarch64": ("//", check_aarch64.JUMP)}


def print_faults(path, function, width):
    for loop in hot_loops.hot_loops(path, re.escape(function)):
        print(loop.function, len(loop.lines), *(loop.faults(width) or ["-"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assembly")
    parser.add_argument("function")
    parser.add_argument("instruction", nargs="?")
    parser.add_argument("--faults", metavar="WIDTH")
    parser.add_argument("--syntax", choices=SYNTAXES, default="x86")
    arguments = parser.parse_args()
    if arguments.faults:
        return print_faults(arguments.assembly, arguments.function, arguments.faults)

    comment, jump = SYNTAXES[arguments.syntax]
    bodies = [lines for name, lines in hot_loops.functions(arguments.assembly, comment) if name == arguments.function]
    if not bodies:
        sys.exit(f"{arguments.assembly} has no function {arguments.function}")
    found = [
        bodies[0][first : last + 1]
        for first, last in hot_loops.innermost_loops(bodies[0], jump)
        if any(line.startswith(arguments.instruction) for line in bodies[0][first : last + 1])
    ]
    if len(found) != 1:
        sys.exit(f"{arguments.function} has {len(found)} innermost loops with {arguments.instruction}")
    print("\n".join(found[0]))


if __name__ == "__main__":
    main()
