"""The exact forward passes of architectures `qwen2`, `qwen3` and `qwen3moe`."""
from decoder import Decoder
from rope import HALVES


class Qwen2(Decoder):
    """Biases of q, k and v, which linear() adds where they are."""

    architecture = "qwen2"
    pairs = HALVES


class NormedHeads:
    """Each head of q and k is normed before rope, by weights that all heads share."""

    def projections(self, x, i):
        q, k, v = super().projections(x, i)
        return (self.norm(q, f"blk.{i}.attn_q_norm.weight"),
                self.norm(k, f"blk.{i}.attn_k_norm.weight"), v)


class Qwen3(NormedHeads, Decoder):
    architecture = "qwen3"
    pairs = HALVES


class Qwen3Moe(Qwen3):
    architecture = "qwen3moe"
