"""What the tests of the command line share: running llmc, and the contract of its errors."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

LLMC = os.environ["LLMC"]
MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
MODEL = str(MODELS / "shakespeare-Q4_K_M.gguf")
MODEL_F16 = str(MODELS / "shakespeare-f16.gguf")

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def read_bytes(path):
    return pathlib.Path(path).read_bytes()


def llmc(*arguments, **options):
    """Runs llmc to its end; stdout and stderr are bytes."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    return subprocess.run(
        [LLMC, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, **options
    )


class LlmcCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def done(self, *arguments, **options):
        """stdout of a call that must succeed."""
        result = llmc(*arguments, **options)
        self.assertEqual(result.returncode, DONE, result.stderr.decode(errors="replace"))
        return result.stdout

    def json(self, *arguments, **options):
        """The one JSON document that a call prints."""
        output = self.done(*arguments, **options)
        self.assertTrue(output.endswith(b"\n"))
        return json.loads(output)

    def refused(self, code, *arguments, tells=(), **options):
        """A call must end with `code`, nothing on stdout and one line on stderr that names `tells`."""
        result = llmc(*arguments, **options)
        error = result.stderr.decode()
        self.assertEqual(result.returncode, code, error)
        self.assertEqual(result.stdout, b"")
        self.assertTrue(error.startswith("llmc: error: "), error)
        self.assertEqual(error.count("\n"), 1, error)
        for part in tells:
            self.assertIn(part, error)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())
