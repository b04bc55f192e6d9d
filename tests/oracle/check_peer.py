#!/usr/bin/python3
"""Compares the exact forward passes with llama.cpp's own logits on odd random models.

  LLMC_PEER=FOLDER check_peer.py [NAME...]

FOLDER is where `npm install --ignore-scripts --omit=optional --prefix FOLDER node-llama-cpp
@node-llama-cpp/linux-x64` put the official build. Each model of MODELS is written, run through
both, and judged by the mean KL divergence of llama.cpp's logits from the exact ones. llama.cpp
rounds the activations of quantized products to 8 bits and those of BF16 products to BF16, hence the
limits. `--save` writes what llama.cpp said of the F32 models to peer_answers.json, against which
check_reference.py holds the reference where llama.cpp is not installed.
"""
import json
import os
import subprocess
import sys
import tempfile
import zlib

import numpy as np

import decoder
from block_formats import FORMATS
from make_model import make_model
from likelihood import mean_kl
from reference import load

ODD = dict(dim=192, layers=3, heads=6, kv=2, ffn=344, vocab=331, std=0.08)
MODELS = {
    "plain": dict(std=0.08),
    "odd": ODD,
    "heads-8-1": dict(dim=128, heads=8, kv=1, ffn=200, vocab=397, std=0.08),
    "tied": dict(ODD, tied=True),
    "bias": dict(ODD, bias=True),
    "ffn-bias": dict(ODD, bias=True, ffn_bias=True),
    "key-length": dict(ODD, key_length=48, value_length=48),
    "key-length-short": dict(ODD, key_length=16, value_length=16),
    "base-500000": dict(ODD, rope_base=500000.0),
    "linear": dict(ODD, rope_scaling="linear:4"),
    "yarn": dict(ODD, rope_scaling="yarn:4:64", ctx=256),
    "yarn-long": dict(ODD, rope_scaling="yarn:4:2048", ctx=8192),
    "yarn-attn": dict(ODD, rope_scaling="yarn:8:32", meta=["llama.rope.scaling.attn_factor=1.3"]),
    "llama3": dict(ODD, rope_scaling="llama3:8:1:4:64", rope_base=500000.0),
    "eps": dict(ODD, eps=0.05),
    "split": dict(ODD, split=3),
    "gguf-2": dict(ODD, gguf=2),
    "alignment": dict(ODD, alignment=128),
    "window-ignored": dict(ODD, sliding_window=8),
    "tiny-vocab": dict(ODD, vocab=270),
    "mixture": dict(std=0.08, type="Q4_K_M", ffn=800, layers=8),
    "mixture-tied": dict(std=0.08, type="Q5_K_M", ffn=800, tied=True, layers=4),
}
MODELS.update({t: dict(std=0.08, type=t, ffn=800) for t in FORMATS if t != "F32"})
MODELS.update({
    "mixtral": dict(arch="mixtral"),
    "qwen2": dict(arch="qwen2"),
    "qwen2-tied": dict(arch="qwen2", tied=True),
    "qwen3": dict(arch="qwen3"),
    "qwen3moe": dict(arch="qwen3moe"),
    "gptneox": dict(arch="gptneox"),
    "gptneox-sequential": dict(arch="gptneox", sequential=True),
    "starcoder2": dict(arch="starcoder2"),
    "starcoder2-tied": dict(arch="starcoder2", tied=True),
    "phi3": dict(arch="phi3"),
    "phi3-short": dict(arch="phi3", ctx=256, original_ctx=256),
    "gemma2": dict(arch="gemma2"),
    "gemma2-27b": dict(arch="gemma2", dim=64, layers=46, ffn=96, key_length=24),
    "gemma3": dict(arch="gemma3"),
    "gemma3-pattern": dict(arch="gemma3", layers=3, window_pattern=2, local_rope_base=5e3),
})
# What llama.cpp does not do as the reference does; run by name only.
EXTRA = {
    "window-kept": dict(ODD, sliding_window=8),
    "rope-dims": dict(ODD, rope_dims=16),
    "value-length": dict(ODD, key_length=32, value_length=48),
}
LOADED = {"window-ignored": dict(sliding_window=0)}
LIMIT = {"F32": 1e-10, "F16": 1e-6, "BF16": 1e-3}
GELU_LIMIT = 1e-7  # an argument just beside a step of the table may take the next value
QUANTIZED_LIMIT = 1e-2
TOKENS = 96


