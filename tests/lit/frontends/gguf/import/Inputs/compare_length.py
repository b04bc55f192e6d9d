"""Fails unless the second file has at most 1 % more lines and 20 % more characters than the first."""

import sys

short, long = (open(path, encoding="utf-8").read() for path in sys.argv[1:3])
lines = short.count("\n"), long.count("\n")
print(f"{lines[0]} and {lines[1]} lines, {len(short)} and {len(long)} characters")
sys.exit(not short or lines[1] > 1.01 * lines[0] or len(long) > 1.2 * len(short))
