"""--lora of the commands that run a model. What it computes is tested in tests/e2e/model."""

import pathlib
import struct
import unittest

from llmc_case import FAILED, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase, read_bytes

PROMPT = ["-p", "ROMEO:", "-n", 16, "--temp", 0, "--json", "-t", 1]


def gguf(records, tensors):
    """A GGUF of string and f32 records and of f32 tensors, {name: (shape, values)}."""

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(records))
    for key, value in records.items():
        out += text(key)
        out += struct.pack("<I", 8) + text(value) if isinstance(value, str) else struct.pack("<If", 6, value)
    data = b""
    for name, (shape, values) in tensors.items():
        out += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += struct.pack(f"<{len(values)}f", *values)
        data += bytes(-len(data) % 32)
    return out + bytes(-len(out) % 32) + data


def adapter(architecture="llama", width=256, rows=256, name="blk.5.attn_output.weight", value=1.0):
    """An adapter of rank 1 that adds the mean of the input times `value` to all outputs."""
    return gguf({"general.type": "adapter", "general.architecture": architecture, "adapter.type": "lora",
                 "adapter.lora.alpha": 1.0},
                {name + ".lora_a": ([width, 1], [i % 7 / width for i in range(width)]),
                 name + ".lora_b": ([1, rows], [value * (i % 5) for i in range(rows)])})


class Lora(LlmcCase):
    def setUp(self):
        super().setUp()
        self.path = self.file("a.gguf", adapter(value=40.0))

    def tokens(self, *arguments, model=MODEL_F16):
        return self.json("run", model, *PROMPT, *arguments)["tokens"]

    def test_run(self):
        plain = self.tokens()
        self.assertNotEqual(self.tokens("--lora", self.path), plain)
        self.assertEqual(self.tokens("--lora", f"{self.path}:0"), plain)
        # Scales add up.
        self.assertEqual(self.tokens("--lora", f"{self.path}:0.5", "--lora", f"{self.path}:0.5"),
                         self.tokens("--lora", self.path))
        self.assertEqual(self.tokens("--lora", self.path, "--lora", f"{self.path}:-1"), plain)

    def test_other_commands(self):
        verse = pathlib.Path(__file__).resolve().parents[1] / "model" / "verse.txt"
        measure = ["perplexity", MODEL, "-f", verse, "-c", 64, "--chunks", 2, "--json"]
        self.assertNotEqual(self.json(*measure)["ppl"], self.json(*measure, "--lora", self.path)["ppl"])
        self.done("bench", MODEL, "-p", 4, "-n", 2, "-r", 1, "--read-buffer", 16, "--lora", self.path)
        text = self.done("compile", MODEL, "--emit=import", "--lora", self.path).decode()
        self.assertIn("blk.{layer}.attn_output.weight.lora_a", text)

    def test_artifact(self):
        whole = self.folder / "m.llmc"
        self.done("compile", MODEL, "-o", whole, "--lora", self.path)
        self.assertEqual(self.tokens(model=whole), self.tokens("--lora", self.path, model=MODEL))
        plain = self.folder / "p.llmc"
        self.done("compile", MODEL, "-o", plain)
        self.refused(FAILED, "run", plain, "-p", "x", "--lora", self.path,
                     tells=["p.llmc", "compiled already", "llmc compile --lora"])

    def test_model_stays(self):
        before = read_bytes(MODEL)
        self.tokens("--lora", self.path, model=MODEL)
        self.assertEqual(read_bytes(MODEL), before)

    def test_wrong_adapters(self):
        def refused(content, *tells):
            self.refused(FAILED, "run", MODEL, "-p", "x", "--lora", self.file("bad.gguf", content),
                         tells=["bad.gguf", *tells])

        refused(adapter("gemma"), "'gemma'", "'llama'", "the model that it was made for")
        refused(adapter(width=512), "256 x 512", "256 x 256", "the model that the adapter was made for")
        refused(adapter(name="blk.6.attn_output.weight"), "blk.6.attn_output.weight", "6 layers")
        refused(adapter(value=float("nan")), "not finite")
        refused(adapter()[:-64], "bad.gguf")
        refused(b"", "bad.gguf")
        refused(read_bytes(MODEL), "not a LoRA adapter")
        self.refused(FAILED, "run", MODEL, "-p", "x", "--lora", self.folder / "none.gguf", tells=["none.gguf"])
        self.refused(FAILED, "run", MODEL, "-p", "x", "--lora", self.folder, tells=["adapter_model.safetensors"])
        for wrong in ":1", "", f"{self.path}:inf":
            self.refused(WRONG_USAGE, "run", MODEL, "-p", "x", "--lora", wrong, tells=["--lora"])


if __name__ == "__main__":
    unittest.main()
