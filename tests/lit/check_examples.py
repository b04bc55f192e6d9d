#!/usr/bin/env python3
"""Fails when an example in a page is not what its command prints.

An example is a code block `sh` of one command, followed by a code block with its output. A line `...`
leaves lines out, `...` in a line leaves out a part of it; other lines must follow each other as in the
output, but for white space at their ends. Commands run in the current folder, without a shell. Prints
one line per fault.
"""

import argparse
import pathlib
import re
import shlex
import subprocess
import sys

EXAMPLE = re.compile(r"^```sh\n([^\n]+)\n```\n\n?(?:[^`\n][^\n]*\n)*\n?```(?!sh)\w*\n(.*?)^```$",
                     re.MULTILINE | re.DOTALL)


def find_missing(wanted, output):
    """The first line of an example that the output lacks; None if it has all."""
    at, adjacent = 0, False
    for line in wanted:
        if line.strip() == "...":
            adjacent = False
            continue
        pattern = re.compile(".*".join(map(re.escape, line.strip().split("..."))))
        places = range(at, min(at + 1, len(output)) if adjacent else len(output))
        found = next((i for i in places if pattern.fullmatch(output[i].strip())), None)
        if found is None:
            return line.strip()
        at, adjacent = found + 1, True
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    faults, count = [], 0
    for page in parser.parse_args().pages:
        examples = EXAMPLE.findall(page.read_text(encoding="utf-8"))
        if not examples:
            faults.append(f"{page} has no example")
        for command, wanted in examples:
            count += 1
            done = subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True)
            if done.returncode:
                faults.append(f"{page}: `{command}` failed: {done.stderr.strip()}")
                continue
            missing = find_missing(wanted.splitlines(), done.stdout.splitlines())
            if missing is not None:
                faults.append(f"{page}: `{command}` does not print this, or not in this place: {missing}")
    print("\n".join(faults) if faults else f"{count} examples")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
