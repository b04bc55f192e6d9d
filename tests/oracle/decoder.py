"""What the exact forward passes of all architectures share: float64, nothing rounded.

The math is that of llama.cpp's graph, but that there is no KV-cache type and no quantized
activation. An architecture is a class that says where it differs (reference_*.py).
"""
import math

import numpy as np

import bpe
import spm
from gguf_io import Gguf
from rope import ADJACENT, Rope

TOKENIZERS = {"llama": spm.Spm, "gpt2": bpe.Bpe}


def silu(x):
    with np.errstate(over="ignore"):  # exp(-x) may be infinite: the quotient is then 0
        return x / (1 + np.exp(-x))


def gelu(x):
    """The form with tanh."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    """Of the last axis, in place where x is float64."""
    x -= x.max(axis=-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


def capped(x, cap):
    return cap * np.tanh(x / cap) if cap else x


class Decoder:
    architecture = None  # general.architecture
    pairs = ADJACENT     # of rope
    eps_key = "attention.layer_norm_rms_epsilon"
    uses_gelu = False
    gelu = staticmethod(gelu)
    renormalized = True  # the shares of a row's experts

    def __init__(self, path, sliding_window=None):
        """`sliding_window` counts instead of the file's; 0 is none."""
        self.path, self.gguf = path, Gguf.read(path)
        meta = self.gguf.meta
        if meta["general.architecture"] != self.architecture:
            raise ValueError(f"{path}: architecture {meta['general.architecture']}, "
                             f"not {self.architecture}")
        get = self.get
        self.layers = get("block_count")
        self.dim = get("embedding_length")
        self.context = get("context_length")
        per_layer = lambda x: list(x) if isinstance(x, list) else [x] * self.layers
        self.heads = per_layer(get("attention.head_count"))
        self.kv = per_layer(get("attention.head_count_kv", self.heads))
        self.dk = get("attention.key_length", self.dim // self.heads[0])
        self.dv = get("attention.value_length", self.dim // self.heads[0])
        self.eps = get(self.eps_key)
        self.window = get("attention.sliding_window", 0) if sliding_window is None else sliding_window
        self.scale = 1 / math.sqrt(self.dk)
        self.score_cap = get("attn_logit_softcapping", 0)
        self.logit_cap = get("final_logit_softcapping", 0)
        self.experts_used = get("expert_used_count", 0)
        self.w = {name: self.gguf.tensor(name) for name in self.gguf.tensors}
        # Right operands [in, out]: the reference BLAS of Debian is much faster on those.
        for name in list(self.w):
            if self.w[name].ndim >= 2 and name != "token_embd.weight":
                self.w[name] = np.ascontiguousarray(self.w[name].swapaxes(-1, -2))
        self.head = self.w.get("output.weight")
        if self.head is None:
            self.head = np.ascontiguousarray(self.w["token_embd.weight"].T)
        self.rope = self.make_rope()

    def get(self, key, default=None):
        return self.gguf.meta.get(f"{self.architecture}.{key}", default)

    def make_rope(self, **overrides):
        return Rope(self.gguf.meta, self.architecture, self.dk, self.pairs,
                    self.w.get("rope_freqs.weight"), overrides)

    def vocabulary(self):
        return TOKENIZERS[self.gguf.meta["tokenizer.ggml.model"]](self.gguf.meta)

    # What an architecture may have otherwise.

    def embed(self, tokens):
        return self.w["token_embd.weight"][np.asarray(tokens)]

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * self.w[name]

    def projections(self, x, i):
        """(q, k, v), each [T, heads, head_dim], as rope takes them."""
        t, blk = len(x), f"blk.{i}."
        return (self.linear(x, blk + "attn_q").reshape(t, self.heads[i], self.dk),
                self.linear(x, blk + "attn_k").reshape(t, self.kv[i], self.dk),
                self.linear(x, blk + "attn_v").reshape(t, self.kv[i], self.dv))

    def rope_of(self, i):
        return self.rope

    def window_of(self, i):
        """How many keys back a query sees, itself counted; 0 is all."""
        return self.window

    def stored(self, x):
        """Keys or values, as the cache keeps them."""
        return x

    def ffn(self, x, i):
        if f"blk.{i}.ffn_gate_inp.weight" in self.w:
            return self.mixture(x, i)
        gate, up = self.linear(x, f"blk.{i}.ffn_gate"), self.linear(x, f"blk.{i}.ffn_up")
        return self.linear(silu(gate) * up, f"blk.{i}.ffn_down")

    def layer(self, x, i, positions, cache):
        x = x + self.attention(self.norm(x, f"blk.{i}.attn_norm.weight"), i, positions, cache)
        return x + self.ffn(self.norm(x, f"blk.{i}.ffn_norm.weight"), i)

    # The parts.

    def linear(self, x, name):
        y = x @ self.w[name + ".weight"]
        bias = self.w.get(name + ".bias")
        return y if bias is None else y + bias

    def attention(self, x, i, positions, cache):
        t, heads, kv, rope = len(x), self.heads[i], self.kv[i], self.rope_of(i)
        q, k, v = self.projections(x, i)
        q, k, v = rope(q, positions), self.stored(rope(k, positions)), self.stored(v)
        if cache is not None:
            if i in cache:
                k = np.concatenate([cache[i][0], k])
                v = np.concatenate([cache[i][1], v])
            cache[i] = (k, v)
        # Query head h reads key/value head h / (heads / kv): fold that group into the rows.
        group = heads // kv
        q = q.reshape(t, kv, group, self.dk).transpose(1, 2, 0, 3).reshape(kv, group * t, self.dk)
        score = q @ np.ascontiguousarray(k.transpose(1, 2, 0)) * self.scale
        score = capped(score.reshape(kv, group, t, len(k)), self.score_cap)
        distance = positions[:, None] - np.arange(len(k))[None, :]
        hidden = distance < 0
        if self.window_of(i):
            hidden |= distance >= self.window_of(i)
        score[..., hidden] = -np.inf
        score = softmax(score)
        y = score.reshape(kv, group * t, len(k)) @ np.ascontiguousarray(v.transpose(1, 0, 2))
        y = y.reshape(kv, group, t, self.dv).transpose(2, 0, 1, 3).reshape(t, heads * self.dv)
        return self.linear(y, f"blk.{i}.attn_output")

    def mixture(self, x, i):
        """The experts of each row with the highest shares, which are then made to add up to 1."""
        share = softmax(self.linear(x, f"blk.{i}.ffn_gate_inp"))
        chosen = np.argsort(-share, axis=-1, kind="stable")[:, : self.experts_used]
        weight = np.take_along_axis(share, chosen, axis=-1)
        if self.renormalized:
            weight /= weight.sum(axis=-1, keepdims=True)
        gate, up, down = (self.w[f"blk.{i}.ffn_{name}_exps.weight"] for name in ("gate", "up", "down"))
        out = np.zeros_like(x)
        for expert in np.unique(chosen):
            rows, place = np.nonzero(chosen == expert)
            y = silu(x[rows] @ gate[expert]) * (x[rows] @ up[expert]) @ down[expert]
            out[rows] += weight[rows, place][:, None] * y
        return out

    def forward(self, tokens, start=0, cache=None, rows=slice(None)):
        """Logits [len(rows), vocab] of `tokens` at positions start, start + 1, ...; `rows` picks
        positions. With a cache (a dict, at first empty) earlier tokens are remembered."""
        positions = np.arange(start, start + len(tokens))
        x = self.embed(tokens)
        for i in range(self.layers):
            x = self.layer(x, i, positions, cache)
        return capped(self.norm(x[rows], "output_norm.weight") @ self.head, self.logit_cap)

    def greedy(self, tokens, n, stop=()):
        """(tokens, margins): what the highest logit picks, and how far it is above the second."""
        cache, out, margins, at = {}, [], [], 0
        while len(out) < n:
            row = self.forward(tokens, at, cache, slice(-1, None))[0]
            at += len(tokens)
            best = int(row.argmax())
            if best in stop:
                break
            second = np.partition(row, -2)[-2]
            out.append(best)
            margins.append(float(row[best] - second))
            tokens = [best]
        return out, margins
