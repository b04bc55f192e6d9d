"""Rotary position embedding, as ggml_rope_ext defines it, in float64."""
import math

import numpy as np

ADJACENT, HALVES = "adjacent", "halves"  # which dimensions make a pair: 2i and 2i+1, i and i+n/2


class Rope:
    """cos and sin per position and pair of dimensions, from the keys `rope.*` of an architecture.

    `pairs` is ADJACENT or HALVES; `factors` divide the frequencies. `overrides` are keys that count
    instead of the file's, such as {"freq_base": 1e4}."""

    def __init__(self, meta, architecture, head_dim, pairs, factors=None, overrides={}):
        own = lambda key, default=None: meta.get(f"{architecture}.{key}", default)
        get = lambda key, default: overrides.get(key, own("rope." + key, default))
        self.pairs = pairs
        self.dims = get("dimension_count", head_dim)
        base = get("freq_base", 10000.0)
        kind = get("scaling.type", "linear")
        factor = get("scaling.factor", get("scale_linear", 0.0))
        if kind not in ("none", "linear", "yarn"):
            raise ValueError(f"{architecture}.rope.scaling.type = {kind} is not supported")
        self.scale = 1.0 if kind == "none" or factor == 0 else 1.0 / factor
        ext = get("scaling.yarn_ext_factor", -1.0)
        if ext < 0:
            ext = 1.0 if kind == "yarn" else 0.0
        pair = np.arange(self.dims // 2)
        freq = base ** (-2.0 * pair / self.dims)
        if factors is not None:
            freq = freq / factors
        if ext == 0:
            self.freq = freq * self.scale
            self.magnitude = get("scaling.yarn_attn_factor", 1.0)
        else:
            orig = get("scaling.original_context_length", own("context_length"))

            def dim_of(rotations):
                return self.dims * math.log(orig / (rotations * 2 * math.pi)) / (2 * math.log(base))

            low = max(0, math.floor(dim_of(get("scaling.yarn_beta_fast", 32.0))))
            high = min(self.dims - 1, math.ceil(dim_of(get("scaling.yarn_beta_slow", 1.0))))
            ramp = ext * (1 - np.clip((pair - low) / max(0.001, high - low), 0, 1))
            self.freq = freq * self.scale * (1 - ramp) + freq * ramp
            self.magnitude = 1.0 + 0.1 * math.log(1.0 / self.scale) if self.scale < 1 else 1.0
        self.magnitude *= get("scaling.attn_factor", 1.0)

    def __call__(self, x, positions):
        """x: [T, heads, head_dim]; rotates the pairs of the first `dims` dimensions."""
        angle = positions[:, None, None] * self.freq
        cos, sin = np.cos(angle) * self.magnitude, np.sin(angle) * self.magnitude
        if self.pairs == ADJACENT:
            first, second = slice(0, self.dims, 2), slice(1, self.dims, 2)
        else:
            first, second = slice(0, self.dims // 2), slice(self.dims // 2, self.dims)
        out = x.copy()
        a, b = x[..., first], x[..., second]
        out[..., first] = a * cos - b * sin
        out[..., second] = a * sin + b * cos
        return out
