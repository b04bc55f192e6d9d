#!/usr/bin/python3
"""Writes a small random GGUF of architecture `llama`, for tests.

  make_model.py OUT.gguf --dim 256 --layers 2 --type Q4_K_M --seed 3
  from make_model import make_model; make_model(path, dim=256, type="Q4_0", tied=True)

The same options give the same bytes. A tensor's bytes depend on the seed, its name, its type and
its shape only. See --help for the options; keyword arguments have the same names.
"""
import argparse
import re
import zlib

import numpy as np

import gguf_io
from block_formats import FORMATS, fitting, random_blocks
from gguf_io import Tensor, f32, u32

# general.file_type of a file that is mostly of one type.
FILE_TYPE = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10,
             "Q3_K": 11, "Q3_K_M": 12, "Q4_K": 14, "Q4_K_M": 15, "Q5_K": 16, "Q5_K_M": 17,
             "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30, "BF16": 32, "MXFP4": 38}
MIXTURES = ("Q3_K_M", "Q4_K_M", "Q5_K_M")

WORDS = """the and of to in that is was he for it with as his on be at by had not are but from or
have an they which one you were her all she there would their we him been has when who will more no
if out so said what up its about into than them can only other new some could time these two may
then do first any my now such like our over man me even most made after also did many before must
through back years where much your way well down should because each just those people how too
little state good very make world still own see men work long get here between both life being under
never day same another know while last might us great old year off come since against go came right
used take three Once upon a time cat dog little girl named Lily play outside park big red ball"""


def pieces(size):
    """(tokens, scores, types) of a made-up SentencePiece vocabulary with `size` entries: three
    control tokens, bytes, characters, then the pairs that a pair encoder learns from WORDS."""
    tokens, types = ["<unk>", "<s>", "</s>"], [2, 3, 3]
    if size < len(tokens) + 1:
        raise ValueError(f"a vocabulary of {size} has no room for <unk>, <s>, </s> and a piece")
    if size >= 260:  # smaller ones do without bytes, which llama.cpp does not load
        tokens += [f"<0x{i:02X}>" for i in range(256)]
        types += [6] * 256
    normal = ["\u2581"] + list("etaoinshrdlcumwfgypbvkxjqzETAOINSHRDLCUMWFGYPBVKXJQZ0123456789.,'!?;:-\"()")
    normal += ["\u00e9", "\u00e4", "\u4e2d", "\U0001f600"]
    words = [["\u2581"] + list(w) for w in WORDS.split()]
    while len(tokens) + len(normal) < size:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        if not count:
            break
        best = max(count, key=lambda pair: (count[pair], pair))
        normal.append(best[0] + best[1])
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best:
                    w[i : i + 2] = [best[0] + best[1]]
                i += 1
    i = 0
    known = set(normal)
    while len(tokens) + len(normal) < size:  # made of pieces that exist: digits
        if str(i) not in known:
            normal.append(str(i))
        i += 1
    normal = normal[: size - len(tokens)]
    scores = [0.0] * len(tokens) + [-float(i) for i in range(len(normal))]
    return tokens + normal, scores, types + [1] * len(normal)


def tokenizer(size):
    tokens, scores, types = pieces(size)
    return {
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": True,
    }


def llama3_factors(dims, base, factor=8.0, low=1.0, high=4.0, orig=8192):
    """rope_freqs.weight as the Hugging Face converter writes it for rope_type llama3."""
    freqs = base ** -(np.arange(0, dims, 2) / dims)
    wave = 2 * np.pi / freqs
    smooth = (orig / wave - low) / (high - low)
    out = 1 / ((1 - smooth) / factor + smooth)
    return np.where(wave < orig / high, 1.0, np.where(wave > orig / low, factor, out))


