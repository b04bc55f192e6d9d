#!/usr/bin/python3
"""decodeRow against the oracle's formulas, value for value.

  check_decoders.py DECODE_BLOCKS

The oracle computes in float64 and rounds once, decodeRow in float32; both give the same value,
because a scale times a quant fits 24 bits and only the subtraction of a minimum rounds.
"""
import os
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "oracle"))
from block_formats import FORMATS, decode, edge_blocks, random_blocks


def any_bytes(name, n, rng):
    """Blocks of random bytes, float fields included: subnormal, huge, infinite, not a number."""
    f = FORMATS[name]
    b = rng.integers(0, 256, (n, f.bytes), dtype=np.uint8)
    if name == "MXFP4":  # an exponent of 255 is no number, and nobody writes it
        b[:, 0] = np.minimum(b[:, 0], 254)
    return b.tobytes()


def check(tool, name):
    rng = np.random.default_rng(FORMATS[name].id)
    n = max(100, 20000 // FORMATS[name].weights)
    for what, raw in (("random", random_blocks(name, n, rng, 0.02)),
                      ("large", random_blocks(name, n, rng, 5.0)),
                      ("edge", edge_blocks(name)),
                      ("any", any_bytes(name, n, rng))):
        ran = subprocess.run([tool, name], input=raw, stdout=subprocess.PIPE, check=True)
        got = np.frombuffer(ran.stdout, "<f4")
        with np.errstate(invalid="ignore"):
            want = decode(name, raw)
        assert got.size == want.size, (name, what, got.size, want.size)
        differs = np.flatnonzero(~((got == want) | (np.isnan(got) & np.isnan(want))))
        if differs.size:
            i, weights = differs[0], FORMATS[name].weights
            raise AssertionError(f"{name}, {what} blocks: {differs.size} of {got.size} differ, first "
                                 f"weight {i % weights} of block {i // weights}: {got[i]!r}, "
                                 f"expected {want[i]!r}")


def main():
    tool = sys.argv[1]
    rows = subprocess.run([tool], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    table = {row.split()[0]: tuple(map(int, row.split()[1:])) for row in rows}
    expected = {name: (f.id, f.weights, f.bytes) for name, f in FORMATS.items()}
    assert table == expected, f"formats {table}, expected {expected}"
    for name in FORMATS:
        check(tool, name)
    print(f"{len(FORMATS)} formats decode as the oracle does")


if __name__ == "__main__":
    main()
