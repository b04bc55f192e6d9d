#!/usr/bin/python3
"""What llama.cpp says of the trained models in tests/models: their goldens.

  LLMC_PEER=FOLDER check_peer_trained.py [FOLDER OF MODELS]

FOLDER as in check_peer.py. Prints the greedy tokens after "ROMEO:" of the F16 model, and for each
model how far llama.cpp's logits are from the exact ones, over windows of tests/e2e/model/verse.txt.
These stand in tests/e2e/model/test_trained.py and tests/e2e/cli/test_run.py. Fails when llama.cpp
does not choose the tokens that the exact pass chooses.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from likelihood import mean_kl
from reference import load

HERE = pathlib.Path(__file__).resolve().parent
VERSE = HERE.parent / "e2e" / "model" / "verse.txt"
PROMPT, GREEDY = "ROMEO:", 64
CONTEXT, WINDOWS = 256, 4


def peer_logits(path, sequences, folder):
    """llama.cpp's logits of each list of tokens."""
    outs = [os.path.join(folder, str(i)) for i in range(len(sequences))]
    jobs = [{"model": str(path), "tokens": tokens, "out": out} for tokens, out in zip(sequences, outs)]
    subprocess.run(["node", HERE / "peer_logits.mjs"], input=json.dumps(jobs), text=True, check=True)
    return [np.fromfile(out, np.float32).reshape(len(tokens), -1) for tokens, out in zip(sequences, outs)]


def check_greedy(path, folder):
    model = load(path)
    words = model.vocabulary()
    start = words.encode(PROMPT)
    tokens = list(start)
    for _ in range(GREEDY):
        tokens.append(int(model.forward(tokens, rows=slice(-1, None))[0].argmax()))
    (peer,) = peer_logits(path, [tokens], folder)
    chosen = peer.argmax(1)[len(start) - 1 : -1].tolist()
    print(f"{path.name}: {PROMPT!r} goes on with", *chosen)
    return chosen == tokens[len(start) :]


def show_distance(path, folder):
    model = load(path)
    words = model.vocabulary()
    tokens = words.encode(VERSE.read_text())
    windows = [[words.bos, *tokens[at + 1 : at + CONTEXT]] for at in range(0, CONTEXT * WINDOWS, CONTEXT)]
    scored = slice(CONTEXT // 2, CONTEXT - 1)
    exact = np.concatenate([model.forward(window, rows=scored) for window in windows])
    peer = np.concatenate([rows[scored] for rows in peer_logits(path, windows, folder)])
    print(f"{path.name}: mean KL divergence {mean_kl(exact, peer):.3e}", flush=True)


if __name__ == "__main__":
    if not os.environ.get("LLMC_PEER"):
        sys.exit("check_peer_trained.py: set LLMC_PEER to the folder with node-llama-cpp (see README.md)")
    models = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "models"
    with tempfile.TemporaryDirectory() as folder:
        good = check_greedy(models / "shakespeare-f16.gguf", folder)
        for path in sorted(models.glob("shakespeare-*.gguf")):
            show_distance(path, folder)
    sys.exit(0 if good else 1)
