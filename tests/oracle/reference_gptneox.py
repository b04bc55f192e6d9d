"""The exact forward passes of architectures `gptneox` and `starcoder2`."""
import numpy as np

from decoder import Decoder
from rope import HALVES


class Starcoder2(Decoder):
    """Norms that subtract the mean, and a feed-forward layer without a gate; biases everywhere."""

    architecture = "starcoder2"
    pairs = HALVES
    uses_gelu = True
    eps_key = "attention.layer_norm_epsilon"

    def norm(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps)
        return x * self.w[name] + self.w[name.replace(".weight", ".bias")]

    def ffn(self, x, i):
        return self.linear(self.gelu(self.linear(x, f"blk.{i}.ffn_up")), f"blk.{i}.ffn_down")


class GptNeoX(Starcoder2):
    """One tensor of q, k and v, and a feed-forward layer that takes what attention takes."""

    architecture = "gptneox"

    def __init__(self, path, sliding_window=None):
        super().__init__(path, sliding_window)
        self.parallel = self.get("use_parallel_residual")

    def projections(self, x, i):
        qkv = self.linear(x, f"blk.{i}.attn_qkv").reshape(len(x), 3, self.heads[i], self.dk)
        return qkv[:, 0], qkv[:, 1], qkv[:, 2]

    def layer(self, x, i, positions, cache):
        normed = self.norm(x, f"blk.{i}.attn_norm.weight")
        y = x + self.attention(normed, i, positions, cache)
        return y + self.ffn(self.norm(x if self.parallel else y, f"blk.{i}.ffn_norm.weight"), i)
