#!/usr/bin/python3
"""Compares greedy tokens and logits of llama.cpp, the exact pass and llmc, for each architecture and type.

  LLMC_PEER=FOLDER [LLMC=.../llmc] check_peer_architectures.py [gemma3 ...]

LLMC_PEER is as for check_peer.py; without it, or without the package, the check is skipped: exit code
77. Random models of each architecture, in F16, Q8_0 and Q4_K_M, go on with a few prompts. The tokens
that the exact pass chooses are given to llama.cpp, which must choose each of them itself; so must it
those that `llmc run` chooses, where LLMC is set and knows the architecture. Another choice counts as a
near tie, and is shown with the gap between the two in the exact logits, if that is within what rounding
does to logits in this model.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from architectures import ARCHITECTURES
from check_peer import table_gelu
from likelihood import mean_kl
from make_model import make_model
from reference import load
from rounding import load_rounded, to_f16, to_int8_of_256

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
TYPES = "F16", "Q8_0", "Q4_K_M"
PROMPTS = "the cat and the dog", "Once upon a time there was a little girl, and", "He said: why (not) me?"
COUNT = 32
# How llama.cpp rounds activations otherwise than rounding.py.
ROUNDINGS = {"F16": to_f16, "Q4_K": to_int8_of_256, "Q6_K": to_int8_of_256}
FEW = 3  # KLs of errors of the same size differ less than this
DEVIATIONS = 6  # of a difference of logits that rounding explains
EXTRA = {"gptneox-sequential": dict(arch="gptneox", sequential=True), "qwen2-tied": dict(arch="qwen2", tied=True),
         "phi3-short": dict(arch="phi3", original_ctx=256)}
UNKNOWN = "is not known", "does not support"


def skip(why):
    print(f"check_peer_architectures.py: skipped: {why}")
    sys.exit(SKIPPED)


def peer(path, folder, sequences):
    """llama.cpp's logits of each sequence of tokens."""
    jobs = [{"model": path, "tokens": tokens, "out": os.path.join(folder, f"peer{i}")}
            for i, tokens in enumerate(sequences)]
    done = subprocess.run(["node", str(HERE / "peer_logits.mjs")], input=json.dumps(jobs), text=True,
                          capture_output=True)
    if done.returncode:
        sys.exit(f"llama.cpp did not run {path}: {done.stderr}")
    return [np.fromfile(job["out"], np.float32).reshape(len(job["tokens"]), -1) for job in jobs]


def llmc_tokens(path):
    """What `llmc run` chooses after each prompt; None if it does not know the architecture."""
    out = []
    for prompt in PROMPTS:
        done = subprocess.run(
            [os.environ["LLMC"], "run", path, "-p", prompt, "-n", str(COUNT), "--temp", "0", "--ignore-eos",
             "--json", "--cache-type-k", "f32", "--cache-type-v", "f32"], capture_output=True, text=True)
        if done.returncode and any(word in done.stderr for word in UNKNOWN):
            return None
        if done.returncode:
            sys.exit(done.stderr)
        out.append(json.loads(done.stdout)["tokens"])
    return out


def compare(name, type, folder):
    options = EXTRA.get(name, {"arch": name})
    path = make_model(os.path.join(folder, name + ".gguf"), seed=3, type=type, **{"std": 0.08, **options})[0]
    exact = load(path)
    exact.gelu = table_gelu
    starts = [exact.vocabulary().encode(prompt) for prompt in PROMPTS]
    chosen = {"exact": [exact.greedy(start, COUNT)[0] for start in starts]}
    if "LLMC" in os.environ:
        chosen["llmc"] = llmc_tokens(path)
    sequences = [(whose, start, tokens) for whose, answers in chosen.items() if answers
                 for start, tokens in zip(starts, answers)]
    peers = peer(path, folder, [start + tokens[:-1] for _, start, tokens in sequences])
    rows = {}  # (exact logits, llama.cpp's logits, tokens) of each
    for (whose, start, tokens), theirs in zip(sequences, peers):
        z = exact.forward(start + tokens[:-1], rows=slice(len(start) - 1, None))
        rows.setdefault(whose, []).append((z, theirs[len(start) - 1 :], tokens))
    rounded = load_rounded(path, "f32", "int8", own=ROUNDINGS)
    limit = FEW * mean_kl(np.concatenate([z for z, _, _ in rows["exact"]]), np.concatenate(
        [rounded.forward(start + tokens[:-1], rows=slice(len(start) - 1, None))
         for start, tokens in zip(starts, chosen["exact"])]))

    good, parts = True, []
    for whose, parted in rows.items():
        z, theirs, tokens = map(np.concatenate, zip(*parted))
        best = theirs.argmax(1)
        other = np.nonzero(best != tokens)[0]
        gaps = np.abs(z[other, tokens[other]] - z[other, best[other]])
        noise = np.sqrt(2 * limit)  # a divergence is half the variance of the logits' errors
        good &= mean_kl(z, theirs) < limit and (gaps < DEVIATIONS * noise).all()
        parts.append((f"KL {mean_kl(z, theirs):.1e} of {limit:.1e}; " if whose == "exact" else "")
                     + f"{whose} {len(z) - len(other)}/{len(z)}"
                     + (" (near ties: gaps " + ", ".join(f"{g:.4f}" for g in gaps) + ")" if len(gaps) else ""))
    if chosen.get("llmc", ()) is None:
        parts.append("llmc does not know it")
    print(f"{name:18} {type:6} " + "; ".join(parts) + ("" if good else "  TOO FAR"), flush=True)
    return good


def main():
    folder = os.environ.get("LLMC_PEER")
    if not folder:
        skip("LLMC_PEER does not name the folder with node-llama-cpp (see README.md)")
    if not (pathlib.Path(folder) / "node_modules" / "node-llama-cpp").is_dir():
        skip(f"{folder} has no node_modules/node-llama-cpp (see README.md)")
    with tempfile.TemporaryDirectory() as work:
        good = [compare(name, type, work) for name in sys.argv[1:] or [*ARCHITECTURES, *EXTRA] for type in TYPES]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