def tensor_type(name, base, layers):
    """Type of a tensor in llama-quantize's mixtures (heads/kv and model size rules left out)."""
    if base not in MIXTURES:
        return base
    if name in ("output.weight",):
        return "Q6_K"
    kind = name.split(".")[-2]
    i = int(name.split(".")[1]) if name.startswith("blk.") else 0
    more = i < layers // 8 or i >= 7 * layers // 8 or (i - layers // 8) % 3 == 2
    if base == "Q3_K_M":
        return {"attn_v": "Q5_K" if i < 2 else "Q4_K", "attn_output": "Q4_K",
                "ffn_down": "Q5_K" if i < layers // 16 else "Q4_K"}.get(kind, "Q3_K")
    if kind in ("attn_v", "ffn_down") and more:
        return "Q6_K"
    return base[:4]


DEFAULTS = dict(dim=256, layers=2, heads=8, kv=None, ffn=768, vocab=512, ctx=256, type="F32",
                type_map=(), std=0.02, tied=False, bias=False, ffn_bias=False, key_length=None,
                value_length=None, rope_base=10000.0, rope_scaling=None, rope_dims=None,
                sliding_window=None, eps=1e-5, vocab_from=None, split=1, gguf=3, seed=1, meta=(),
                alignment=32)


def build(**options):
    """(metadata, tensors) of the model; options as in DEFAULTS."""
    unknown = set(options) - set(DEFAULTS)
    if unknown:
        raise TypeError(f"make_model: unknown option {sorted(unknown)}")
    o = argparse.Namespace(**{**DEFAULTS, **options})
    o.kv = o.kv or o.heads
    if o.heads % o.kv:
        raise ValueError(f"--heads {o.heads} is no multiple of --kv {o.kv}")
    if o.dim % o.heads and not (o.key_length and o.value_length):
        raise ValueError("--dim is no multiple of --heads: give --key-length and --value-length")
    dk, dv = o.key_length or o.dim // o.heads, o.value_length or o.dim // o.heads
    rope_dims = o.rope_dims or dk
    words = tokenizer(o.vocab)
    if o.vocab_from:
        donor = gguf_io.Gguf.read(o.vocab_from).meta
        words = {k: v for k, v in donor.items() if k.startswith("tokenizer.")}
        o.vocab = len(words["tokenizer.ggml.tokens"])
    o.type = o.type.upper()

    meta = {"general.architecture": "llama", "general.name": "random",
            "general.file_type": FILE_TYPE[o.type]}
    if o.type not in ("F32", "F16", "BF16"):
        meta["general.quantization_version"] = 2
    p = "llama."
    meta.update({
        p + "vocab_size": o.vocab, p + "context_length": o.ctx, p + "embedding_length": o.dim,
        p + "block_count": o.layers, p + "feed_forward_length": o.ffn,
        p + "attention.head_count": o.heads, p + "attention.head_count_kv": o.kv,
        p + "attention.layer_norm_rms_epsilon": float(o.eps),
        p + "rope.dimension_count": rope_dims, p + "rope.freq_base": float(o.rope_base)})
    if o.key_length or o.value_length:
        meta.update({p + "attention.key_length": dk, p + "attention.value_length": dv})
    if o.sliding_window:
        meta[p + "attention.sliding_window"] = o.sliding_window

    tensors = []

    def add(name, data):
        data = np.ascontiguousarray(data, "<f4")
        tensors.append(Tensor(name, "F32", data.shape, data.tobytes()))

    def rng(name):
        return np.random.default_rng([o.seed, zlib.crc32(name.encode())])

    def matrix(name, rows, row):
        type = tensor_type(name, o.type, o.layers)
        for rule in o.type_map:
            pattern, _, wanted = rule.rpartition("=")
            if re.search(pattern, name):
                type = wanted.upper()
        type = fitting(type, row)
        blocks = random_blocks(type, rows * row // FORMATS[type].weights, rng(name), o.std)
        tensors.append(Tensor(name, type, (rows, row), blocks))

    def norm(name):
        add(name, 1 + 0.1 * rng(name).normal(size=o.dim))

    def bias(name, n):
        add(name, 5 * o.std * rng(name).normal(size=n))

    matrix("token_embd.weight", o.vocab, o.dim)
    kind, *numbers = (o.rope_scaling or "none").split(":")
    numbers = [float(x) for x in numbers]
    if kind in ("linear", "yarn"):
        meta[p + "rope.scaling.type"] = kind
        meta[p + "rope.scaling.factor"] = numbers[0]
        if kind == "yarn":
            meta[p + "rope.scaling.original_context_length"] = int(numbers[1])
    elif kind == "llama3":
        add("rope_freqs.weight", llama3_factors(rope_dims, o.rope_base, *numbers))
    elif kind != "none":
        raise ValueError(f"--rope-scaling {o.rope_scaling}: linear:F, yarn:F:ORIG or llama3")
    for i in range(o.layers):
        b = f"blk.{i}."
        norm(b + "attn_norm.weight")
        for name, rows, row in (("attn_q", o.heads * dk, o.dim), ("attn_k", o.kv * dk, o.dim),
                                ("attn_v", o.kv * dv, o.dim), ("attn_output", o.dim, o.heads * dv)):
            matrix(f"{b}{name}.weight", rows, row)
            if o.bias:
                bias(f"{b}{name}.bias", rows)
        norm(b + "ffn_norm.weight")
        for name, rows, row in (("ffn_gate", o.ffn, o.dim), ("ffn_up", o.ffn, o.dim),
                                ("ffn_down", o.dim, o.ffn)):
            matrix(f"{b}{name}.weight", rows, row)
            if o.ffn_bias:
                bias(f"{b}{name}.bias", rows)
    norm("output_norm.weight")
    if not o.tied:
        matrix("output.weight", o.vocab, o.dim)
    for item in o.meta:
        key, _, value = item.partition("=")
        meta[key] = f32(float(value)) if "." in value else u32(int(value))
    meta.update(words)
    return meta, tensors


def make_model(path, **options):
    """Writes the model; returns the paths written (several for a split)."""
    meta, tensors = build(**options)
    o = {**DEFAULTS, **options}
    return gguf_io.write(path, meta, tensors, o["gguf"], o["split"], o["alignment"])


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("out", help="for a split, without the -0000i-of-0000N part")
    types = ", ".join(list(FORMATS) + list(MIXTURES))
    for name in ("dim", "layers", "heads", "ffn", "vocab", "ctx", "split", "seed", "alignment"):
        a.add_argument("--" + name, type=int, default=DEFAULTS[name], help="default %(default)s")
    a.add_argument("--kv", type=int, help="key/value heads, default as --heads")
    a.add_argument("--type", default="F32", help=types)
    a.add_argument("--type-map", action="append", default=[], metavar="REGEX=TYPE",
                   help="type of the tensors whose name matches; the last match counts")
    a.add_argument("--std", type=float, default=0.02, help="deviation of the weights")
    a.add_argument("--tied", action="store_true", help="no output.weight")
    a.add_argument("--bias", action="store_true", help="biases of attn_q, _k, _v and _output")
    a.add_argument("--ffn-bias", action="store_true", help="biases of ffn_gate, _up and _down")
    a.add_argument("--key-length", type=int, help="default dim/heads")
    a.add_argument("--value-length", type=int, help="default dim/heads")
    a.add_argument("--rope-base", type=float, default=10000.0)
    a.add_argument("--rope-scaling", metavar="KIND",
                   help="linear:F | yarn:F:ORIG | llama3[:FACTOR:LOW:HIGH:ORIG]")
    a.add_argument("--rope-dims", type=int, help="default: the key length")
    a.add_argument("--sliding-window", type=int)
    a.add_argument("--eps", type=float, default=1e-5)
    a.add_argument("--vocab-from", metavar="FILE", help="take the tokenizer of this GGUF")
    a.add_argument("--gguf", type=int, choices=(2, 3), default=3)
    a.add_argument("--meta", action="append", default=[], metavar="KEY=NUMBER",
                   help="further metadata, f32 if it has a point, else u32")
    o = vars(a.parse_args())
    for path in make_model(o.pop("out"), **o):
        print(path)


if __name__ == "__main__":
    main()
