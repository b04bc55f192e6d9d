"""The roundings that an engine may make, put into the exact forward pass.

How far a correct engine may be from exact figures follows from them: the distance of the rounded
pass from the exact one is the size of the error that honest rounding makes in this very model, and
what is more than a small factor above it is no rounding.
"""
import numpy as np

from reference import class_of
from reference_llama import Llama

ACTIVATION_BLOCK = 32
FLOATS = ("F32", "F16", "BF16")


def to_int8(x, block=ACTIVATION_BLOCK):
    """Integers of 8 bits with a scale per 32, max |x| / 127, rounded to nearest."""
    count = x.shape[-1]
    blocks = np.zeros(x.shape[:-1] + (-(-count // block), block))
    blocks.reshape(*x.shape[:-1], -1)[..., :count] = x
    scale = np.abs(blocks).max(axis=-1, keepdims=True) / 127
    blocks = np.rint(blocks / np.where(scale == 0, 1, scale)) * scale
    return blocks.reshape(*x.shape[:-1], -1)[..., :count]


def to_int8_of_256(x):
    return to_int8(x, 256)


def to_bf16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32).astype(np.float64)


def to_f32(x):
    return x.astype(np.float32).astype(np.float64)


def to_f16(x):
    return x.astype(np.float16).astype(np.float64)


class RoundedProduct:
    """A matrix whose other operand is rounded first, and whose sums are f32."""

    __array_ufunc__ = None  # so that numpy asks this class

    def __init__(self, matrix, rounding):
        self.matrix, self.rounding, self.shape = matrix.astype(np.float32), rounding, matrix.shape

    def __rmatmul__(self, x):
        return (self.rounding(x).astype(np.float32) @ self.matrix).astype(np.float64)


class Rounded:
    """In front of an exact model: but that keys and values are kept as `cache` says, f16 or f32, and
    that products with block formats are rounded as `products` says: `int8` activations, or activations
    and weights in `bf16`, as matrix units take them. `own` are the roundings of activations by formats
    which are rounded otherwise."""

    def __init__(self, path, cache="f16", products="int8", own={}, **options):
        super().__init__(path, **options)
        self.own = own
        self.keep = {"f16": to_f16, "f32": to_f32}[cache]
        self.products = products
        head = "output.weight" if "output.weight" in self.w else "token_embd.weight"
        self.head = self.rounded(head, self.head)
        for name, weight in self.w.items():
            if weight.ndim == 3:
                self.w[name] = [self.rounded(name, expert) for expert in weight]
            elif weight.ndim == 2 and name != "token_embd.weight":
                self.w[name] = self.rounded(name, weight)

    def rounded(self, name, matrix):
        format = self.gguf.tensors[name].format
        if format in self.own:
            return RoundedProduct(matrix, self.own[format])
        if format in FLOATS:
            return RoundedProduct(matrix, np.asarray)
        if self.products == "bf16":
            return RoundedProduct(to_bf16(matrix), to_bf16)
        return RoundedProduct(matrix, to_int8)

    def stored(self, x):
        return self.keep(x)


class RoundedLlama(Rounded, Llama):
    pass


def load_rounded(path, cache, products, **options):
    """The rounded model of a file of any architecture."""
    exact = class_of(path)
    return type("Rounded" + exact.__name__, (Rounded, exact), {})(path, cache, products, **options)
