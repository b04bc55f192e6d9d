"""Random models of odd shapes."""

import unittest

from odd_case import OddCase


class Shapes(OddCase):
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

    def test_key_length(self):
        for length in 16, 48:
            with self.subTest(length=length):
                self.exact(key_length=length, value_length=length)
        self.blocks(key_length=48, value_length=48, type="Q8_0")

    def test_value_length(self):
        for key, value in (32, 48), (48, 20):
            with self.subTest(key=key, value=value):
                self.exact(key_length=key, value_length=value)

    def test_mixtures(self):
        for type in "Q3_K_M", "Q4_K_M", "Q5_K_M":
            with self.subTest(type=type):
                self.check_model(self.make(type=type, ffn=800, kv=2, layers=4))
                self.check_model(self.make(type=type, ffn=800, kv=2, tied=True))

    def test_formats_within_a_layer(self):
        # What is fused when the formats agree: q, k and v, and gate and up.
        self.blocks(type="Q8_0", type_map=["attn_k=Q4_0", "ffn_up=Q5_1"])
        self.blocks(type="Q4_0", type_map=["attn_v=F32", "blk.1.ffn_gate=F16", "output=BF16"])


if __name__ == "__main__":
    unittest.main()
