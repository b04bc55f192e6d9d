#!/usr/bin/python3
"""Moments in 8-bit blocks against their definition, written down again with numpy.

  check_moments.py OPTIMIZER_TRACE

The code is made as bitsandbytes makes it (create_dynamic_map: borders of equal parts of a decade,
and the means of neighbours), and each step starts from the moments that the step before has left,
so that one step's rounding is all that can differ.
"""
import subprocess
import sys

import numpy as np

TOOL = sys.argv[1]
BLOCK = 256
BETA1, BETA2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


def dynamic_map(signed):
    shares = [0.0, 1.0]
    for exponent in range(7):
        borders = np.linspace(0.1, 1, (2**exponent if signed else 2 ** (exponent + 1)) + 1)
        means = 10.0 ** (exponent - 6) * (borders[:-1] + borders[1:]) / 2
        shares += list(means) + (list(-means) if signed else [])
    assert len(shares) == 256
    return np.sort(np.array(shares)).astype(np.float32)


SIGNED, UNSIGNED = dynamic_map(True), dynamic_map(False)


def blocks(x):
    padded = np.zeros(-(-len(x) // BLOCK) * BLOCK, x.dtype)
    padded[: len(x)] = x
    return padded.reshape(-1, BLOCK)


def decode(shares, codes, scales):
    return (shares[blocks(codes)] * scales[:, None]).ravel()[: len(codes)]


def check_codes(what, shares, x, codes, scales):
    """That scales are the largest values of blocks, and codes those of the nearest shares."""
    rows = blocks(x)
    largest = np.abs(rows).max(axis=1)
    assert np.allclose(scales, largest, rtol=1e-6, atol=0), f"{what}: scales"
    wanted = (rows / np.where(scales > 0, scales, 1)[:, None]).ravel()[: len(x)].astype(np.float64)
    distance = np.abs(shares[codes] - wanted)
    nearest = np.abs(shares.astype(np.float64)[None, :] - wanted[:, None]).min(axis=1)
    far = distance > nearest * (1 + 1e-5) + 1e-9
    if shares is UNSIGNED:  # what is not 0 is not stored as 0
        assert not np.any((codes == 0) & (wanted > 0)), f"{what}: a second moment became 0"
        far &= ~((codes == 1) & (wanted < shares[1]))
    assert not far.any(), f"{what}: {far.sum()} codes are not the nearest: {wanted[far][:5]}"


def check(count, steps, lr, decay, spread):
    rng = np.random.default_rng(count + steps)
    start = rng.standard_normal(count).astype(np.float32)
    size = 10.0 ** rng.uniform(-spread, 0, count)
    gradients = (rng.standard_normal((steps, count)) * size).astype(np.float32)
    gradients[:, ::7] = 0
    gradients[:, :BLOCK] = 0
    gradients[steps // 2 :, ::5] = 0
    out = subprocess.run([TOOL, "blocks", str(steps), repr(lr), repr(decay), str(count)],
                         input=start.tobytes() + gradients.tobytes(), stdout=subprocess.PIPE,
                         check=True).stdout
    scales_count = -(-count // BLOCK)
    record = np.dtype([("values", "<f4", count), ("first", "u1", count),
                       ("first_scales", "<f4", scales_count), ("second", "u1", count),
                       ("second_scales", "<f4", scales_count)])
    values, first, second = start, np.zeros(count, np.float32), np.zeros(count, np.float32)
    used = set()
    for step, ours in enumerate(np.frombuffer(out, record), 1):
        g = gradients[step - 1]
        first = first * BETA1 + g * np.float32(0.1)
        second = second * BETA2 + g * g * np.float32(0.001)
        values = values * np.float32(1 - lr * decay) - np.float32(lr / (1 - 0.9**step)) * first / (
            np.sqrt(second) * np.float32(1 / np.sqrt(1 - 0.999**step)) + EPSILON)
        error = np.abs(values - ours["values"]) / np.maximum(np.abs(values), lr)
        assert error.max() < 1e-5, f"step {step}: values differ by {error.max():.2e}"
        check_codes(f"step {step}, first", SIGNED, first, ours["first"], ours["first_scales"])
        check_codes(f"step {step}, second", UNSIGNED, second, ours["second"], ours["second_scales"])
        values = ours["values"]
        first = decode(SIGNED, ours["first"], ours["first_scales"])
        second = decode(UNSIGNED, ours["second"], ours["second_scales"])
        used |= set(ours["first"].tolist()) | {256 + code for code in ours["second"].tolist()}
    print(f"{count} values, {steps} steps, gradients over {spread} decades: {len(used)} of 512 codes seen")
    return used


seen = check(4096, 30, 1e-2, 0.1, 3) | check(70001, 12, 1e-3, 0.0, 8)
# Of the signed code only -1 is not there, so each code is somebody's nearest.
assert len(seen) > 500, len(seen)
