"""What models are compared by: perplexity as llama.cpp counts it, and divergence of logits."""
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np


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
        if bos is not None:
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
