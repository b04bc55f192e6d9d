"""Fails when a function of LLVM dialect text takes stack by anything but a constant in its entry block.

Prints what each function takes, or one line per fault.
"""

import collections
import re
import sys

function, entry, constants = None, True, {}
faults, taken = [], collections.Counter()
for number, line in enumerate(open(sys.argv[1], encoding="utf-8"), 1):
    if match := re.match(r'\s*llvm\.func [^@]*@("[^"]*"|[^(]*)\(', line):
        function, entry, constants = match[1], True, {}
    elif re.match(r"\s*\^bb", line):
        entry = False
    elif match := re.match(r"\s*(%\S+) = llvm\.mlir\.constant\((\d+) : i64\)", line):
        constants[match[1]] = int(match[2])
    elif match := re.search(r"llvm\.alloca (?:inalloca )?(%\S+) x (\S+)", line):
        if not entry:
            faults.append(f"line {number}: {function} takes stack outside of its entry block")
        elif match[1] not in constants or match[2] != "i8":
            faults.append(f"line {number}: {function} takes stack of unknown size")
        else:
            taken[function] += constants[match[1]]
print("\n".join(faults) or "\n".join(f"{name}: {size} bytes" for name, size in taken.items()))
sys.exit(bool(faults) or not taken)
