"""The exact forward passes of architectures `gemma2` and `gemma3`."""
import math

from decoder import Decoder
from reference_qwen import NormedHeads
from rope import HALVES


class Gemma(Decoder):
    """Norms also behind attention and the feed-forward part; a window in all layers but each nth.

    The largest model of a generation scales scores by width / heads instead of the key length."""

    pairs = HALVES
    uses_gelu = True
    period = None          # every period-th layer sees all keys
    layers_of_27b = None

    def __init__(self, path, sliding_window=None):
        super().__init__(path, sliding_window)
        if self.layers == self.layers_of_27b:
            self.scale = 1 / math.sqrt(self.dim // self.heads[0])
        pattern = self.get("attention.sliding_window_pattern", self.period)
        self.local = (pattern if isinstance(pattern, list) else
                      [i % pattern < pattern - 1 for i in range(self.layers)])
        self.local_rope = self.make_local_rope()

    def make_local_rope(self):
        return self.rope

    def embed(self, tokens):
        return super().embed(tokens) * math.sqrt(self.dim)

    def rope_of(self, i):
        return self.local_rope if self.local[i] else self.rope

    def window_of(self, i):
        return self.window if self.local[i] else 0

    def ffn(self, x, i):
        gate, up = self.linear(x, f"blk.{i}.ffn_gate"), self.linear(x, f"blk.{i}.ffn_up")
        return self.linear(self.gelu(gate) * up, f"blk.{i}.ffn_down")

    def layer(self, x, i, positions, cache):
        blk = f"blk.{i}."
        y = self.attention(self.norm(x, blk + "attn_norm.weight"), i, positions, cache)
        x = x + self.norm(y, blk + "post_attention_norm.weight")
        y = self.ffn(self.norm(x, blk + "ffn_norm.weight"), i)
        return x + self.norm(y, blk + "post_ffw_norm.weight")


class Gemma2(Gemma):
    architecture = "gemma2"
    period = 2
    layers_of_27b = 46


class Gemma3(NormedHeads, Gemma):
    """Layers with a window have a rope of their own, which is not scaled."""

    architecture = "gemma3"
    period = 6
    layers_of_27b = 62

    def make_local_rope(self):
        base = self.get("rope.freq_base_swa", 10000.0)
        return self.make_rope(freq_base=base, **{"scaling.type": "none", "scaling.attn_factor": 1.0})
