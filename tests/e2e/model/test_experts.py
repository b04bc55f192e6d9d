"""Mixtures of experts beyond what test_architectures.py does: numbers of experts, what is refused,
and what is told of them."""

import unittest

import numpy as np

from model_case import call  # shows where the oracle is
from odd_case import SMALL, OddCase
import gguf_io
from make_model import build

MIXTURE = dict(SMALL, arch="mixtral", ffn=320, experts=8, experts_used=2)


class Experts(OddCase):
    def test_numbers_of_experts(self):
        for experts, used in (3, 3), (40, 7):
            with self.subTest(experts=experts, used=used):
                self.exact(**{**MIXTURE, "layers": 2, "experts": experts, "experts_used": used})

    def test_formats_within_a_layer(self):
        self.blocks(**MIXTURE, type="Q8_0", type_map=["ffn_up_exps=F16", "blk.1.ffn_gate_exps=Q4_1"])

    def test_one_tensor_for_each_expert(self):
        meta, tensors = build(**MIXTURE)
        for tensor in tensors:
            if tensor.name == "blk.0.ffn_gate_exps.weight":
                tensor.name = "blk.0.ffn_gate.0.weight"
        path = self.folder / "old.gguf"
        gguf_io.write(str(path), meta, tensors)
        self.refused("compile", path, "--emit=import",
                     tells=["old.gguf", "a tensor for each expert", "convert the model again"])

    def test_counts_that_cannot_be(self):
        for value in 0, 9:
            path = self.make(**MIXTURE, meta=[f"llama.expert_used_count={value}"])
            self.refused("compile", path, "--emit=import",
                         tells=["llama.expert_used_count", f"is {value}, expected 1 to 8"])
        path = self.make(**{**MIXTURE, "ffn": 344})
        self.refused("compile", path, "--emit=import", tells=["multiples of 16, not 192 and 344"])

    def test_training(self):
        config, data = self.folder / "config.yaml", self.folder / "data.txt"
        data.write_text("the cat and the dog " * 100)
        config.write_text(f"model: {self.make(**MIXTURE)}\ndata: {data}\n"
                          "lora:\n  target_modules: [q_proj]\n")
        result = call("train", "--lora", config)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"error: " + bytes(self.folder) + b"/model.gguf: it is a mixture of experts",
                      result.stderr)

    def test_inspect(self):
        answer = self.json("inspect", self.make(**MIXTURE), "--json")
        weights = 3 * 3 * 8 * 320 * 192
        self.assertEqual(answer["parameters"] - answer["active_parameters"], weights * 6 // 8)

    def test_imatrix(self):
        path, out = self.make(**MIXTURE), self.folder / "imatrix.gguf"
        verse = self.folder / "verse.txt"
        verse.write_text("the cat and the dog " * 40)
        self.done("imatrix", path, "-f", verse, "-c", 32, "--chunks", 2, "-o", out, "-t", 2)
        matrix = gguf_io.Gguf.read(str(out))
        for name, columns in ("gate", 192), ("up", 192), ("down", 320):
            sums = matrix.tensor(f"blk.1.ffn_{name}_exps.weight.in_sum2")
            counts = matrix.tensor(f"blk.1.ffn_{name}_exps.weight.counts")
            self.assertEqual(sums.shape, (8, columns))
            self.assertEqual(counts.size, 8)
            # Two experts for each of 2 x 32 tokens.
            self.assertEqual(counts.sum(), 128)
            self.assertEqual(((sums > 0).all(axis=1)).tolist(), (counts.ravel() > 0).tolist())
        # Quantization takes it.
        self.done("quantize", path, self.folder / "small.gguf", "Q4_0", "--imatrix", out)
        small = gguf_io.Gguf.read(str(self.folder / "small.gguf"))
        self.assertEqual(small.tensors["blk.1.ffn_up_exps.weight"].format, "Q4_0")
        self.assertEqual(small.tensors["blk.1.ffn_gate_inp.weight"].format, "F32")
        self.assertTrue(np.isfinite(small.tensor("blk.1.ffn_up_exps.weight")).all())


if __name__ == "__main__":
    unittest.main()
