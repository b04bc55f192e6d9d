#!/usr/bin/python3
"""check_interpreter.py INTERPRET [NAME...]

Holds the reference interpreter against the float64 forward pass of tests/oracle on random models:
the numbers of one were written down without the other. INTERPRET is the program of that name.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

from llama_program import Program
from make_model import make_model
from reference_llama import Llama

# Keys of 16 elements, whose scale 1/4 is the same in float32, the type of the attribute.
SMALL = dict(dim=96, layers=3, heads=6, kv=2, key_length=16, value_length=16, ffn=136, vocab=331,
             std=0.12)
MODELS = {
    "plain": SMALL,
    "tied": dict(SMALL, tied=True),
    "bias": dict(SMALL, bias=True, ffn_bias=True),
    "value-length": dict(SMALL, value_length=24),
    "rope-dims": dict(SMALL, rope_dims=10),
    "base-500000": dict(SMALL, rope_base=500000.0),
    "linear": dict(SMALL, rope_scaling="linear:4"),
    "yarn": dict(SMALL, rope_scaling="yarn:4:64"),
    "yarn-long": dict(SMALL, rope_scaling="yarn:4:2048", ctx=8192),
    "yarn-attn": dict(SMALL, rope_scaling="yarn:8:32", meta=["llama.rope.scaling.attn_factor=1.3"]),
    "llama3": dict(SMALL, rope_scaling="llama3:8:1:4:64", rope_base=500000.0),
    "eps": dict(SMALL, eps=0.05),
    "window": dict(SMALL, sliding_window=5),
    "split": dict(SMALL, split=3),
    "f16": dict(SMALL, type="F16"),
    "mixture": dict(dim=256, layers=4, heads=4, kv=2, key_length=16, value_length=16, ffn=256,
                    vocab=300, std=0.12, type="Q4_K_M"),
}
TOKENS = 24
EXACT = 1e-11


def distance(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def check(name, interpret, folder):
    path = make_model(os.path.join(folder, name + ".gguf"), seed=11, **MODELS[name])[0]
    model = Llama(path)
    vocab = model.head.shape[1]
    tokens = [1] + np.random.default_rng(3).integers(3, vocab, TOKENS - 1).tolist()
    want = model.forward(tokens)
    # A prompt, a token, and a few at once.
    steps = [",".join(map(str, part)) for part in (tokens[:15], tokens[15:16], tokens[16:])]

    def run(fused, real):
        program = os.path.join(folder, f"{name}.mlir")
        with open(program, "w") as file:
            file.write(Program(model, fused).text())
        out = os.path.join(folder, "logits")
        subprocess.run([interpret, program, path, out, real, *steps], check=True)
        return np.fromfile(out).reshape(TOKENS, vocab)

    exact = run(False, "exact")
    assert distance(exact, want) < EXACT, (name, distance(exact, want))
    assert distance(run(True, "exact"), exact) < 1e-12, name
    rounded = run(False, "double")
    cache = distance(rounded, exact)
    assert 1e-6 < cache < 1e-2, (name, "the cache's rounding", cache)
    single = distance(run(True, "float"), rounded)
    assert 1e-9 < single < 1e-3, (name, "float against double", single)
    print(f"{name:12} exact {distance(exact, want):.0e}, f16 cache {cache:.0e}, float {single:.0e}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or MODELS:
            check(name, sys.argv[1], folder)


if __name__ == "__main__":
    main()
