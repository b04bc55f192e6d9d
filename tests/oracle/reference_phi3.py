"""The exact forward pass of architecture `phi3`."""
import numpy as np

from decoder import Decoder, silu
from rope import HALVES, Rope


class Phi3(Decoder):
    """llama.cpp of today ignores `attention.sliding_window` of this architecture, and so does this.

    `run_context` is the size of the context that the model is run with: the long factors of rope are
    taken, for all positions, where it is above the context that the model was first trained for."""

    architecture = "phi3"
    pairs = HALVES

    def __init__(self, path, sliding_window=0, run_context=None):
        self.run_context = run_context
        super().__init__(path, sliding_window)

    def make_rope(self, **overrides):
        original = self.get("rope.scaling.original_context_length", self.context)
        kind = "long" if (self.run_context or self.context) > original else "short"
        factors = self.w.get(f"rope_factors_{kind}.weight")
        return Rope(self.gguf.meta, self.architecture, self.dk, self.pairs, factors, overrides)

    def projections(self, x, i):
        heads, kv = self.heads[i], self.kv[i]
        qkv = self.linear(x, f"blk.{i}.attn_qkv").reshape(len(x), heads + 2 * kv, self.dk)
        return np.split(qkv, [heads, heads + kv], axis=1)

    def ffn(self, x, i):
        gate, up = np.split(self.linear(x, f"blk.{i}.ffn_up"), 2, axis=-1)
        return self.linear(silu(gate) * up, f"blk.{i}.ffn_down")
