#!/usr/bin/python3
"""Exact forward pass of architecture `llama` from a GGUF: dequantized weights, float64 throughout.

  reference_llama.py logits MODEL --tokens 1,2,3 [--out X.npy]
  reference_llama.py greedy MODEL (--prompt TEXT | --tokens 1,2,3) [-n 32] [--margins]
  reference_llama.py perplexity MODEL (--token-file IDS | -f TEXT) [-c 256] [--logits-out X.npy]
  reference_llama.py kl REF.npy OTHER.npy

The math is that of llama.cpp's graph with nothing rounded: no KV-cache type, no quantized
activations. `attention.sliding_window` is honoured (llama.cpp ignores it for this architecture;
--sliding-window 0 does the same).
"""
import argparse
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import spm
from gguf_io import Gguf


class Rope:
    """cos and sin per position and pair of adjacent dimensions, as ggml_rope_ext defines them."""

    def __init__(self, meta, factors, head_dim):
        get = lambda key, default: meta.get("llama.rope." + key, default)
        self.dims = get("dimension_count", head_dim)
        base = get("freq_base", 10000.0)
        kind = get("scaling.type", "linear")
        factor = get("scaling.factor", get("scale_linear", 0.0))
        if kind not in ("none", "linear", "yarn"):
            raise ValueError(f"llama.rope.scaling.type = {kind} is not supported")
        self.scale = 1.0 if kind == "none" or factor == 0 else 1.0 / factor
        ext = get("scaling.yarn_ext_factor", -1.0)
        if ext < 0:
            ext = 1.0 if kind == "yarn" else 0.0
        pair = np.arange(self.dims // 2)
        freq = base ** (-2.0 * pair / self.dims)
        if factors is not None:
            freq = freq / factors
        if ext == 0:
            self.freq = freq * self.scale
            self.magnitude = get("scaling.yarn_attn_factor", 1.0)
        else:
            orig = get("scaling.original_context_length", meta["llama.context_length"])

            def dim_of(rotations):
                return self.dims * math.log(orig / (rotations * 2 * math.pi)) / (2 * math.log(base))

            low = max(0, math.floor(dim_of(get("scaling.yarn_beta_fast", 32.0))))
            high = min(self.dims - 1, math.ceil(dim_of(get("scaling.yarn_beta_slow", 1.0))))
            ramp = ext * (1 - np.clip((pair - low) / max(0.001, high - low), 0, 1))
            self.freq = freq * self.scale * (1 - ramp) + freq * ramp
            self.magnitude = 1.0 + 0.1 * math.log(1.0 / self.scale) if self.scale < 1 else 1.0
        self.magnitude *= get("scaling.attn_factor", 1.0)

    def __call__(self, x, positions):
        """x: [T, heads, head_dim]; rotates pairs (2i, 2i+1) of the first `dims` dimensions."""
        angle = positions[:, None, None] * self.freq
        cos, sin = np.cos(angle) * self.magnitude, np.sin(angle) * self.magnitude
        out = x.copy()
        a, b = x[..., 0 : self.dims : 2], x[..., 1 : self.dims : 2]
        out[..., 0 : self.dims : 2] = a * cos - b * sin
        out[..., 1 : self.dims : 2] = a * sin + b * cos
        return out


class Llama:
    def __init__(self, path, sliding_window=None):
        self.gguf = gguf = Gguf.read(path)
        meta = gguf.meta
        if meta["general.architecture"] != "llama":
            raise ValueError(f"{path}: architecture {meta['general.architecture']}, not llama")
        if meta.get("llama.expert_count", 0):
            raise ValueError(f"{path}: has experts")
        get = lambda key, default=None: meta.get("llama." + key, default)
        self.layers = get("block_count")
        self.dim = get("embedding_length")
        self.context = get("context_length")
        per_layer = lambda x: list(x) if isinstance(x, list) else [x] * self.layers
        self.heads = per_layer(get("attention.head_count"))
        self.kv = per_layer(get("attention.head_count_kv", self.heads))
        self.dk = get("attention.key_length", self.dim // self.heads[0])
        self.dv = get("attention.value_length", self.dim // self.heads[0])
        self.eps = get("attention.layer_norm_rms_epsilon")
        self.window = get("attention.sliding_window", 0) if sliding_window is None else sliding_window
        self.w = {name: gguf.tensor(name) for name in gguf.tensors}
        # Right operands [in, out]: the reference BLAS of Debian is much faster on those.
        for name in list(self.w):
            if self.w[name].ndim == 2 and name != "token_embd.weight":
                self.w[name] = np.ascontiguousarray(self.w[name].T)
        self.head = self.w.get("output.weight")
        if self.head is None:
            self.head = np.ascontiguousarray(self.w["token_embd.weight"].T)
        self.rope = Rope(meta, self.w.get("rope_freqs.weight"), self.dk)

    def vocabulary(self):
        return spm.Spm(self.gguf.meta)

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * self.w[name]

    def linear(self, x, name):
        y = x @ self.w[name + ".weight"]
        bias = self.w.get(name + ".bias")
        return y if bias is None else y + bias

    def attention(self, x, i, positions, cache):
        t, blk, heads, kv = len(x), f"blk.{i}.", self.heads[i], self.kv[i]
        q = self.rope(self.linear(x, blk + "attn_q").reshape(t, heads, self.dk), positions)
        k = self.rope(self.linear(x, blk + "attn_k").reshape(t, kv, self.dk), positions)
        v = self.linear(x, blk + "attn_v").reshape(t, kv, self.dv)
        if cache is not None:
            if i in cache:
                k = np.concatenate([cache[i][0], k])
                v = np.concatenate([cache[i][1], v])
            cache[i] = (k, v)
        # Query head h reads key/value head h / (heads / kv): fold that group into the rows.
        group = heads // kv
        q = q.reshape(t, kv, group, self.dk).transpose(1, 2, 0, 3).reshape(kv, group * t, self.dk)
        score = q @ np.ascontiguousarray(k.transpose(1, 2, 0)) / math.sqrt(self.dk)
        score = score.reshape(kv, group, t, len(k))
        distance = positions[:, None] - np.arange(len(k))[None, :]
        hidden = distance < 0
        if self.window:
            hidden |= distance >= self.window
        score[..., hidden] = -np.inf
        score -= score.max(axis=-1, keepdims=True)
        np.exp(score, out=score)
        score /= score.sum(axis=-1, keepdims=True)
        y = score.reshape(kv, group * t, len(k)) @ np.ascontiguousarray(v.transpose(1, 0, 2))
        y = y.reshape(kv, group, t, self.dv).transpose(2, 0, 1, 3).reshape(t, heads * self.dv)
        return self.linear(y, blk + "attn_output")

    def ffn(self, x, i):
        gate, up = self.linear(x, f"blk.{i}.ffn_gate"), self.linear(x, f"blk.{i}.ffn_up")
        with np.errstate(over="ignore"):  # exp(-gate) may be infinite: the quotient is then 0
            return self.linear(gate / (1 + np.exp(-gate)) * up, f"blk.{i}.ffn_down")

    def forward(self, tokens, start=0, cache=None, rows=slice(None)):
        """Logits [len(rows), vocab] of `tokens` at positions start, start + 1, ...; `rows` picks
        positions. With a cache (a dict, at first empty) earlier tokens are remembered."""
        positions = np.arange(start, start + len(tokens))
        x = self.w["token_embd.weight"][np.asarray(tokens)]
        for i in range(self.layers):
            x = x + self.attention(self.norm(x, f"blk.{i}.attn_norm.weight"), i, positions, cache)
            x = x + self.ffn(self.norm(x, f"blk.{i}.ffn_norm.weight"), i)
        return self.norm(x[rows], "output_norm.weight") @ self.head

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


def logits(path, tokens, **options):
    """[T, vocab] in float64."""
    return Llama(path, **options).forward(list(tokens))


def log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def perplexity(model, tokens, n_ctx=256, bos=1, keep_logits=False, threads=2):
    """llama-perplexity's figure: windows of n_ctx, the first token of each replaced by BOS, the
    positions n_ctx/2 .. n_ctx-2 scored against the next token. `tokens` begins with BOS."""
    windows, first = len(tokens) // n_ctx, n_ctx // 2
    if windows < 1 or n_ctx < 4:
        raise ValueError(f"{len(tokens)} tokens do not fill a window of {n_ctx}")

    def score(w):
        window = list(tokens[w * n_ctx : (w + 1) * n_ctx])
        window[0] = bos
        z = model.forward(window, rows=slice(first, n_ctx - 1))
        nll = -log_softmax(z)[np.arange(len(z)), window[first + 1 :]]
        return nll, (z.astype(np.float32) if keep_logits else None)

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(score, range(windows)))
    nll = np.concatenate([p[0] for p in parts])
    mean = nll.mean()
    error = math.sqrt(max(0.0, (nll**2).mean() - mean**2) / (len(nll) - 1))
    result = {"ppl": math.exp(mean), "stderr": error * math.exp(mean), "tokens": len(nll),
              "windows": windows}
    return result, (np.concatenate([p[1] for p in parts]) if keep_logits else None)


def mean_kl(reference, other):
    """Mean over the rows of KL(softmax(reference) || softmax(other)), in nats."""
    if reference.shape != other.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {other.shape}")
    total = 0.0
    for at in range(0, len(reference), 512):
        p = log_softmax(reference[at : at + 512].astype(np.float64))
        q = log_softmax(other[at : at + 512].astype(np.float64))
        total += (np.exp(p) * (p - q)).sum()
    return float(total / len(reference))


def _ids(text):
    return [int(t) for t in text.replace(",", " ").split()]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = a.add_subparsers(dest="command", required=True)
    c = {name: sub.add_parser(name) for name in ("logits", "greedy", "perplexity", "kl")}
    for name in ("logits", "greedy", "perplexity"):
        c[name].add_argument("model")
        c[name].add_argument("--sliding-window", type=int, help="instead of the file's; 0 is none")
    c["logits"].add_argument("--tokens", required=True)
    c["logits"].add_argument("--out", help="float64 [T, vocab]; without it the best id per token")
    prompt = c["greedy"].add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", help="text; BOS goes first")
    prompt.add_argument("--tokens", help="ids, used as they are")
    c["greedy"].add_argument("-n", type=int, default=32)
    c["greedy"].add_argument("--ignore-eos", action="store_true")
    c["greedy"].add_argument("--margins", action="store_true", help="also best minus second logit")
    text = c["perplexity"].add_mutually_exclusive_group(required=True)
    text.add_argument("--token-file", help="ids, BOS first")
    text.add_argument("-f", help="text file")
    c["perplexity"].add_argument("-c", type=int, default=256)
    c["perplexity"].add_argument("-t", type=int, default=2, help="threads")
    c["perplexity"].add_argument("--logits-out", help="float32 [scored positions, vocab]")
    c["kl"].add_argument("reference")
    c["kl"].add_argument("other")
    o = a.parse_args()
    if o.command == "kl":
        print(f"{mean_kl(np.load(o.reference, 'r'), np.load(o.other, 'r')):.6e}")
        return
    model = Llama(o.model, o.sliding_window)
    if o.command == "logits":
        z = model.forward(_ids(o.tokens))
        if o.out:
            np.save(o.out, z)
        else:
            print(*z.argmax(axis=1))
    elif o.command == "greedy":
        words = model.vocabulary()
        tokens = _ids(o.tokens) if o.tokens else words.encode(o.prompt, True)
        out, margins = model.greedy(tokens, o.n, () if o.ignore_eos else (words.eos,))
        result = {"tokens": out, "text": words.decode(out)}
        if o.margins:
            result["margins"] = [round(m, 6) for m in margins]
        print(json.dumps(result, ensure_ascii=False))
    else:
        words = model.vocabulary()
        if o.token_file:
            with open(o.token_file) as file:
                tokens = _ids(file.read())
        else:
            with open(o.f, encoding="utf-8", newline="") as file:
                tokens = words.encode(file.read(), True)
        result, z = perplexity(model, tokens, o.c, words.bos, bool(o.logits_out), o.t)
        if o.logits_out:
            np.save(o.logits_out, z)
        print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(main())
