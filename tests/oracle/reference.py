#!/usr/bin/python3
"""Exact forward pass of a GGUF of any architecture: dequantized weights, float64 throughout.

  reference.py logits MODEL --tokens 1,2,3 [--out X.npy]
  reference.py greedy MODEL (--prompt TEXT | --tokens 1,2,3) [-n 32] [--margins]
  reference.py perplexity MODEL (--token-file IDS | -f TEXT) [-c 256] [--logits-out X.npy]
  reference.py kl REF.npy OTHER.npy

The math is that of llama.cpp's graph with nothing rounded: no KV-cache type, no quantized
activations.
"""
import argparse
import json
import sys

import numpy as np

from gguf_io import Gguf
from likelihood import mean_kl, perplexity
from reference_gemma import Gemma2, Gemma3
from reference_gptneox import GptNeoX, Starcoder2
from reference_llama import Llama
from reference_phi3 import Phi3
from reference_qwen import Qwen2, Qwen3, Qwen3Moe

CLASSES = {c.architecture: c
           for c in (Llama, Qwen2, Qwen3, Qwen3Moe, GptNeoX, Starcoder2, Phi3, Gemma2, Gemma3)}


def class_of(path):
    name = Gguf.read(path).meta["general.architecture"]
    if name not in CLASSES:
        raise ValueError(f"{path}: architecture {name}; known are {', '.join(CLASSES)}")
    return CLASSES[name]


def load(path, **options):
    """The exact model of a file."""
    return class_of(path)(path, **options)


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
    prompt.add_argument("--prompt", help="text")
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
    options = {} if o.sliding_window is None else {"sliding_window": o.sliding_window}
    model = load(o.model, **options)
    if o.command == "logits":
        z = model.forward(_ids(o.tokens))
        if o.out:
            np.save(o.out, z)
        else:
            print(*z.argmax(axis=1))
    elif o.command == "greedy":
        words = model.vocabulary()
        tokens = _ids(o.tokens) if o.tokens else words.encode(o.prompt)
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
                tokens = words.encode(file.read())
        result, z = perplexity(model, tokens, o.c, words.bos if words.add_bos else None, bool(o.logits_out), o.t)
        if o.logits_out:
            np.save(o.logits_out, z)
        print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(main())
