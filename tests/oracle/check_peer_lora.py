#!/usr/bin/python3
"""Shows that an adapter changes llama.cpp's answers as it changes ours, beside the base and merged.

  LLMC=.../llmc LLMC_PEER=FOLDER check_peer_lora.py [f16 Q8_0]

LLMC_PEER is as for check_peer.py; without it, or without the package, the check is skipped: exit code
77. For each of the trained models there are random adapters that change the answer, and three ways to
apply them: one adapter, two with scales, and the first merged by `llmc export-lora`. For each way it
compares

  * the logits of a text: the mean KL divergence of ours from llama.cpp's, and of both from an exact
    float64 pass; how far the adapter moves llama.cpp's; and the correlation of the two changes,
  * greedy tokens: llama.cpp, given each token that `llmc run` chose, must choose the next one itself,
    but where its best two are so close that rounding decides.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from gguf_io import Gguf
from lora_io import AdaptedLlama, random_matrices, read_gguf, write_gguf
from reference_llama import Llama, mean_kl

HERE = pathlib.Path(__file__).resolve().parent
MODELS, VERSE = HERE.parent / "models", HERE.parent / "e2e" / "model" / "verse.txt"
SKIPPED = 77
WINDOW, GREEDY = 192, 48
PROMPT = "ROMEO:"
F32_CACHE = ["--cache-type-k", "f32", "--cache-type-v", "f32"]
# Of ours from llama.cpp's; each rounds the activations of quantized products in its own way.
LIMIT = {"f16": 1e-6, "Q8_0": 1e-3}
# The adapter must move the answer this many times farther than the two engines are apart.
MATTERS = 50


def skip(why):
    print(f"check_peer_lora.py: skipped: {why}")
    sys.exit(SKIPPED)


def llmc(*arguments):
    done = subprocess.run([os.environ["LLMC"], *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"llmc {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


class Check:
    def __init__(self, kind, folder):
        self.kind, self.folder, self.good = kind, folder, True
        self.base = MODELS / f"shakespeare-{kind}.gguf"
        base = Gguf.read(str(self.base))
        self.vocabulary = Llama(str(self.base)).vocabulary()
        text = self.vocabulary.encode(VERSE.read_text(), True)[:WINDOW]
        self.text = [self.vocabulary.bos] + text[1:]
        self.one = write_gguf(folder / "one.gguf", random_matrices(base, 8, 0.04, 1), 16)
        self.two = write_gguf(folder / "two.gguf", random_matrices(base, 4, 0.06, 2, ["attn_v", "ffn_down"]), 4, "F16")

    def ours(self, model, adapters):
        """(logits of the second half of the window, greedy tokens)"""
        choices = [option for path, scale in adapters for option in ("--lora", f"{path}:{scale}")]
        out = self.folder / "ours.npy"
        llmc("perplexity", model, "-f", VERSE, "-c", WINDOW, "--chunks", 1, "--logits", out, *F32_CACHE, *choices)
        greedy = json.loads(llmc("run", model, "-p", PROMPT, "-n", GREEDY, "--temp", 0, "--ignore-eos", "--json",
                                 *F32_CACHE, *choices))
        return np.load(out), greedy["tokens"]

    def peer(self, model, adapters, *sequences):
        """llama.cpp's logits of each sequence of tokens."""
        jobs = [{"model": str(model), "tokens": tokens, "out": str(self.folder / f"peer{i}"),
                 "lora": [{"filePath": str(path), "scale": scale} for path, scale in adapters] or None}
                for i, tokens in enumerate(sequences)]
        done = subprocess.run(["node", str(HERE / "peer_logits.mjs")], input=json.dumps(jobs), text=True,
                              capture_output=True)
        if done.returncode:
            sys.exit(f"llama.cpp did not run {model}: {done.stderr}")
        return [np.fromfile(job["out"], np.float32).reshape(len(job["tokens"]), -1) for job in jobs]

    def way(self, name, model, adapters, exact, before=None):
        """Prints a line about one way; yields the logits of both."""
        rows = slice(WINDOW // 2, WINDOW - 1)
        ours, tokens = self.ours(model, adapters)
        start = self.vocabulary.encode(PROMPT, True)
        text, forced = self.peer(model, adapters, self.text, start + tokens[:-1])
        text, forced = text[rows], forced[len(start) - 1 :]
        apart = mean_kl(text, ours)
        # Deviation of a difference of logits, from half the variance that a divergence is.
        noise = 6 * np.sqrt(2 * max(apart, 1e-12))
        behind = forced.max(axis=1) - forced[np.arange(GREEDY), tokens]
        same = int((forced.argmax(axis=1) == tokens).sum())
        line = (f"{self.kind:5} {name:9} KL from llama.cpp {apart:.1e}; from exact: ours {mean_kl(exact, ours):.1e}, "
                f"llama.cpp {mean_kl(exact, text):.1e}; greedy {same}/{GREEDY}")
        good = apart <= LIMIT[self.kind] and behind.max() <= noise
        if before:
            moved = mean_kl(before[1], text)
            correlation = np.corrcoef((ours - before[0]).ravel(), (text - before[1]).ravel())[0, 1]
            line += f"; moved by {moved:.1e}, changes correlate {correlation:.6f}"
            # The changes are equal but for what the engines are apart before and after.
            least = 1 - 2 * (before[3] + apart) / moved - 1e-6
            good &= moved >= MATTERS * apart and correlation >= least and tokens != before[2]
        print(line + ("" if good else "  TOO FAR"))
        self.good &= good
        return ours, text, tokens, apart

    def run(self):
        def exact(model, adapters):
            applied = [(*read_gguf(path), scale) for path, scale in adapters]
            pass_ = AdaptedLlama(str(model)).adapt(applied) if applied else Llama(str(model))
            return pass_.forward(self.text, rows=slice(WINDOW // 2, WINDOW - 1))

        merged = self.folder / "merged.gguf"
        llmc("export-lora", self.base, "--lora", self.one, "-o", merged)
        before = self.way("base", self.base, [], exact(self.base, []))
        for name, model, adapters in [("adapter", self.base, [(self.one, 1.0)]),
                                      ("two", self.base, [(self.one, -0.5), (self.two, 1.5)]),
                                      ("merged", merged, [])]:
            self.way(name, model, adapters, exact(model, adapters), before)
        return self.good


def main():
    peer = os.environ.get("LLMC_PEER")
    if not peer:
        skip("LLMC_PEER does not name the folder with node-llama-cpp (see README.md)")
    if not (pathlib.Path(peer) / "node_modules" / "node-llama-cpp").is_dir():
        skip(f"{peer} has no node_modules/node-llama-cpp (see README.md)")
    good = True
    for kind in sys.argv[1:] or LIMIT:
        with tempfile.TemporaryDirectory() as folder:
            good &= Check(kind, pathlib.Path(folder)).run()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
