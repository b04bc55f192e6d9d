"""llmc export-lora against numpy, and what the merged models compute against --lora."""

import unittest

import numpy as np

from model_case import MODELS, ModelCase  # shows where the oracle is
from block_formats import decode
from gguf_io import Gguf, Tensor, write
from lora_io import TABLE, encode, merged, random_matrices, read_gguf, write_gguf
from odd_case import SMALL
from reference_llama import mean_kl


class ExportLora(ModelCase):
    def adapter(self, base, name="adapter.gguf", alpha=16, **options):
        options = {"rank": 8, "std": 0.02, "seed": 1, **options}
        return write_gguf(self.folder / name, random_matrices(Gguf.read(str(base)), **options), alpha)

    def export(self, base, *adapters, type="keep"):
        """(the merged file, {tensor: exact merged values})"""
        out = self.folder / f"merged-{type}.gguf"
        choices = [option for path, scale in adapters for option in ("--lora", f"{path}:{scale}")]
        answer = self.json("export-lora", base, *choices, "-o", out, "--type", type, "--json")
        old, new = Gguf.read(str(base)), Gguf.read(str(out))
        applied = [(*read_gguf(path), scale) for path, scale in adapters]
        changed = {name for matrices, _, _ in applied for name in matrices}
        self.assertEqual(answer["merged"], len(changed))
        self.assertEqual(answer["tensors"], len(new.tensors))
        self.assertEqual(answer["merged"] + answer["converted"] + answer["copied"], len(new.tensors))
        for key in set(old.meta) - {"general.file_type"}:
            self.assertEqual(new.meta[key], old.meta[key], key)
        if type == "keep":
            self.assertEqual(new.meta.get("general.file_type"), old.meta.get("general.file_type"))
            for name in set(old.tensors) - changed:
                self.assertEqual(new.tensors[name].format, old.tensors[name].format)
                self.assertTrue(np.array_equal(new.tensors[name].data, old.tensors[name].data), name)
        return out, {name: merged(old.tensor(name), name, applied) for name in changed}

    def write_merged(self, base, exact):
        """The merged model as F32, written by numpy."""
        old = Gguf.read(str(base))
        tensors = [Tensor(t.name, "F32", t.shape, encode(exact.get(t.name, old.tensor(t.name)), "F32"))
                   for t in old.tensors.values()]
        path = self.folder / "numpy.gguf"
        write(str(path), old.meta, tensors)
        return path

    def loss_of(self, type):
        """How far quantizing once takes the trained model."""
        options = ["--cache-type-k", "f32", "--cache-type-v", "f32"]
        return mean_kl(self.rows(MODELS / "shakespeare-f16.gguf", 101, 2, *options),
                       self.rows(MODELS / f"shakespeare-{type}.gguf", 101, 2, *options))

    def same_logits(self, base, out, bound, *adapters):
        choices = [option for path, scale in adapters for option in ("--lora", f"{path}:{scale}")]
        options = ["--cache-type-k", "f32", "--cache-type-v", "f32"]
        for rows in [], ["--max-rows", 1]:
            apart = self.rows(base, 101, 2, *options, *rows, *choices)
            plain = self.rows(base, 101, 2, *options, *rows)
            together = self.rows(out, 101, 2, *options, *rows)
            self.assertLess(mean_kl(apart, together), bound)
            self.assertGreater(mean_kl(apart, plain), 20 * bound, "the adapter does not matter")

    def test_f32(self):
        base = self.make(**SMALL)
        adapters = (self.adapter(base), 0.5), (self.adapter(base, "two.gguf", rank=3, seed=2, only=["attn_k"]), -2)
        out, exact = self.export(base, *adapters)
        new = Gguf.read(str(out))
        for name, values in exact.items():
            self.assertEqual(new.tensors[name].format, "F32")
            np.testing.assert_allclose(new.tensor(name), values, rtol=0, atol=1e-6 * np.abs(values).max())
        self.same_logits(base, out, 1e-11, *adapters)

    def test_f16(self):
        base = MODELS / "shakespeare-f16.gguf"
        path = self.adapter(base)
        out, exact = self.export(base, (path, 1))
        new = Gguf.read(str(out))
        for name, values in exact.items():
            self.assertEqual(new.tensors[name].format, "F16")
            wanted = values.astype(np.float16)
            # What lies almost between two numbers may become either.
            self.assertGreater((new.tensor(name) == wanted).mean(), 0.998)
            np.testing.assert_allclose(new.tensor(name), values, rtol=2**-10, atol=2**-24)
        self.same_logits(base, out, 1e-6, (path, 1))

    def test_q8_0(self):
        base = MODELS / "shakespeare-Q8_0.gguf"
        path = self.adapter(base)
        out, exact = self.export(base, (path, 1))
        new = Gguf.read(str(out))
        for name, values in exact.items():
            self.assertEqual(new.tensors[name].format, "Q8_0")
            wanted = decode("Q8_0", np.frombuffer(encode(values, "Q8_0"), np.uint8), np.float64)
            self.assertGreater((new.tensor(name).reshape(-1) == wanted).mean(), 0.998)
            step = np.abs(values.reshape(-1, 32)).max(axis=1, keepdims=True) / 127
            self.assertLess((np.abs(new.tensor(name).reshape(-1, 32) - values.reshape(-1, 32)) / step).max(), 0.6)
        self.same_logits(base, out, 2 * self.loss_of("Q8_0"), (path, 1))

    def as_well_as_quantize(self, base, type, out, exact):
        """Errors are those of quantizing the merged model, where the formats are the same."""
        other = self.folder / "quantized.gguf"
        self.done("quantize", self.write_merged(base, exact), other, type)
        ours, theirs = Gguf.read(str(out)), Gguf.read(str(other))
        compared = 0
        for name, values in exact.items():
            if ours.tensors[name].format != theirs.tensors[name].format:
                continue
            compared += 1
            error = np.square(ours.tensor(name) - values).mean()
            self.assertLess(error, 1.02 * np.square(theirs.tensor(name) - values).mean(), name)
        self.assertGreater(compared, 30)
        return ours, theirs

    def test_q4_k_m(self):
        base = MODELS / "shakespeare-Q4_K_M.gguf"
        path = self.adapter(base, std=0.06)
        out, exact = self.export(base, (path, 1))
        old, new = Gguf.read(str(base)), Gguf.read(str(out))
        for name in exact:
            self.assertEqual(new.tensors[name].format, old.tensors[name].format)
        self.as_well_as_quantize(base, "Q4_K_M", out, exact)
        self.same_logits(base, out, 2 * self.loss_of("Q4_K_M"), (path, 1))

    def test_other_type(self):
        base = MODELS / "shakespeare-f16.gguf"
        path = self.adapter(base)
        out, exact = self.export(base, (path, 1), type="Q4_K_M")
        ours, theirs = self.as_well_as_quantize(base, "Q4_K_M", out, exact)
        self.assertEqual({t.name: t.format for t in ours.tensors.values()},
                         {t.name: t.format for t in theirs.tensors.values()})
        self.assertEqual(ours.meta["general.file_type"], theirs.meta["general.file_type"])

    def test_larger_type(self):
        base = MODELS / "shakespeare-Q4_K_M.gguf"
        path = self.adapter(base)
        out, exact = self.export(base, (path, 1), type="F32")
        new = Gguf.read(str(out))
        for name, values in exact.items():
            np.testing.assert_allclose(new.tensor(name), values, rtol=0, atol=1e-6 * np.abs(values).max())

    def test_tables(self):
        for options in {}, {"tied": True}:
            with self.subTest(**options):
                base = self.make(**SMALL, **options)
                path = self.adapter(base, only=["ffn_up"], also=[TABLE], std=0.05)
                out, exact = self.export(base, (path, 1))
                new = Gguf.read(str(out))
                self.assertIn("output.weight", new.tensors)
                np.testing.assert_allclose(new.tensor(TABLE), exact[TABLE], atol=1e-5)
                self.same_logits(base, out, 1e-11, (path, 1))

    def test_nothing_to_merge(self):
        base = MODELS / "shakespeare-Q8_0.gguf"
        out = self.folder / "same.gguf"
        answer = self.json("export-lora", "-m", base, "--lora", f"{self.adapter(base)}:0", "-o", out, "--json")
        self.assertEqual((answer["merged"], answer["converted"]), (0, 0))
        old, new = Gguf.read(str(base)), Gguf.read(str(out))
        for name, tensor in old.tensors.items():
            self.assertTrue(np.array_equal(tensor.data, new.tensors[name].data))


if __name__ == "__main__":
    unittest.main()
