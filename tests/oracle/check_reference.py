#!/usr/bin/python3
"""Checks of reference_llama.py, gguf_io.py, make_model.py and spm.py.

Always (a few seconds): the random models of check_peer.py give the logits that llama.cpp gave for
them (peer_answers.json); the KV cache, the sliding window, splits and the tokenizer keep their
laws. With LLMC_SHARED_MODELS set to a folder with GOLDENS.md: its greedy tokens, and its exact
perplexities with the text that LLMC_SHARED_TEXT names (about 15 s a model; names as arguments
pick some).
"""
import json
import os
import re
import sys
import tempfile

import numpy as np

import spm
from check_peer import ANSWERS, TOKENS, checksum, prepare
from gguf_io import Gguf
from make_model import build, make_model
from reference_llama import Llama, mean_kl, perplexity
from vocabularies import pieces


def check_answers(folder):
    with open(ANSWERS) as file:
        answers = json.load(file)
    for name, want in answers.items():
        paths, model, tokens = prepare(name, folder)
        assert checksum(paths) == want["crc"], (
            f"{name}: the model's bytes are not those that llama.cpp saw; run check_peer.py --save")
        z = model.forward(tokens)
        assert z.argmax(1).tolist() == want["best"], name
        worst = np.abs(z[-1][::13] - want["last"]).max()
        assert worst < (3e-3 if model.uses_gelu else 1e-4), (name, worst)
    print(f"reference: {len(answers)} random models as llama.cpp has them")


def check_laws(folder):
    path = make_model(os.path.join(folder, "a.gguf"), dim=64, layers=2, heads=4, kv=2, ffn=96,
                      vocab=300, std=0.1, sliding_window=5)[0]
    tokens = [1] + np.random.default_rng(2).integers(3, 300, 23).tolist()
    windowed, free = Llama(path), Llama(path, sliding_window=0)
    z = free.forward(tokens)
    assert np.array_equal(z, Llama(path, sliding_window=24).forward(tokens))
    zw = windowed.forward(tokens)
    assert np.allclose(zw[:5], z[:5]) and not np.allclose(zw[5:], z[5:])
    # Two layers of a window of 5 see 8 positions back, and no farther.
    other = tokens[:4] + [tokens[4] ^ 1] + tokens[5:]
    changed = np.abs(windowed.forward(other) - zw).max(axis=1) > 1e-9
    assert changed.tolist() == [4 <= t <= 12 for t in range(24)], changed
    cache, rows = {}, []
    for at, part in ((0, tokens[:7]), (7, tokens[7:8]), (8, tokens[8:])):
        rows.append(windowed.forward(part, at, cache))
    assert np.allclose(np.concatenate(rows), zw, atol=1e-12)
    assert mean_kl(z, z + 3) < 1e-15 < mean_kl(z, zw)
    p = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    assert abs(mean_kl(*p) - (0.5 * np.log(2) + 0.5 * np.log(2 / 3))) < 1e-12

    meta, tensors = build(type="Q4_K_M", ffn=800, tied=True, seed=5, alignment=64)
    for extra in (dict(), dict(split=3), dict(gguf=2), dict(split=2, gguf=2)):
        got = Gguf.read(make_model(os.path.join(folder, "b.gguf"), type="Q4_K_M", ffn=800,
                                   tied=True, seed=5, alignment=64, **extra)[0])
        assert got.meta["llama.rope.freq_base"] == 10000.0 and got.version == extra.get("gguf", 3)
        assert list(got.tensors) == [t.name for t in tensors]
        for t in tensors:
            read = got.tensors[t.name]
            assert (read.format, read.shape) == (t.format, t.shape)
            assert np.array_equal(read.data, t.data)

    for size in (5, 259, 300, 331, 512, 2000):
        tokens, scores, types = pieces(size)
        assert len(tokens) == len(scores) == len(types) == len(set(tokens)) == size
    words = spm.load(path)
    for text in ("the cat and the dog", "  two  spaces", "caf\u00e9 \u4e2d\u6587\n", ""):
        ids = words.encode(text)
        assert ids[0] == 1 and words.decode(ids[1:]) == (" " + text if text else ""), text


def check_goldens(folder, only):
    with open(os.path.join(folder, "GOLDENS.md"), encoding="utf-8") as file:
        text = file.read()
    greedy = re.findall(r'- `(\S+)`, "(.*?)", (\d+) tokens:\n  `([\d ]+)`', text)
    assert greedy
    for name, prompt, n, ids in greedy:
        model = Llama(os.path.join(folder, name))
        want = [int(i) for i in ids.split()]
        got, margins = model.greedy(model.vocabulary().encode(prompt, True), len(want))
        assert got == want, (name, prompt, got)
        print(f"  {name}, {prompt!r}: {len(want)} tokens, smallest margin {min(margins):.4f}")
    source = os.environ.get("LLMC_SHARED_TEXT")
    if not source:
        print("  no LLMC_SHARED_TEXT: perplexities not checked")
        return
    with open(source, encoding="utf-8", newline="") as file:
        source = file.read()
    for name, exact in re.findall(r"\| (shakespeare-\S+) \| \d+ \| ([\d.]+) \|", text):
        if only and not any(o in name for o in only):
            continue
        model = Llama(os.path.join(folder, name + ".gguf"))
        result, _ = perplexity(model, model.vocabulary().encode(source, True), 256)
        assert result["windows"] == 37 and f"{result['ppl']:.4f}" == exact, (name, result, exact)
        print(f"  {name}: {exact}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_laws(folder)
        check_answers(folder)
    models = os.environ.get("LLMC_SHARED_MODELS")
    if models:
        check_goldens(models, sys.argv[1:])
    print("reference: ok" + ("" if models else " (no LLMC_SHARED_MODELS: goldens not checked)"))


if __name__ == "__main__":
    main()
