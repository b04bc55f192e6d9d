#!/usr/bin/python3
"""check_gradients.py TRAIN_STEP [NAME...]

Holds gradients of adapters, and of models themselves, as the reference interpreter and compiled code compute them, against PyTorch's
autograd on random models: of block formats, on the weights that the oracle decodes. Needs Debian's python3-torch.
TRAIN_STEP is the program of that name.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not there; apt-get install python3-torch")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from make_model import make_model
from reference import load
from rope import HALVES

# Keys of 16 elements, whose scale 1/4 is the same in float32, the type of the attribute.
SMALL = dict(dim=48, layers=2, heads=6, kv=2, key_length=16, value_length=16, ffn=72, vocab=83,
             std=0.12)
BLOCKS = dict(dim=256, layers=2, heads=4, kv=2, key_length=16, value_length=32, ffn=256, vocab=96,
              std=0.08)
LINEAR = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]


def every(names=LINEAR, layers=(0, 1), rank=4, scale=0.5):
    return [(f"blk.{i}.{n}.weight", rank, scale) for i in layers for n in names]


# name: model, adapters (weight, rank, scale), sequences, tokens of each, dropout, and NEFTune's alpha if not 0
EVERYTHING = every() + [("token_embd.weight", 3, 2.0), ("output.weight", 5, 0.25)]
CASES = {
    "all-linear": (SMALL, every(), 1, 11, 0),
    "everything": (SMALL, EVERYTHING, 1, 11, 0),
    "batch": (SMALL, EVERYTHING, 3, 7, 0),
    "dropout": (SMALL, EVERYTHING, 2, 5, 0.25),
    "noise": (SMALL, EVERYTHING, 2, 5, 0, 5.0),
    "noise-dropout": (SMALL, every(), 2, 5, 0.25, 15.0),
    "keys-values": (SMALL, every(["attn_k", "attn_v"]), 1, 9, 0),
    "ranks": (SMALL, [("blk.0.attn_q.weight", 8, 1.0), ("blk.1.attn_q.weight", 1, 4.0),
                      ("blk.1.ffn_down.weight", 2, 0.125)], 1, 9, 0),
    "last-layer": (SMALL, every(layers=(1,)), 1, 9, 0),
    "first-layer": (SMALL, every(layers=(0,)), 1, 9, 0),
    "only-output": (SMALL, [("output.weight", 4, 1.0)], 1, 9, 0),
    "only-embedding": (SMALL, [("token_embd.weight", 4, 1.0)], 1, 9, 0),
    "tied": (dict(SMALL, tied=True), every() + [("token_embd.weight", 3, 2.0)], 1, 9, 0),
    "bias": (dict(SMALL, bias=True, ffn_bias=True), every(), 1, 9, 0),
    "window": (dict(SMALL, sliding_window=3), every(), 2, 8, 0),
    "value-length": (dict(SMALL, value_length=24), every(), 1, 9, 0),
    "rope": (dict(SMALL, rope_dims=10, rope_scaling="yarn:4:64"), every(), 1, 9, 0),
    "one-head": (dict(SMALL, heads=5, kv=1), every(), 1, 9, 0),
    "F16": (dict(SMALL, type="F16"), every(), 1, 9, 0),
    "qwen2": (dict(arch="qwen2", dim=64, heads=4, kv=2), every(), 1, 9, 0),
    "qwen3": (dict(arch="qwen3"), every(), 2, 7, 0),
    # Of joint tensors there are no adapters; a context that short factors are for.
    "phi3": (dict(arch="phi3", dim=64, heads=4, kv=2, original_ctx=256), every(["attn_output", "ffn_down"]), 1, 9, 0),
    **{t: (dict(BLOCKS, type=t), EVERYTHING, 1, 8, 0)
       for t in ("BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_M", "Q5_K_M", "Q6_K",
                 "IQ4_NL", "IQ4_XS", "MXFP4")},
    # Four layers, of which two have other formats.
    "Q4_K_M": (dict(BLOCKS, type="Q4_K_M", layers=4), every(layers=range(4)), 2, 6, 0),
}
# Magnitudes of DoRA behind each adapter.
DORA = {
    "dora": (SMALL, every(), 2, 7, 0),
    "dora-bias": (dict(SMALL, bias=True, ffn_bias=True), every(), 1, 9, 0),
    "dora-Q4_K_M": (dict(BLOCKS, type="Q4_K_M", layers=4), every(layers=range(4)), 2, 6, 0),
    "dora-Q8_0": (dict(BLOCKS, type="Q8_0"), every(rank=17), 1, 9, 0),
}
# Models whose own weights are trained: options, sequences, tokens of each.
FULL = {
    "full": (SMALL, 2, 7),
    "full-tied": (dict(SMALL, tied=True), 1, 11),
    "full-noise": (dict(SMALL, tied=True), 2, 5, 5.0),
    "full-bias": (dict(SMALL, bias=True, ffn_bias=True, type="F16"), 1, 9),
    "full-bf16": (dict(SMALL, type="BF16"), 2, 5),
    "full-qwen3": (dict(arch="qwen3"), 2, 7),
    "full-phi3": (dict(arch="phi3", dim=64, heads=4, kv=2, original_ctx=256), 1, 9),
    "full-gptneox": (dict(arch="gptneox"), 2, 7),
    "full-sequential": (dict(arch="gptneox", sequential=True), 1, 9),
    "full-starcoder2": (dict(arch="starcoder2", dim=64, heads=4, kv=2), 2, 7),
    "full-gemma3": (dict(arch="gemma3", dim=64, heads=4, key_length=16, value_length=16), 2, 9),
}
SEED = 987654321
RUNS = [  # how train_step computes, tolerance of losses, tolerance of gradients, options
    ("double", 1e-10, 1e-10),
    ("float", 1e-5, 1e-4, "fuse"),
    ("double", 1e-10, 1e-10, "save=0"),
    ("double", 1e-10, 1e-10, "save=8000", "fuse"),
    ("compiled-f32", 1e-5, 1e-4),
    ("compiled", 1e-5, 1e-4, "save=0"),
    ("compiled", 1e-5, 1e-4, "save=8000"),
]


def random_bits(layer, site, shape):
    """h of each element, as the description of llm.dropout defines it."""
    m64, m32 = (1 << 64) - 1, np.uint64(0xFFFFFFFF)
    x = (SEED * 0x9E3779B97F4A7C15 + layer * 0xBF58476D1CE4E5B9 + site) & m64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = ((x ^ (x >> 33)) * factor) & m64
    x ^= x >> 33

    def mix(h):
        h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & m32
        h = ((h ^ (h >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & m32
        return h ^ (h >> np.uint64(16))

    h = mix(np.arange(np.prod(shape), dtype=np.uint64) ^ np.uint64(x & 0xFFFFFFFF))
    return mix(h ^ np.uint64(x >> 32)).reshape(shape)


def dropout_mask(rate, layer, site, shape):
    return torch.from_numpy((random_bits(layer, site, shape) >= rate * 2.0**32) / (1 - rate))


def neftune(alpha, sequence, shape):
    """Noise of an embedding, uniform within alpha / sqrt(L d), which is an attribute in float32 (Jain et al. 2023)."""
    amplitude = np.float32(alpha / (sequence * shape[1]) ** 0.5)
    return torch.from_numpy((random_bits(0, 1001, shape) / 2.0**31 - 1) * float(amplitude))


class Model:
    """The training loss in PyTorch, in float64."""

    def __init__(self, path, adapters, matrices, sequences, dropout, noise=0):
        self.m = load(path)
        self.w = {n: torch.from_numpy(np.asarray(self.m.gguf.tensor(n), np.float64))
                  for n in self.m.gguf.tensors}
        self.names = {}  # of parameters, where they are parts of tensors
        for i in range(self.m.layers):
            self.split(f"blk.{i}.attn_qkv", [f"blk.{i}.attn_{n}" for n in "qkv"],
                       [self.m.heads[i] * self.m.dk, self.m.kv[i] * self.m.dk, self.m.kv[i] * self.m.dv])
            if self.m.architecture == "phi3":
                half = len(self.w[f"blk.{i}.ffn_up.weight"]) // 2
                self.split(f"blk.{i}.ffn_up", [f"blk.{i}.ffn_gate", f"blk.{i}.ffn_up"], [half, half])
        self.adapters = {name: (a, b, scale)
                         for (name, _, scale), (a, b) in zip(adapters, matrices)}
        self.magnitudes = {}  # of DoRA, by weight
        self.sequences, self.dropout, self.noise = sequences, dropout, noise

    def split(self, joint, names, rows):
        """Makes matrices of their own of those that the file has as one."""
        for ending in (".weight", ".bias"):
            if joint + ending not in self.w:
                continue
            first = 0
            for name, part in zip(names, torch.split(self.w.pop(joint + ending), rows)):
                self.w[name + ending] = part
                self.names[name + ending] = f"{joint}{ending}.row.{first}"
                first += len(part)

    def linear(self, x, name, layer, weight=None):
        w = self.w[name + ".weight"] if weight is None else weight
        y = x @ w.T
        bias = self.w.get(name + ".bias", 0)
        if name + ".weight" in self.magnitudes:
            a, b, scale = self.adapters[name + ".weight"]
            norms = torch.linalg.norm(w + scale * b @ a, dim=1).detach()
            return (y + scale * (x @ a.T) @ b.T) * self.magnitudes[name + ".weight"] / norms + bias
        y = y + bias
        if name + ".weight" in self.adapters:
            a, b, scale = self.adapters[name + ".weight"]
            if self.dropout:
                x = x * dropout_mask(self.dropout, layer, self.site, x.shape)
                self.site += 1
            y = y + scale * (x @ a.T) @ b.T
        return y

    def norm(self, x, name):
        bias = name.replace(".weight", ".bias")
        if bias in self.w:
            return torch.nn.functional.layer_norm(x, x.shape[-1:], self.w[name], self.w[bias],
                                                  self.m.eps)
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.m.eps) * self.w[name]

    def rope(self, x, positions, layer):
        r = self.m.rope_of(layer)
        angle = torch.from_numpy(positions[:, None] * r.freq)[:, None, :]
        x, rest = x[..., : r.dims], x[..., r.dims :]
        pairs = (x.unflatten(-1, (2, -1)).transpose(-1, -2) if r.pairs == HALVES
                 else x.unflatten(-1, (-1, 2)))
        turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous())
                                    * torch.polar(torch.full_like(angle, r.magnitude), angle))
        if r.pairs == HALVES:
            turned = turned.transpose(-1, -2)
        return torch.cat([turned.flatten(-2), rest], -1)

    def attention(self, q, k, v, layer):
        rows, length = len(q), len(q) // self.sequences
        heads, kv = self.m.heads[layer], self.m.kv[layer]
        positions = np.arange(rows) % length
        q, k = q.reshape(rows, heads, -1), k.reshape(rows, kv, -1)
        if f"blk.{layer}.attn_q_norm.weight" in self.w:
            q = self.norm(q, f"blk.{layer}.attn_q_norm.weight")
            k = self.norm(k, f"blk.{layer}.attn_k_norm.weight")
        q, k = self.rope(q, positions, layer), self.rope(k, positions, layer)
        split = lambda x: x.reshape(self.sequences, length, x.shape[1], -1).transpose(1, 2)
        q, k, v = split(q), split(k), split(v.reshape(rows, kv, -1))
        k, v = (x.repeat_interleave(heads // kv, 1) for x in (k, v))
        score = q @ k.transpose(-1, -2) * self.m.scale
        distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        window = self.m.window_of(layer)
        hidden = (distance < 0) | (distance >= window if window else distance < 0)
        y = torch.softmax(score.masked_fill(hidden, -torch.inf), -1) @ v
        return y.transpose(1, 2).reshape(rows, -1)

    def ffn(self, x, i):
        linear = lambda x, name: self.linear(x, f"blk.{i}.ffn_{name}", i)
        activation = ((lambda x: torch.nn.functional.gelu(x, approximate="tanh")) if self.m.uses_gelu
                      else torch.nn.functional.silu)
        if f"blk.{i}.ffn_gate.weight" not in self.w:
            return linear(activation(linear(x, "up")), "down")
        gate, up = linear(x, "gate"), linear(x, "up")
        return linear(activation(gate) * up, "down")

    def behind(self, x, name):
        return self.norm(x, name) if name in self.w else x

    def losses(self, tokens, targets):
        h = self.w["token_embd.weight"][tokens]
        if self.m.architecture == "gemma3":
            h = h * self.m.dim**0.5
        if "token_embd.weight" in self.adapters:
            a, b, scale = self.adapters["token_embd.weight"]
            h = h + scale * a[tokens] @ b.T
        if self.noise:
            h = h + neftune(self.noise, len(tokens) // self.sequences, h.shape)
        for i in range(self.m.layers):
            self.site, blk = 0, f"blk.{i}."
            x = self.norm(h, blk + "attn_norm.weight")
            q, k, v = (self.linear(x, blk + "attn_" + n, i) for n in "qkv")
            y = self.linear(self.attention(q, k, v, i), blk + "attn_output", i)
            before, h = h, h + self.behind(y, blk + "post_attention_norm.weight")
            x = self.norm(before if getattr(self.m, "parallel", False) else h,
                          blk + "ffn_norm.weight")
            h = h + self.behind(self.ffn(x, i), blk + "post_ffw_norm.weight")
        x = self.norm(h, "output_norm.weight")
        self.site = 1000
        tied = None if "output.weight" in self.w else self.w["token_embd.weight"]
        logits = self.linear(x, "output", 0, tied)
        return torch.nn.functional.cross_entropy(logits, targets, ignore_index=-1, reduction="none")


def distance(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)


def check(name, train_step, folder):
    full = name in FULL
    if full:
        (options, sequences, length, *noise), adapters, dropout = FULL[name], [], 0
    else:
        options, adapters, sequences, length, dropout, *noise = {**CASES, **DORA}[name]
    path = make_model(os.path.join(folder, name + ".gguf"), seed=11, **options)[0]
    rng = np.random.default_rng(3)
    m = load(path)
    vocab = m.head.shape[1]
    rows = sequences * length
    tokens, targets = rng.integers(0, vocab, rows), rng.integers(0, vocab, rows)
    targets[rng.random(rows) < 0.3] = -1

    matrices = []
    for weight, rank, _ in adapters:
        n, k = m.gguf.tensors[weight].shape
        if weight == "token_embd.weight":
            n, k = k, n
        a = rng.normal(0, k**-0.5, (rank, k)).astype(np.float32)
        b = rng.normal(0, rank**-0.5, (n, rank)).astype(np.float32)
        matrices += [np.ascontiguousarray(a.T) if weight == "token_embd.weight" else a, b]
    leaves = [torch.from_numpy(x.astype(np.float64)).requires_grad_() for x in matrices]
    model = Model(path, adapters, list(zip(leaves[::2], leaves[1::2])), sequences, dropout, *noise)
    labels = [f"{w} {half}" for w, _, _ in adapters for half in "AB"]
    if name in DORA:
        for i, (weight, _, _) in enumerate(adapters):
            norms = torch.linalg.norm(model.w[weight], dim=1)
            magnitude = (norms * torch.from_numpy(rng.uniform(0.5, 1.5, len(norms)))).float().numpy()
            matrices.insert(3 * i + 2, magnitude)
            labels.insert(3 * i + 2, weight + " magnitude")
            leaves.insert(3 * i + 2, torch.from_numpy(magnitude.astype(np.float64)).requires_grad_())
            model.magnitudes[weight] = leaves[3 * i + 2]
    if full:
        trained = [w for w in model.w if not w.startswith("rope")]
        labels = [model.names.get(w, w) for w in trained]
        leaves = [model.w[w].clone().requires_grad_() for w in trained]
        model.w.update(zip(trained, leaves))
        matrices = [x.detach().numpy().astype(np.float32) for x in leaves]
    losses = model.losses(torch.from_numpy(tokens), torch.from_numpy(targets))
    (losses * (1 + torch.arange(rows) / 4)).sum().backward()
    losses = losses.detach().numpy()

    file = lambda ending: os.path.join(folder, name + ending)
    with open(file(".adapters"), "w") as out:
        out.writelines(f"{w} {r} {s} {int(name in DORA)}\n" for w, r, s in adapters)
        if full:
            out.writelines(w + "\n" for w in labels)
    with open(file(".parameters"), "wb") as out:
        for x in matrices:
            out.write(x.tobytes())
    worst = {}
    for real, loss_tolerance, tolerance, *run in RUNS:
        ids = [",".join(map(str, x)) for x in (tokens, targets)]
        subprocess.run([train_step, path, file(".adapters"), file(".parameters"), file(".out"), real,
                        str(length), str(dropout), str(SEED), *ids, *run, *["full"] * full, *(f"noise={x}" for x in noise)],
                       check=True)
        out = np.fromfile(file(".out"))
        for found in (out[:rows], out[rows : 2 * rows]):
            assert distance(found, losses) < loss_tolerance, (name, real, run, distance(found, losses))
        at = 2 * rows
        for i, leaf in enumerate(leaves):
            want = leaf.grad.numpy()
            found = out[at : at + want.size].reshape(want.shape)
            at += want.size
            assert np.linalg.norm(want) > 1e-6, (name, labels[i], "has no gradient")
            d = distance(found, want)
            assert d < tolerance, (name, real, run, labels[i], d)
            worst[real] = max(worst.get(real, 0), d)
        assert at == len(out)
    print(f"{name:14} {len(leaves):2} matrices,",
          ", ".join(f"{real} {d:.0e}" for real, d in worst.items()), flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or [*CASES, *DORA, *FULL]:
            check(name, sys.argv[1], folder)


if __name__ == "__main__":
    main()
