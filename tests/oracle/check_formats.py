#!/usr/bin/python3
"""Checks of block_formats.py against things it did not make itself.

Always: the decoded weights of fixed pseudo-random blocks have the checksums that ggml's own
decoders gave for the same bytes (ggml of @node-llama-cpp 3.22.1), and random_blocks keeps its
promises. With LLMC_SHARED_MODELS set: each quantized model in that folder is close to the f16 one,
tensor by tensor. With LLMC_GGML_LIB set to a libggml-base.so: every format bit for bit against
ggml; `--print` then prints the checksums.
"""
import ctypes
import glob
import hashlib
import os
import sys
import zlib

import numpy as np

from block_formats import FORMATS, decode, edge_blocks, random_blocks
from gguf_io import Gguf

BLOCKS = 200
GGML_CRC = {
    "Q8_0": 0x624CFD46, "Q4_0": 0x5550606C, "Q4_1": 0x324579DE, "Q5_0": 0x59578E52,
    "Q5_1": 0xCF3DB0DE, "Q2_K": 0x9759184A, "Q3_K": 0x7F5A3548, "Q4_K": 0xBD7F5CCD,
    "Q5_K": 0x5A340E3D, "Q6_K": 0x13B7D74B, "IQ4_NL": 0xF7F58547, "IQ4_XS": 0x73F37CF9,
    "TQ2_0": 0x3095A668, "MXFP4": 0xF523B5EA,
}
SCALE_AT = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,), "Q4_1": (0, 2), "Q5_1": (0, 2),
            "Q4_K": (0, 2), "Q5_K": (0, 2), "TQ2_0": (64,)}
# Relative distance sqrt(mean((x-y)^2)/mean(y^2)) to the f16 weights that each type may have; about
# 1.5 times what a uniform quantizer of that many bits costs on bell-shaped weights.
CLOSE = {"F32": 1e-7, "F16": 1e-7, "BF16": 0.003, "Q8_0": 0.01, "Q6_K": 0.03, "Q5_K": 0.06,
         "Q5_1": 0.06, "Q5_0": 0.07, "Q4_K": 0.11, "Q4_1": 0.11, "Q4_0": 0.13, "Q3_K": 0.23,
         "Q2_K": 0.42}


def fixed_blocks(name):
    """Bytes that only depend on the name: a hash stream, with the float fields made finite."""
    f = FORMATS[name]
    n, out = BLOCKS * f.bytes, b""
    while len(out) < n:
        out += hashlib.sha256(f"{name} {len(out)}".encode()).digest()
    b = np.frombuffer(out[:n], np.uint8).reshape(BLOCKS, f.bytes).copy()
    if name == "MXFP4":
        b[:, 0] = 100 + b[:, 0] % 50
    elif f.weights > 1:
        for at in SCALE_AT.get(name, (0,)):
            b[:, at + 1] &= 0xBF  # the exponent stays below 16: no infinities, subnormals included
    else:
        b[:, -1] &= 0xBF
    return b.tobytes()


def checksum(weights):
    return zlib.crc32((weights.astype("<f4") + np.float32(0)).tobytes())  # -0 counts as 0


def check_checksums():
    for name, want in GGML_CRC.items():
        got = checksum(decode(name, fixed_blocks(name)))
        assert got == want, f"{name}: {got:#010x}, ggml gives {want:#010x}"
    missing = {n for n, f in FORMATS.items() if f.weights > 1} - set(GGML_CRC)
    assert not missing, missing


def check_floats():
    """The unquantized types against numpy's and struct's own conversions."""
    assert decode("F32", np.float32([1.5, -2]).tobytes()).tolist() == [1.5, -2]
    assert decode("F16", np.array([0x3E00, 0xC000, 0x0001], "<u2").tobytes()).tolist() == [
        1.5, -2, 2.0**-24]
    assert decode("BF16", np.array([0x3FC0, 0xC000, 0x0001], "<u2").tobytes()).tolist() == [
        1.5, -2, 2.0**-133]


def check_random():
    for name, f in FORMATS.items():
        for std in (0.02, 0.3):
            n = 400 * (256 // f.weights)
            raw = random_blocks(name, n, np.random.default_rng(5), std)
            assert len(raw) == n * f.bytes, name
            w = decode(name, raw, np.float64)
            assert np.isfinite(w).all(), name
            assert abs(w.std() / std - 1) < 0.1 and abs(w.mean()) < 0.1 * std, (name, w.std())
        assert np.isfinite(decode(name, edge_blocks(name))).all(), name


def check_models(folder):
    exact = Gguf.read(os.path.join(folder, "shakespeare-f16.gguf"))
    seen = {}
    for path in sorted(glob.glob(os.path.join(folder, "shakespeare-*.gguf"))):
        model = Gguf.read(path)
        assert set(model.tensors) == set(exact.tensors), path
        for name, t in model.tensors.items():
            x, y = model.tensor(name), exact.tensor(name)
            distance = np.sqrt(np.mean((x - y) ** 2) / np.mean(y**2))
            assert distance <= CLOSE[t.format], (path, name, t.format, distance)
            seen[t.format] = max(seen.get(t.format, 0), distance)
    for name, distance in seen.items():
        print(f"  {name:5} at most {distance:.2e} from f16")


def check_ggml(lib_path, show):
    lib = ctypes.CDLL(lib_path)
    for name, f in FORMATS.items():
        if f.weights == 1:
            continue
        function = getattr(lib, "dequantize_row_" + name.lower().replace("_k", "_K"))
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]

        def ggml(raw):
            out = np.empty(len(raw) // f.bytes * f.weights, np.float32)
            function(raw, out.ctypes.data, out.size)
            return out

        for raw in (random_blocks(name, 1000, np.random.default_rng(1)), edge_blocks(name),
                    fixed_blocks(name)):
            want, got = ggml(raw), decode(name, raw)
            assert np.array_equal(want, got), f"{name} differs from ggml"
        if show:
            print(f'    "{name}": {checksum(ggml(fixed_blocks(name))):#010x},')


def main():
    ggml, models = os.environ.get("LLMC_GGML_LIB"), os.environ.get("LLMC_SHARED_MODELS")
    if ggml:
        check_ggml(ggml, "--print" in sys.argv)
        print("formats: same bits as ggml")
    check_floats()
    check_checksums()
    check_random()
    if models:
        check_models(models)
    print("formats: ok" + ("" if models else " (no LLMC_SHARED_MODELS: models not compared)"))


if __name__ == "__main__":
    main()
