"""Random models with each option of the architecture, and of how prompts are cut."""

import unittest

from odd_case import SMALL, OddCase


class Options(OddCase):
    def test_tied(self):
        self.exact(tied=True)
        self.blocks(tied=True, type="Q6_K", dim=256, heads=8)

    def test_biases(self):
        self.exact(bias=True, forget=["bias"])
        self.exact(bias=True, ffn_bias=True, forget=["bias", "ffn_bias"])
        self.blocks(bias=True, ffn_bias=True, type="Q4_0")

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
