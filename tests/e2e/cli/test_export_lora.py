"""llmc export-lora. What it writes is tested in tests/e2e/model."""

import shutil
import unittest

from llmc_case import FAILED, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase, read_bytes
from test_lora import adapter


class ExportLora(LlmcCase):
    def setUp(self):
        super().setUp()
        self.path = self.file("a.gguf", adapter(value=40.0))
        self.out = self.folder / "out.gguf"

    def test_merges(self):
        prompt = ["-p", "ROMEO:", "-n", 24, "--temp", 0, "--json", "-t", 1]
        apart = self.json("run", MODEL_F16, "--lora", f"{self.path}:0.5", *prompt)["tokens"]
        answer = self.json("export-lora", MODEL_F16, "--lora", f"{self.path}:0.5", "-o", self.out, "--json")
        self.assertEqual(answer["output"], str(self.out))
        self.assertEqual(answer["adapters"], [{"file": str(self.path), "scale": 0.5}])
        self.assertEqual((answer["type"], answer["merged"], answer["converted"]), ("keep", 1, 0))
        self.assertEqual(answer["size_bytes"], sum(t["bytes"] for t in self.json("inspect", self.out, "--tensors", "--json")["tensors"]))
        self.assertEqual(self.json("run", self.out, *prompt)["tokens"], apart)
        self.assertNotEqual(self.json("run", MODEL_F16, *prompt)["tokens"], apart)

    def test_names_of_options(self):
        for arguments in (["-m", MODEL, "--outtype", "q8_0"], ["--model", MODEL, "--type", "Q8_0"]):
            line = self.done("export-lora", *arguments, "--lora", self.path, "-o", self.out).decode()
            self.assertRegex(line, r"out\.gguf: [\d.]+ MiB, 1 tensors merged, \d+ converted, \d+ copied, ")
        self.done("run", self.out, "-p", "x", "-n", 1)

    def test_refusals(self):
        def refused(code, *arguments, tells=()):
            self.refused(code, "export-lora", *arguments, tells=tells)
            self.assertEqual(self.names(), before)

        base = self.folder / "base.gguf"
        shutil.copy(MODEL, base)
        other = self.file("other.gguf", adapter(width=512))
        artifact = self.folder / "m.llmc"
        self.done("compile", MODEL, "-o", artifact)
        before = self.names()
        lora, out = ["--lora", self.path], ["-o", self.out]
        refused(FAILED, base, *lora, "-o", base, tells=["the output is the input"])
        refused(WRONG_USAGE, base, *lora, "-o", self.path, tells=["a.gguf", "is an adapter itself"])
        refused(FAILED, base, "--lora", other, *out, tells=["other.gguf", "256 x 512"])
        refused(FAILED, artifact, *lora, *out, tells=["m.llmc", "compiled already"])
        refused(FAILED, self.path, *lora, *out, tells=["a.gguf"])
        refused(FAILED, base, *lora, "-o", self.folder / "none" / "out.gguf", tells=["none"])
        refused(FAILED, base, *lora, *out, "--imatrix", self.path, tells=["a.gguf"])
        refused(WRONG_USAGE, base, *lora, *out, "--type", "Q9", tells=["Q9", "keep"])
        refused(WRONG_USAGE, base, *out, tells=["--lora"])
        refused(WRONG_USAGE, base, *lora, tells=["-o"])
        self.assertEqual(read_bytes(base), read_bytes(MODEL))


if __name__ == "__main__":
    unittest.main()
