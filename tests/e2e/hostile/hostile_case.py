"""What llmc promises of hostile files: a refusal in one line that names the file and the place, little
time and memory, and no other end."""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

LLMC = os.environ["LLMC"]
MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "shakespeare-Q4_K_M.gguf"
FAILED = 1
# Far above what it takes to refuse a file; AddressSanitizer needs more.
MOST_BYTES, MOST_SECONDS = 1 << 30, 20


class Outcome:
    def __init__(self, arguments, environment):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen([LLMC, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=err, env={**os.environ, **environment})
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            self.bytes = usage.ru_maxrss * 1024
            self.seconds = usage.ru_utime + usage.ru_stime
            out.seek(0), err.seek(0)
            self.stdout, self.stderr = out.read(), err.read().decode(errors="replace")

    def complaints(self, name, tells):
        """What is wrong with this end; empty when it is the refusal of file `name`."""
        if self.code != FAILED:
            yield f"ended with {self.code}"
        if self.stdout:
            yield f"wrote to stdout: {self.stdout[:100]}"
        if not self.stderr.startswith("llmc: error: ") or self.stderr.count("\n") != 1:
            yield "did not say one line"
        if "Sanitizer" in self.stderr or "runtime error" in self.stderr:
            yield "met a sanitizer"
        if not self.stderr.isprintable() and not self.stderr[:-1].isprintable():
            yield "wrote what is not printable"
        for part in (name, *tells):
            if part not in self.stderr:
                yield f"did not name {part!r}"
        if self.bytes > MOST_BYTES:
            yield f"took {self.bytes >> 20} MiB"
        if self.seconds > MOST_SECONDS:
            yield f"took {self.seconds:.1f} s"


class HostileCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {f"XDG_{kind}_HOME": str(self.folder / kind.lower())
                            for kind in ("CACHE", "CONFIG", "STATE")}

    def llmc(self, *arguments, **environment):
        return Outcome(arguments, {**self.environment, **environment})

    def refused_all(self, cases, suffix):
        """Each of `cases`, (name, bytes, arguments before and after the file, tells), must be refused."""
        def run(case):
            name, raw, before, after, tells = case
            path = self.folder / f"{abs(hash(name)):x}{suffix}"
            path.write_bytes(raw)
            outcome = self.llmc(*before, path, *after)
            path.unlink()
            return name, list(outcome.complaints(path.name, tells)), outcome

        start, count = time.time(), 0
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for name, complaints, outcome in pool.map(run, cases):
                count += 1
                if os.environ.get("LLMC_SHOW"):
                    print(f"{name}: {outcome.stderr}", end="")
                if complaints:
                    with self.subTest(case=name):
                        self.fail(f"{'; '.join(complaints)}\n{outcome.stderr[:1000]}")
        print(f"{count} files, {time.time() - start:.1f} s")
        return count