HERE = os.path.dirname(os.path.abspath(__file__))
ANSWERS = os.path.join(HERE, "peer_answers.json")


def prepare(name, folder):
    """(paths, reference, tokens) of one of the models."""
    options = {**MODELS, **EXTRA}[name]
    paths = make_model(os.path.join(folder, name + ".gguf"), seed=7, **options)
    model = load(paths[0], **LOADED.get(name, {}))
    model.gelu = table_gelu
    tokens = np.random.default_rng(3).integers(3, model.head.shape[1], TOKENS - 1)
    return paths, model, [1] + tokens.tolist()


def table_gelu(x):
    """ggml's: from a table of f16, by the argument in f16."""
    rounded = decoder.gelu(x.astype(np.float16).astype(np.float64))
    return np.where(np.abs(x) < 10, rounded.astype(np.float16), np.maximum(x, 0))


def checksum(paths):
    crc = 0
    for path in paths:
        with open(path, "rb") as file:
            crc = zlib.crc32(file.read(), crc)
    return crc


def compare(name, folder, answers):
    """Prints a line about one model; returns whether it is good."""
    options = {**MODELS, **EXTRA}[name]
    paths, model, tokens = prepare(name, folder)
    job = {"model": paths[0], "tokens": tokens, "out": os.path.join(folder, "logits")}
    # One process each: llama.cpp aborts on what it cannot run.
    script = os.path.join(HERE, "peer_logits.mjs")
    done = subprocess.run(["node", script], input=json.dumps([job]), text=True, capture_output=True)
    if done.returncode:
        lines = [l for l in done.stderr.splitlines() if "rror" in l or "ASSERT" in l or "what()" in l]
        print(f"{name:18} llama.cpp did not run it: {(lines or ['no message'])[0].strip()}")
        return False
    exact = model.forward(tokens)
    peer = np.fromfile(job["out"], np.float32).reshape(exact.shape)
    kl = mean_kl(exact, peer)
    same = np.mean(exact.argmax(1) == peer.argmax(1))
    error = np.sqrt(np.mean((exact - peer) ** 2) / np.mean(exact**2))
    limit = LIMIT.get(options.get("type", "F32"), QUANTIZED_LIMIT)
    good = kl <= (max(limit, GELU_LIMIT) if model.uses_gelu else limit)
    print(f"{name:18} KL {kl:.2e}  logits off by {error:.1e}  same best {same:.3f}"
          + ("" if good else "  TOO FAR"))
    if options.get("type", "F32") == "F32":
        answers[name] = {"crc": checksum(paths), "best": peer.argmax(1).tolist(),
                         "last": [round(float(z), 5) for z in peer[-1][::13]]}
    return good


if __name__ == "__main__":
    if not os.environ.get("LLMC_PEER"):
        sys.exit("check_peer.py: set LLMC_PEER to the folder with node-llama-cpp (see README.md)")
    names = [a for a in sys.argv[1:] if a != "--save"]
    answers = {}
    if names:  # what is saved of the others stays
        with open(ANSWERS) as file:
            answers = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(name, folder, answers) for name in names or MODELS]
    if "--save" in sys.argv:
        with open(ANSWERS, "w") as file:
            lines = [f"{json.dumps(name)}: {json.dumps(a)}" for name, a in answers.items()]
            file.write("{\n" + ",\n".join(lines) + "\n}\n")
    sys.exit(0 if all(good) else 1)
