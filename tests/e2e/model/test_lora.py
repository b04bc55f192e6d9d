"""Models with adapters against the exact forward pass with the same adapters.

Models of F32 with an F32 cache are compared to about 1e-11, so that a scale or a rank that is a
little wrong shows.
"""

import unittest

from model_case import MODELS, ModelCase, exact_rows  # shows where the oracle is
from gguf_io import Gguf
from lora_io import TABLE, Adapted, AdaptedLlama, random_matrices, read_gguf, write_gguf, write_peft
from odd_case import SEEN, SMALL
from reference_llama import Llama, mean_kl
from rounding import RoundedLlama

EXACT = dict(cache="f32", context=101)


class AdaptedRounded(Adapted, RoundedLlama):
    pass


class Lora(ModelCase):
    def setUp(self):
        super().setUp()
        self.adapters, self.options = [], []

    def exact_model(self, path):
        return AdaptedLlama(str(path)).adapt(self.adapters)

    def rounded_model(self, path, cache, products="int8"):
        return AdaptedRounded(str(path), cache, products).adapt(self.adapters)

    def adapter(self, base, scale=1, name="adapter.gguf", kind="F32", alpha=16, **options):
        """Writes an adapter, which check() then applies."""
        options = {"rank": 8, "std": 0.02, "seed": 1, **options}
        path = write_gguf(self.folder / name, random_matrices(Gguf.read(str(base)), **options), alpha, kind)
        self.adapters = self.adapters + [(*read_gguf(path), scale)]
        self.options += ["--lora", f"{path}:{scale}" if scale != 1 else path]
        return path

    def check(self, base, cache="f16", context=101):
        """The model with the adapters; each of them must matter."""
        _, tokens, exact, bound = self.check_model(base, context, 2, cache, self.options, greedy=12)
        for left_out in range(len(self.adapters)):
            others = self.adapters[:left_out] + self.adapters[left_out + 1 :]
            model = AdaptedLlama(str(base)).adapt(others) if others else Llama(str(base))
            self.assertGreater(mean_kl(exact, exact_rows(model, tokens, context)), SEEN * bound,
                               "the test is blind to an adapter")

    def trained(self, type, **options):
        base = MODELS / f"shakespeare-{type}.gguf"
        self.adapter(base)
        self.check(base, **options)

    def test_f16(self):
        self.trained("f16", **EXACT)

    def test_q8_0(self):
        self.trained("Q8_0")

    def test_q4_k_m(self):
        self.trained("Q4_K_M")

    def test_ranks(self):
        base = self.make(**SMALL)
        for rank in 1, 5, 16, 33:
            with self.subTest(rank=rank):
                self.adapters, self.options = [], []
                self.adapter(base, rank=rank)
                self.check(base, **EXACT)

    def test_scales(self):
        base = self.make(**SMALL)
        self.adapter(base, scale=-0.3, alpha=5)
        self.check(base, **EXACT)

    def test_two_adapters(self):
        # Of ranks and matrices of their own, so that layers differ.
        base = self.make(**SMALL)
        self.adapter(base, 0.7, "one.gguf", rank=8)
        self.adapter(base, -1.5, "two.gguf", rank=3, alpha=1, seed=2, only=["attn_q", "ffn_down"],
                     also=["blk.1.attn_v.weight"])
        self.check(base, **EXACT)

    def test_tables(self):
        for options in {}, {"tied": True}:
            with self.subTest(**options):
                base = self.make(**SMALL, **options)
                self.adapters, self.options = [], []
                self.adapter(base, only=[], also=[TABLE] + ([] if options else ["output.weight"]), std=0.05)
                self.check(base, **EXACT)

    def test_adapter_types(self):
        base = self.make(**{**SMALL, "dim": 192, "ffn": 352})
        for kind in "F16", "BF16", "Q8_0":
            with self.subTest(kind=kind):
                self.adapters, self.options = [], []
                self.adapter(base, kind=kind, rank=32)
                self.check(base, **EXACT)

    def test_many_threads(self):
        # Small products are split together with large ones.
        base = self.make(type="Q4_0")
        path = self.adapter(base, rank=40)
        for options in [], ["--max-rows", 1]:
            alone = self.rows(base, 40, 2, "-t", 1, "--lora", path, *options)
            for threads in 3, 7, 40:
                other = self.rows(base, 40, 2, "-t", threads, "--lora", path, *options)
                self.assertEqual(alone.tobytes(), other.tobytes(), threads)

    def test_peft(self):
        base = self.make(**SMALL)
        gguf = self.adapter(base)
        matrices, alpha, _ = self.adapters[0]
        peft = write_peft(self.folder / "peft", matrices, alpha, Gguf.read(base))
        self.assertEqual(self.rows(base, 64, 2, "--lora", peft).tobytes(),
                         self.rows(base, 64, 2, "--lora", gguf).tobytes())

    def test_scale_0(self):
        base = MODELS / "shakespeare-Q4_K_M.gguf"
        path = self.adapter(base, scale=0)
        self.assertEqual(self.rows(base, 64, 2, "--lora", f"{path}:0").tobytes(),
                         self.rows(base, 64, 2).tobytes())


if __name__ == "__main__":
    unittest.main()
