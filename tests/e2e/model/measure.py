"""Runs a command, its output to stderr, and prints {"code", "peak_bytes", "cpu_seconds"} of it.

A program of its own, because the peak that the kernel tells of a process includes what its parent
had when it was started: this one is small.
"""

import json
import os
import sys

child = os.fork()
if child == 0:
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "peak_bytes": usage.ru_maxrss * 1024,
                  "cpu_seconds": usage.ru_utime + usage.ru_stime}))
