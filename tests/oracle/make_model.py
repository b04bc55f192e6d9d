#!/usr/bin/python3
"""Writes a small random GGUF, for tests.

  make_model.py OUT.gguf --dim 256 --layers 2 --type Q4_K_M --seed 3
  make_model.py OUT.gguf --arch gemma3 --type F16
  from make_model import make_model; make_model(path, dim=256, type="Q4_0", tied=True)

The same options give the same bytes. A tensor's bytes depend on the seed, its name, its type and
its shape only. See --help for the options; keyword arguments have the same names.
"""
import argparse
import math
import re
import zlib

import numpy as np

import gguf_io
from architectures import (ARCHITECTURES, BIAS, FACTORS, HEAD_LENGTHS, KEYS, MATRIX, NORM, ROUTER,
                           size)
from block_formats import FORMATS, fitting, random_blocks
from gguf_io import Tensor, f32, u32

# general.file_type of a file that is mostly of one type.
FILE_TYPE = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10,
             "Q3_K": 11, "Q3_K_M": 12, "Q4_K": 14, "Q4_K_M": 15, "Q5_K": 16, "Q5_K_M": 17,
             "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30, "BF16": 32, "TQ2_0": 37, "MXFP4": 38}
MIXTURES = ("Q3_K_M", "Q4_K_M", "Q5_K_M")

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


DEFAULTS = dict(arch="llama", dim=256, layers=2, heads=8, kv=None, ffn=768, vocab=512, ctx=256,
                type="F32", type_map=(), std=0.02, tied=False, bias=False, ffn_bias=False,
                key_length=None, value_length=None, rope_base=10000.0, local_rope_base=None,
                rope_scaling=None, rope_dims=None, original_ctx=None, attention_factor=1.0,
                sliding_window=None, window_pattern=None, attention_cap=None, logit_cap=None,
                sequential=False, experts=None, experts_used=None, expert_ffn=None, eps=1e-5,
                vocab_from=None, split=1, gguf=3, seed=1, meta=(), alignment=32)

class Maker:
    """The tensors of a model, drawn one by one."""

    def __init__(self, options):
        self.o, self.tensors = options, []

    def rng(self, name):
        return np.random.default_rng([self.o.seed, zlib.crc32(name.encode())])

    def floats(self, name, data):
        data = np.ascontiguousarray(data, "<f4")
        self.tensors.append(Tensor(name, "F32", data.shape, data.tobytes()))

    def matrix(self, name, *shape, gain=1):
        type = tensor_type(name, self.o.type, self.o.layers)
        for rule in self.o.type_map:
            pattern, _, wanted = rule.rpartition("=")
            if re.search(pattern, name):
                type = wanted.upper()
        type = fitting(type, shape[-1])
        count = math.prod(shape) // FORMATS[type].weights
        blocks = random_blocks(type, count, self.rng(name), gain * self.o.std)
        self.tensors.append(Tensor(name, type, shape, blocks))

    def add(self, rows, prefix=""):
        """The tensors of rows of architectures.py."""
        for row in rows:
            if row.when and not getattr(self.o, row.when):
                continue
            name, shape = prefix + row.name, [size(s, self.o) for s in row.sizes]
            normal = lambda: row.gain * self.rng(name).normal(size=shape)
            if row.kind == MATRIX:
                self.matrix(name, *shape, gain=row.gain)
            elif row.kind == NORM:
                self.floats(name, row.gain + 0.1 * normal())
            elif row.kind == BIAS:
                self.floats(name, 5 * self.o.std * normal())
            elif row.kind == ROUTER:
                self.floats(name, self.o.std * normal())
            elif row.kind == FACTORS:
                self.floats(name, np.cumsum(self.rng(name).uniform(0, 0.5, shape)) + 1)


def resolve(options):
    """(architecture, options) with all defaults and what follows from others."""
    unknown = set(options) - set(DEFAULTS)
    if unknown:
        raise TypeError(f"make_model: unknown option {sorted(unknown)}")
    name = options.get("arch", DEFAULTS["arch"])
    if name not in ARCHITECTURES:
        raise ValueError(f"--arch {name}: known are {', '.join(ARCHITECTURES)}")
    arch = ARCHITECTURES[name]
    given = {key: value for key, value in options.items() if value is not None}
    o = argparse.Namespace(**{**DEFAULTS, **arch.defaults, **given})
    o.kv = o.kv or o.heads
    if o.heads % o.kv:
        raise ValueError(f"--heads {o.heads} is no multiple of --kv {o.kv}")
    if o.dim % o.heads and not o.key_length:
        raise ValueError("--dim is no multiple of --heads: give --key-length")
    if (o.key_length or o.value_length) and not set(HEAD_LENGTHS) <= set(arch.keys):
        raise ValueError(f"--arch {name}: a file cannot say --key-length or --value-length")
    o.head_lengths = o.key_length or o.value_length  # whether the file says them
    o.value_length = o.value_length or o.key_length or o.dim // o.heads
    o.key_length = o.key_length or o.dim // o.heads
    o.rope_dims = o.rope_dims or o.key_length
    o.type = o.type.upper()
    return arch, o


