"""Random models of odd shapes and with each option of the architecture, against the exact pass.

Models of F32 with an F32 cache are compared to about 1e-11, so that an option which is read but
used a little wrongly shows. Where an option can be left out of the file without another change, the
exact model without it must be far away: else the test would not see the option ignored.
"""

import unittest

from model_case import ModelCase, exact_rows  # shows where the oracle is
from reference_llama import Llama, mean_kl

SMALL = dict(dim=192, layers=3, heads=6, kv=2, ffn=344, vocab=331)
# Ways to be ignored differ in how much they matter; the least is still far above the bound.
SEEN = 20


class Options(ModelCase):
    def exact(self, forget=(), **options):
        """An F32 model with an F32 cache; `forget` names what matters."""
        path = self.make(**{**SMALL, **options})
        model, tokens, exact, bound = self.check_model(path, cache="f32")
        for option in forget:
            rest = {key: value for key, value in options.items() if key != option}
            other = exact_rows(Llama(self.make("other.gguf", **{**SMALL, **rest})), tokens, 203)
            self.assertGreater(mean_kl(exact, other), SEEN * bound, "the test is blind to " + option)

    def blocks(self, **options):
        self.check_model(self.make(**{**SMALL, **options}))

    def test_heads_8_to_1(self):
        for type in "F32", "Q8_0":
            self.blocks(dim=128, heads=8, kv=1, ffn=200, vocab=397, type=type)

    def test_a_key_for_each_head(self):
        self.exact(kv=6)
        self.blocks(kv=6, type="Q4_0")

    def test_single_head(self):
        self.exact(dim=64, heads=1, kv=1)

    def test_head_sizes(self):
        for heads, size in (8, 20), (2, 80), (3, 100), (5, 6):
            with self.subTest(size=size):
                self.exact(dim=heads * size, heads=heads, kv=1)

    def test_head_sizes_of_blocks(self):
        for heads, size in (8, 20), (4, 80):
            with self.subTest(size=size):
                self.blocks(dim=heads * size, heads=heads, kv=2, type="Q5_1")

    def test_odd_widths(self):
        for type, dim, ffn in ("F32", 90, 130), ("F16", 100, 345), ("BF16", 70, 33):
            with self.subTest(type=type):
                self.exact(dim=dim, heads=5, kv=1, ffn=ffn, vocab=269, type=type)

    def test_odd_rows_of_blocks(self):
        # 344 is no multiple of 32: those tensors are F16 beside the others' blocks.
        for type in "Q4_0", "MXFP4", "Q6_K":
            with self.subTest(type=type):
                self.blocks(type=type)

    def test_rows_of_32_more_than_a_whole_unit(self):
        # 416 is 32 mod 64 and mod 128, 1312 is 32 mod 256.
        for type in "Q8_0", "Q4_1", "IQ4_NL":
            with self.subTest(type=type):
                self.blocks(dim=416, heads=4, kv=2, ffn=1312, layers=2, type=type)

    def test_superblocks_of_odd_number(self):
        for type in "Q6_K", "Q3_K", "IQ4_XS":
            with self.subTest(type=type):
                self.blocks(dim=768, heads=8, kv=2, ffn=1280, layers=1, type=type)

    def test_tied(self):
        self.exact(tied=True)
        self.blocks(tied=True, type="Q6_K", dim=256, heads=8)

    def test_biases(self):
        self.exact(bias=True, forget=["bias"])
        self.exact(bias=True, ffn_bias=True, forget=["bias", "ffn_bias"])
        self.blocks(bias=True, ffn_bias=True, type="Q4_0")

    def test_key_length(self):
        for length in 16, 48:
            with self.subTest(length=length):
                self.exact(key_length=length, value_length=length)
        self.blocks(key_length=48, value_length=48, type="Q8_0")

    def test_value_length(self):
        for key, value in (32, 48), (48, 20):
            with self.subTest(key=key, value=value):
                self.exact(key_length=key, value_length=value)

    def test_rope(self):
        for name, options in {
            "base": dict(rope_base=500000.0),
            "dims": dict(rope_dims=16),
            "linear": dict(rope_scaling="linear:4"),
            "yarn": dict(rope_scaling="yarn:4:64"),
            "long yarn": dict(rope_scaling="yarn:4:2048", ctx=8192),
            "llama3": dict(rope_scaling="llama3:8:1:4:64"),
        }.items():
            with self.subTest(name):
                self.exact(forget=[next(iter(options))], **options)

    def test_attention_factor(self):
        scaled = dict(rope_scaling="yarn:8:32", meta=["llama.rope.scaling.attn_factor=1.3"])
        self.exact(forget=["meta"], **scaled)

    def test_rope_of_blocks(self):
        self.blocks(rope_dims=16, rope_scaling="yarn:4:64", type="Q8_0")

    def test_sliding_window(self):
        # Shorter than a tile of tokens, about one, and longer than a step's.
        for window in 5, 16, 70:
            with self.subTest(window=window):
                self.exact(sliding_window=window, forget=["sliding_window"])

    def test_epsilon(self):
        self.exact(eps=0.05, forget=["eps"])

    def test_files(self):
        for options in dict(split=3), dict(gguf=2), dict(split=2, gguf=2), dict(alignment=128):
            with self.subTest(**options):
                self.exact(**options)
        self.blocks(split=4, type="Q4_K_M")

    def test_mixtures(self):
        for type in "Q3_K_M", "Q4_K_M", "Q5_K_M":
            with self.subTest(type=type):
                self.check_model(self.make(type=type, ffn=800, kv=2, layers=4))
                self.check_model(self.make(type=type, ffn=800, kv=2, tied=True))

    def test_formats_within_a_layer(self):
        # What is fused when the formats agree: q, k and v, and gate and up.
        self.blocks(type="Q8_0", type_map=["attn_k=Q4_0", "ffn_up=Q5_1"])
        self.blocks(type="Q4_0", type_map=["attn_v=F32", "blk.1.ffn_gate=F16", "output=BF16"])

    def test_tail_of_every_width(self):
        # Steps of so many tokens, and of one more than whole tiles.
        for type in "F32", "Q4_K":
            path = self.make(type=type, dim=256, heads=4, kv=2, ffn=512, layers=2)
            for step in (2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18, 23, 24, 25, 31, 32, 33, 49):
                with self.subTest(type=type, step=step):
                    self.check_prompt(path, step + 1, windows=12 if step < 16 else 4)

    def test_prompt_in_chunks(self):
        path = self.make(**SMALL, type="Q8_0", sliding_window=50)
        for most in 7, 24, 130:
            with self.subTest(most=most):
                self.check_prompt(path, 203, 1, "--max-rows", most)


if __name__ == "__main__":
    unittest.main()
