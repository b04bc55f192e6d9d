#!/usr/bin/env python3
"""Compiles a model of some block formats for an AArch64 CPU and checks the hot loops of its matrix products.

Prints a table: function, tokens of its tile, instructions, those of each kind, faults. Fails when a loop
has a fault that --allow does not name. Faults are
stack     a vector is moved to or from the stack
scalar    single floats are calculated with
transfer  a vector is made of a general register
narrow    less than a whole vector is loaded, and more than a number
"""

import argparse
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "llmc-docs"))
import hot_loops

JUMP = r"b\.\w+\s+|b\s+|cbn?z\s+\w+, |tbn?z\s+\w+, #\d+, "
PRODUCT = r"[us]*dot|[us]*mmla|smull2?|fmla"
COUNTS = {
    "products": r"([us]+dot|[us]+mmla|smull2?)\b",
    "fma": r"fml[as]\b",
    "loads": r"ld\w*\s+[{q]",
    "prefetches": r"prfm\b",
}
VECTOR = r"[qv]\d+"
FAULTS = {
    "scalar": r"f(n?m?(add|sub|mul)|div|sqrt|max|min|cvt)\w*\s+[hsd]\d",
    "transfer": r"(dup|mov|fmov|ins)\s+[vsd]\d\S*, [wx]\d",
    "narrow": r"ldu?r\s+[bhd]\d|ldp\s+[bhsd]\d",
}


def faults(lines, frame):
    found = {name for name, pattern in FAULTS.items() if any(re.match(pattern, line) for line in lines)}
    if any(re.search(VECTOR, line) and (at := re.search(r"\[(\w+)", line)) and at[1] in frame for line in lines):
        found.add("stack")
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cpu")
    parser.add_argument("folder", type=pathlib.Path, help="where assembly is, or is written")
    parser.add_argument("formats", nargs="+")
    parser.add_argument("--llmc", default="llmc")
    parser.add_argument("--allow", action="append", default=[], metavar="FUNCTION:FAULT",
                        help="a fault that is known; * stands for anything")
    arguments = parser.parse_args()

    allowed, used, wrong = set(arguments.allow), set(), []
    print("function", "tokens", "instructions", *COUNTS, "faults")
    for block_format in arguments.formats:
        path = hot_loops.assembly(arguments.llmc, arguments.cpu, block_format, arguments.folder)
        loops = 0
        for name, lines in hot_loops.functions(path, "//"):
            if not (tile := re.fullmatch(rf"matmul\.{re.escape(block_format)}(?:\.bias)?\.t(\d+)", name)):
                continue
            frame = {"sp"} | {"x29" for line in lines if re.match(r"(mov\s+x29, sp|add\s+x29, sp)", line)}
            for first, last in hot_loops.innermost_loops(lines, JUMP):
                code = [line for line in lines[first : last + 1] if not line.startswith(".")]
                # The columns that are left over after whole steps are no hot loop.
                if not any(re.match(PRODUCT, line) for line in code) or not any(l.startswith("prfm") for l in code):
                    continue
                loops += 1
                found = faults(code, frame)
                counts = [sum(bool(re.match(pattern, line)) for line in code) for pattern in COUNTS.values()]
                print(name, tile[1], len(code), *counts, " ".join(found) or "-")
                for fault in found:
                    known = {a for a in allowed if fnmatch.fnmatchcase(f"{name}:{fault}", a)}
                    used |= known
                    if not known:
                        wrong.append(f"{name}: {fault}")
        if not loops:
            wrong.append(f"{block_format} has no hot loop")
    wrong += [f"allowed, but not there: {a}" for a in sorted(allowed - used)]
    print(*(f"FAULT {line}" for line in wrong), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
