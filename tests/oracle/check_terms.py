#!/usr/bin/python3
"""Shows that every term of an architecture matters in its random model.

Each change to an exact model forgets something: a norm's weights, a bias, the window, ... The answer
must then be far from the exact one, or else a test that compares with the model would not see an
engine that forgets the same.
"""
import copy
import os
import sys
import tempfile

import numpy as np

from architectures import ARCHITECTURES
from likelihood import mean_kl
from make_model import make_model
from reference import load
from rope import ADJACENT, HALVES

TOKENS = 48
LEAST = 1e-5  # in nats; an engine with F32 products is within 1e-10, with quantized ones 1e-3


def without_weights(model):
    """(name, changed model) for the vectors: norms of 1 and biases of 0, in all layers at once."""
    kinds = {name.split(".", 2)[-1] for name, w in model.w.items() if w.ndim == 1 and "blk." in name}
    kinds |= {name for name, w in model.w.items() if w.ndim == 1 and "blk." not in name
              and not name.startswith("rope_factors")}
    for kind in sorted(kinds):
        other = copy.copy(model)
        other.w = {name: (np.full_like(w, w.mean()) if kind.endswith(".weight") else np.zeros_like(w))
                   if name.endswith(kind) and w.ndim == 1 else w for name, w in model.w.items()}
        yield "flat " + kind, other


def changed(model, **attributes):
    other = copy.copy(model)
    vars(other).update(attributes)
    return other


def without_rules(model):
    """(name, changed model) for what is no weight."""
    def turned(rope, **attributes):
        other = copy.copy(rope)
        vars(other).update(attributes)
        return other

    yield "other pairs", changed(model, rope=turned(
        model.rope, pairs=ADJACENT if model.pairs == HALVES else HALVES))
    yield "no rope", changed(model, rope=turned(model.rope, freq=0 * model.rope.freq))
    if model.rope.magnitude != 1:
        yield "no attention factor", changed(model, rope=turned(model.rope, magnitude=1.0))
    if model.rope.scale != 1:
        yield "no rope scaling", changed(model, rope=turned(model.rope, freq=model.rope.freq / model.rope.scale))
    if model.window:
        yield "no window", changed(model, window=0)
        yield "a longer window", changed(model, window=model.window + 1)
    for cap in "score_cap", "logit_cap":
        if getattr(model, cap):
            yield "no " + cap, changed(model, **{cap: 0})
    yield "another scale", changed(model, scale=model.scale * 1.1)
    if model.experts_used:
        yield "an expert more", changed(model, experts_used=model.experts_used + 1)
        yield "shares as they are", changed(model, renormalized=False)
        yield "an expert less", changed(model, experts_used=model.experts_used - 1)
    if hasattr(model, "local"):
        yield "layers the other way", changed(model, local=[not local for local in model.local])
        if model.local_rope is not model.rope:
            yield "one rope", changed(model, local_rope=model.rope)
    if model.architecture == "phi3":
        short = type(model)(model.path, run_context=1)
        yield "short factors", changed(model, rope=short.rope)
        yield "no factors", changed(model, rope=turned(
            model.rope, freq=model.rope.freq * model.w["rope_factors_long.weight"]))
    if hasattr(model, "parallel"):
        yield "the other residual", changed(model, parallel=not model.parallel)
    if model.uses_gelu:
        yield "gelu by a sigmoid", changed(model, gelu=lambda x: x / (1 + np.exp(-1.702 * x)))


def check(arch, folder, say):
    path = make_model(os.path.join(folder, arch + ".gguf"), arch=arch, std=0.08, seed=3)[0]
    model = load(path)
    tokens = np.random.default_rng(5).integers(3, model.head.shape[1], TOKENS).tolist()
    exact = model.forward(tokens)
    for change in (without_weights, without_rules):
        for name, other in change(model):
            kl = mean_kl(exact, other.forward(tokens))
            if say:
                print(f"{arch:10} {name:36} {kl:.1e}")
            assert kl > LEAST, f"{arch}: {name} moves the answer by {kl:.1e} only"


def main():
    names = [a for a in sys.argv[1:] if a != "-v"] or ARCHITECTURES
    with tempfile.TemporaryDirectory() as folder:
        for arch in names:
            check(arch, folder, "-v" in sys.argv)
    print(f"terms: every one matters in {', '.join(names)}")


if __name__ == "__main__":
    main()