def build(**options):
    """(metadata, tensors) of the model; options as in DEFAULTS."""
    arch, o = resolve(options)
    words = arch.words(o.vocab)
    if o.vocab_from:
        donor = gguf_io.Gguf.read(o.vocab_from).meta
        words = {k: v for k, v in donor.items() if k.startswith("tokenizer.")}
        o.vocab = len(words["tokenizer.ggml.tokens"])

    name = arch.name or o.arch
    meta = {"general.architecture": name, "general.name": "random",
            "general.file_type": FILE_TYPE[o.type]}
    if o.type not in ("F32", "F16", "BF16"):
        meta["general.quantization_version"] = 2
    for key in arch.keys:
        value = None if key in HEAD_LENGTHS and not o.head_lengths else KEYS[key](o)
        if value is not None:
            meta[f"{name}.{key}"] = value

    maker = Maker(o)
    maker.matrix("token_embd.weight", o.vocab, o.dim, gain=arch.embedding_gain)
    kind, *numbers = (o.rope_scaling or "none").split(":")
    numbers = [float(x) for x in numbers]
    if kind in ("linear", "yarn"):
        meta[name + ".rope.scaling.type"] = kind
        meta[name + ".rope.scaling.factor"] = numbers[0]
        if kind == "yarn":
            meta[name + ".rope.scaling.original_context_length"] = int(numbers[1])
    elif kind == "llama3":
        maker.floats("rope_freqs.weight", llama3_factors(o.rope_dims, o.rope_base, *numbers))
    elif kind != "none":
        raise ValueError(f"--rope-scaling {o.rope_scaling}: linear:F, yarn:F:ORIG or llama3")
    maker.add(arch.factors)
    for i in range(o.layers):
        maker.add(arch.layer, f"blk.{i}.")
    maker.add(arch.output_norm)
    if not (o.tied or arch.always_tied):
        maker.matrix("output.weight", o.vocab, o.dim)
    for item in o.meta:
        key, _, value = item.partition("=")
        meta[key] = f32(float(value)) if "." in value else u32(int(value))
    meta.update(words)
    return meta, maker.tensors


def make_model(path, **options):
    """Writes the model; returns the paths written (several for a split)."""
    meta, tensors = build(**options)
    _, o = resolve(options)
    return gguf_io.write(path, meta, tensors, o.gguf, o.split, o.alignment)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("out", help="for a split, without the -0000i-of-0000N part")
    a.add_argument("--arch", default="llama", choices=ARCHITECTURES,
                   help="default %(default)s; the others have defaults of their own, by which all\n"
                        "terms of the architecture matter (see architectures.py)")
    types = ", ".join(list(FORMATS) + list(MIXTURES))
    for name in ("dim", "layers", "heads", "ffn", "vocab", "ctx", "split", "seed", "alignment"):
        a.add_argument("--" + name, type=int, help=f"default {DEFAULTS[name]}")
    a.add_argument("--kv", type=int, help="key/value heads, default as --heads")
    a.add_argument("--type", default="F32", help=types)
    a.add_argument("--type-map", action="append", default=[], metavar="REGEX=TYPE",
                   help="type of the tensors whose name matches; the last match counts")
    a.add_argument("--std", type=float, help="deviation of the weights, default 0.02")
    a.add_argument("--tied", action="store_true", help="no output.weight")
    a.add_argument("--bias", action="store_true", help="biases of attn_q, _k, _v and _output")
    a.add_argument("--ffn-bias", action="store_true", help="biases of ffn_gate, _up and _down")
    a.add_argument("--key-length", type=int, help="default dim/heads")
    a.add_argument("--value-length", type=int, help="default as --key-length")
    a.add_argument("--rope-base", type=float, help="default 10000")
    a.add_argument("--local-rope-base", type=float, help="of layers with a window")
    a.add_argument("--rope-scaling", metavar="KIND",
                   help="linear:F | yarn:F:ORIG | llama3[:FACTOR:LOW:HIGH:ORIG]")
    a.add_argument("--rope-dims", type=int, help="default: the key length")
    a.add_argument("--sliding-window", type=int)
    a.add_argument("--window-pattern", type=int, help="every nth layer has no window")
    a.add_argument("--original-ctx", type=int, help="where the long rope factors begin")
    a.add_argument("--attention-factor", type=float, help="of rope; default 1")
    a.add_argument("--attention-cap", type=float, help="of attention's scores")
    a.add_argument("--logit-cap", type=float)
    a.add_argument("--sequential", action="store_true", help="no parallel residual")
    a.add_argument("--experts", type=int)
    a.add_argument("--experts-used", type=int)
    a.add_argument("--expert-ffn", type=int)
    a.add_argument("--eps", type=float, help="default 1e-5")
    a.add_argument("--vocab-from", metavar="FILE", help="take the tokenizer of this GGUF")
    a.add_argument("--gguf", type=int, choices=(2, 3), default=3)
    a.add_argument("--meta", action="append", default=[], metavar="KEY=NUMBER",
                   help="further metadata, f32 if it has a point, else u32")
    o = vars(a.parse_args())
    for path in make_model(o.pop("out"), **o):
        print(path)


if __name__ == "__main__":
    main()
