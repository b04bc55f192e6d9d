#!/usr/bin/env python3
"""Prints the innermost loop of a function in x86 assembly that has a given instruction.

Fails unless there is exactly one. A loop is what lies between a label and a jump back to it.
"""

import argparse
import re
import sys


def function_body(path, name):
    """The lines between the function's label and its end."""
    lines, inside = [], False
    with open(path, encoding="utf-8") as file:
        for line in file:
            if re.match(rf'"?{re.escape(name)}"?:', line):
                inside = True
            elif inside and line.startswith(".Lfunc_end"):
                return lines
            elif inside:
                lines.append(line.strip())
    sys.exit(f"{path} has no function {name}")


def innermost_loops(lines):
    labels, loops = {}, []
    for number, line in enumerate(lines):
        if label := re.match(r"(\.LBB\w+):", line):
            labels[label[1]] = number
        elif (jump := re.match(r"j\w+\s+(\.LBB\w+)", line)) and jump[1] in labels:
            loops.append((labels[jump[1]], number))
    return [
        (first, last)
        for first, last in loops
        if not any(first <= f and l <= last for f, l in loops if (f, l) != (first, last))
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assembly")
    parser.add_argument("function")
    parser.add_argument("instruction")
    arguments = parser.parse_args()

    lines = function_body(arguments.assembly, arguments.function)
    found = [
        lines[first : last + 1]
        for first, last in innermost_loops(lines)
        if any(line.startswith(arguments.instruction) for line in lines[first : last + 1])
    ]
    if len(found) != 1:
        sys.exit(f"{arguments.function} has {len(found)} innermost loops with {arguments.instruction}")
    print("\n".join(found[0]))


if __name__ == "__main__":
    main()
