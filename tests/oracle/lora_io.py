#!/usr/bin/python3
"""LoRA adapters as GGUF files and PEFT directories, and what a model with adapters computes.

  lora_io.py BASE.gguf OUT.gguf [--rank 8] [--alpha 16] [--std 0.02] [--seed 1] [--type F32]
             [--only attn_q,ffn_up]

makes an adapter of random numbers on all matrices in layers: A as in the beginning of a training, B
with deviation `std`.
"""
import argparse
import json
import math
import pathlib
import re
import struct

import numpy as np

from block_formats import FORMATS
from gguf_io import Gguf, Tensor, f32, write
from reference_llama import Llama

TABLE = "token_embd.weight"
MODULES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
           "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
           "ffn_down": "mlp.down_proj"}


def encode(values, kind):
    """The bytes of float32 `values` as F32, F16, BF16 or Q8_0 (scales max / 127, to nearest)."""
    values = np.ascontiguousarray(values, np.float32)
    if kind == "F32":
        return values.tobytes()
    if kind == "F16":
        return values.astype(np.float16).tobytes()
    if kind == "BF16":
        bits = values.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()
    blocks = values.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    quants = np.rint(blocks / np.where(scale == 0, 1, scale)).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.int8), quants], axis=1).tobytes()


def random_matrices(base, rank, std, seed, only=None, also=()):
    """{tensor: (A, B)} of float32: [rank, columns] and [rows, rank]; of the table A is [rows, rank]
    and B [columns, rank]."""
    rng = np.random.default_rng(seed)
    result = {}
    for tensor in base.tensors.values():
        module = tensor.name.removesuffix(".weight").split(".")[-1]
        in_layer = tensor.name.startswith("blk.") and len(tensor.shape) == 2
        if not (in_layer and (only is None or module in only)) and tensor.name not in also:
            continue
        rows, columns = tensor.shape
        bound = 1 / math.sqrt(columns)
        if tensor.name == TABLE:
            a, b = rng.normal(0, 1, (rows, rank)), rng.normal(0, std, (columns, rank))
        else:
            a, b = rng.uniform(-bound, bound, (rank, columns)) * math.sqrt(3), rng.normal(0, std, (rows, rank))
        result[tensor.name] = a.astype(np.float32), b.astype(np.float32)
    return result


def write_gguf(path, matrices, alpha, kind="F32", architecture="llama"):
    meta = {"general.type": "adapter", "general.architecture": architecture, "adapter.type": "lora",
            "adapter.lora.alpha": f32(alpha)}
    tensors = []
    for name, pair in matrices.items():
        for suffix, matrix in zip((".lora_a", ".lora_b"), pair):
            own = kind if matrix.shape[1] % FORMATS[kind].weights == 0 else "F32"
            tensors.append(Tensor(name + suffix, own, matrix.shape, encode(matrix, own)))
    write(str(path), meta, tensors)
    return path


def read_gguf(path):
    """({tensor: (A, B)} in float64, alpha)"""
    file = Gguf.read(str(path))
    names = [name.removesuffix(".lora_a") for name in file.tensors if name.endswith(".lora_a")]
    return {name: (file.tensor(name + ".lora_a"), file.tensor(name + ".lora_b")) for name in names}, \
        file.meta["adapter.lora.alpha"]


def hugging_face_rows(matrix, heads):
    """GGUF files of architecture `llama` have the halves of each head of q and k interleaved."""
    rows = matrix.shape[0]
    return matrix.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def write_peft(folder, matrices, alpha, base):
    """A directory as PEFT writes it, of matrices in layers."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    header, data, rank = {}, b"", 0
    for name, (a, b) in matrices.items():
        layer, module = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name).groups()
        heads = {"attn_q": base.meta["llama.attention.head_count"],
                 "attn_k": base.meta["llama.attention.head_count_kv"]}.get(module)
        if heads:
            b = hugging_face_rows(b, heads)
        rank = len(a)
        for half, matrix in (("A", a), ("B", b)):
            raw = np.ascontiguousarray(matrix, np.float32).tobytes()
            header[f"base_model.model.model.layers.{layer}.{MODULES[module]}.lora_{half}.weight"] = {
                "dtype": "F32", "shape": list(matrix.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "adapter_config.json").write_text(json.dumps(
        {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": list(MODULES.values())}))
    return folder


def delta(pair, alpha, table=False):
    """What an adapter adds to its weight, in float64: [rows, columns]."""
    a, b = (matrix.astype(np.float64) for matrix in pair)
    return alpha / b.shape[1] * (a @ b.T if table else b @ a)


def merged(weight, name, adapters):
    """A weight with adapters added; `adapters` is a list of (matrices, alpha, scale)."""
    for matrices, alpha, scale in adapters:
        if name in matrices:
            weight = weight + scale * delta(matrices[name], alpha, name == TABLE)
    return weight


class WithAdapters:
    """A right operand [columns, rows] and the adapters beside it."""

    __array_ufunc__ = None  # so that numpy asks this class

    def __init__(self, matrix, name, adapters):
        self.matrix, self.name, self.adapters = matrix, name, adapters

    def __rmatmul__(self, x):
        y = x @ self.matrix
        for matrices, alpha, scale in self.adapters:
            if self.name in matrices:
                a, b = (matrix.astype(np.float64) for matrix in matrices[self.name])
                y = y + scale * alpha / len(a) * (x @ a.T) @ b.T
        return y


class Adapted:
    """Mixed into a model class: adapters beside its weights. A table's adapter changes what is
    looked up, not an output matrix that is tied to it."""

    def adapt(self, adapters):
        for name in {name for matrices, _, _ in adapters for name in matrices} - {TABLE}:
            self.w[name] = WithAdapters(self.w[name], name, adapters)
        if "output.weight" in self.w:
            self.head = self.w["output.weight"]
        self.w[TABLE] = merged(self.w[TABLE], TABLE, adapters)
        return self


class AdaptedLlama(Adapted, Llama):
    pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("out")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16)
    parser.add_argument("--std", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--type", choices=["F32", "F16", "BF16", "Q8_0"], default="F32")
    parser.add_argument("--only", type=lambda text: text.split(","))
    options = parser.parse_args()
    matrices = random_matrices(Gguf.read(options.base), options.rank, options.std, options.seed, options.only)
    write_gguf(options.out, matrices, options.alpha, options.type)


if __name__ == "__main__":
    main()
