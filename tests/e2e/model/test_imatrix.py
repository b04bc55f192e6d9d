"""llmc imatrix against the squares of what the exact forward pass multiplies."""
import unittest

import pathlib

import numpy as np

from model_case import MODELS, VERSE, ModelCase
from gguf_io import Gguf
from reference_llama import Llama


class MeasuredLlama(Llama):
    """Sums the squares of the columns of each linear layer's input."""

    def __init__(self, path):
        super().__init__(path)
        self.sums = {}

    def measure(self, x, name):
        self.sums[name] = self.sums.get(name, 0) + np.sum(x * x, axis=0)

    def linear(self, x, name):
        self.measure(x, name + ".weight")
        return super().linear(x, name)

    def norm(self, x, name):
        y = super().norm(x, name)
        if name == "output_norm.weight":
            tied = "output.weight" not in self.w
            self.measure(y, "token_embd.weight" if tied else "output.weight")
        return y


# The matrix unit rounds activations to bfloat16, other units to 8 bits of the largest of 32: the worst column,
# whose sum a few large values make, is then off by up to three times as much.
WORST = 1 if "amx_bf16" in pathlib.Path("/proc/cpuinfo").read_text() else 3


class Imatrix(ModelCase):
    def check(self, path, share, most, context, chunks, *options):
        model = MeasuredLlama(path)
        bos = model.gguf.meta["tokenizer.ggml.bos_token_id"]
        tokens = self.verse_tokens(model, context * chunks)
        for at in range(0, len(tokens), context):
            model.forward([bos] + tokens[at + 1 : at + context])
        out = str(self.folder / "imatrix.gguf")
        answer = self.json("imatrix", path, "-f", VERSE, "-c", context, "--chunks", chunks, "-o", out,
                           "--process-output", "--json", *options)
        self.assertEqual(answer["chunks"], chunks)
        file = Gguf.read(out)
        self.assertEqual(sorted(file.tensors), sorted(name + suffix for name in model.sums
                                                      for suffix in (".counts", ".in_sum2")))
        self.assertEqual(file.meta["imatrix.chunk_size"], context)
        for name, exact in model.sums.items():
            self.assertEqual(file.tensor(name + ".counts").tolist(), [[context * chunks]])
            is_ = file.tensor(name + ".in_sum2")
            self.assertEqual(is_.shape, (1, len(exact)))
            # All columns together, and the worst beside the usual size of a column.
            error = np.abs(is_[0] - exact)
            self.assertLess(error.sum() / exact.sum(), share, name)
            self.assertLess(error.max() / exact.mean(), most, name)

    # f32 weights: nothing is rounded but to f32.
    def test_f32(self):
        self.check(self.make(type="F32", dim=88, layers=3, heads=4, kv=2, ffn=100, vocab=331), 1e-6, 3e-5, 50, 3,
                   "--cache-type-k", "f32", "--cache-type-v", "f32")

    def test_tied_with_biases(self):
        self.check(self.make(type="F32", dim=96, layers=2, heads=6, kv=1, ffn=72, vocab=300, tied=True,
                             bias=True, ffn_bias=True), 1e-6, 3e-5, 37, 2, "--cache-type-k", "f32", "--cache-type-v", "f32")

    # Layers of two signatures, steps that are shorter than a chunk; products with rounded activations.
    def test_mixture(self):
        path = self.make(type="Q4_K_M", dim=256, layers=4, heads=4, kv=2, ffn=512, vocab=300)
        self.check(path, 1.5e-2, 0.5 * WORST, 100, 2, "--max-rows", 33)
        self.check(path, 1.5e-2, 0.5 * WORST, 9, 3, "-t", 1)

    def test_trained(self):
        for name, share, most in (("f16", 5e-4, 1e-2), ("Q4_K_M", 6e-3, 0.2 * WORST)):
            self.check(str(MODELS / f"shakespeare-{name}.gguf"), share, most, 128, 2)


if __name__ == "__main__":
    unittest.main()
