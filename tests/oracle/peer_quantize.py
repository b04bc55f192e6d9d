#!/usr/bin/python3
"""llama-quantize without its program: quantizes a GGUF with llama.cpp's own library.

  LLMC_PEER=FOLDER peer_quantize.py IN.gguf OUT.gguf Q8_0|Q2_K|Q4_K_M

FOLDER as in check_peer.py. The models in tests/models are made with it, so that what they are
compared with is not llmc's own.
"""
import ctypes
import os
import pathlib
import sys

FILE_TYPES = {"Q8_0": 7, "Q2_K": 10, "Q4_K_M": 15}  # llama_ftype


class Parameters(ctypes.Structure):
    """llama_model_quantize_params; what follows `ftype` keeps its defaults."""

    _fields_ = [("threads", ctypes.c_int32), ("ftype", ctypes.c_int32), ("more", ctypes.c_uint8 * 504)]


def library(folder):
    binaries = next(pathlib.Path(folder).rglob("llama-addon.node")).parent
    for name in "libggml-base.so", "libggml.*.so", "libllama.*.so":
        loaded = ctypes.CDLL(str(next(binaries.glob(name))), mode=ctypes.RTLD_GLOBAL)
        if name.startswith("libggml."):
            loaded.ggml_backend_load_all_from_path(str(binaries).encode())
    return loaded


def quantize(llama, source, target, type):
    llama.llama_model_quantize_default_params.restype = Parameters
    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype = FILE_TYPES[type]
    return llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters)) == 0


if __name__ == "__main__":
    if not os.environ.get("LLMC_PEER") or len(sys.argv) != 4 or sys.argv[3] not in FILE_TYPES:
        sys.exit(__doc__)
    if not quantize(library(os.environ["LLMC_PEER"]), *sys.argv[1:]):
        sys.exit(f"peer_quantize.py: {sys.argv[1]} could not be quantized")
