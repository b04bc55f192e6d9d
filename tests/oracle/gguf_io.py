#!/usr/bin/python3
"""Minimal reader and writer of GGUF 2 and 3, split files included; numpy only.

  model = Gguf.read(path)        metadata in model.meta, tensors in model.tensors
  model.tensor(name, dtype)      dequantized, shape [rows, row length] (or [n] for vectors)
  write(path, meta, tensors)     meta: {key: Value | int | float | bool | str | list}

Shapes here are as numpy has them: GGUF's first dimension (the row length) comes last.
Run as a program: `gguf_io.py FILE` lists it.
"""
import os
import re
import struct
import sys

import numpy as np

from block_formats import BY_ID, FORMATS, decode

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?",
        U64: "Q", I64: "q", F64: "d"}


class Value:
    """A metadata value whose GGUF type is stated instead of guessed."""

    def __init__(self, type, value, element=None):
        self.type, self.value, self.element = type, value, element


def u16(x): return Value(U16, x)
def u32(x): return Value(U32, x)
def i32(x): return Value(I32, x)
def f32(x): return Value(F32, x)
def array(element, xs): return Value(ARRAY, xs, element)


class Tensor:
    """A tensor as stored: `data` is the uint8 array of its blocks."""

    def __init__(self, name, format, shape, data):
        self.name, self.format, self.shape = name, format, tuple(int(x) for x in shape)
        self.data = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        f = FORMATS[format]
        weights = int(np.prod(self.shape, dtype=object))
        if self.shape[-1] % f.weights or self.data.size != weights // f.weights * f.bytes:
            raise ValueError(f"{name}: {self.data.size} bytes do not make {format} {self.shape}")


class _Cursor:
    def __init__(self, raw, path):
        self.raw, self.at, self.path = raw, 0, path

    def take(self, n):
        if n > len(self.raw) - self.at:
            raise ValueError(f"{self.path}: ends inside the header, at byte {self.at}")
        self.at += n
        return self.raw[self.at - n : self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]

    def string(self):
        # Token pieces need not be UTF-8 on their own; keep their bytes.
        return bytes(self.take(self.number("Q"))).decode("utf-8", "surrogateescape")

    def value(self, type):
        if type == STRING:
            return self.string()
        if type == ARRAY:
            element, n = self.number("I"), self.number("Q")
            if element in PACK:
                dtype = np.dtype("<" + PACK[element]) if element != BOOL else np.dtype("?")
                return np.frombuffer(self.take(n * dtype.itemsize), dtype).tolist()
            return [self.value(element) for _ in range(n)]
        if type not in PACK:
            raise ValueError(f"{self.path}: metadata type {type} at byte {self.at}")
        return self.number(PACK[type])


class Gguf:
    def __init__(self):
        self.meta, self.tensors, self.version = {}, {}, 0

    @staticmethod
    def read(path):
        """Reads a file; of a split, its first file, and then the others."""
        model = Gguf()
        model._read_one(path)
        count = model.meta.get("split.count", 0)
        if count > 1:
            match = re.fullmatch(r"(.*)-00001-of-(\d{5})\.gguf", path)
            if not match or int(match[2]) != count:
                raise ValueError(f"{path}: is part of a split of {count}; give the first file")
            meta = model.meta
            for i in range(2, count + 1):
                model._read_one(f"{match[1]}-{i:05d}-of-{count:05d}.gguf")
            model.meta = meta
            want = meta.get("split.tensors.count")
            if want is not None and want != len(model.tensors):
                raise ValueError(f"{path}: {len(model.tensors)} tensors in the split, not {want}")
        return model

    def _read_one(self, path):
        raw = np.memmap(path, np.uint8, "r")
        c = _Cursor(memoryview(raw), path)
        if bytes(c.take(4)) != b"GGUF":
            raise ValueError(f"{path}: not a GGUF file")
        self.version = c.number("I")
        if self.version not in (2, 3):
            raise ValueError(f"{path}: GGUF version {self.version}")
        n_tensors, n_kv = c.number("Q"), c.number("Q")
        self.meta = {}
        for _ in range(n_kv):
            key = c.string()
            self.meta[key] = c.value(c.number("I"))
        infos = []
        for _ in range(n_tensors):
            name = c.string()
            shape = [c.number("Q") for _ in range(c.number("I"))][::-1]
            infos.append((name, shape, c.number("I"), c.number("Q")))
        alignment = self.meta.get("general.alignment", 32)
        start = -(-c.at // alignment) * alignment
        for name, shape, id, offset in infos:
            if id not in BY_ID:
                raise ValueError(f"{path}: {name} has type {id}")
            if name in self.tensors:
                raise ValueError(f"{path}: {name} occurs twice")
            f = BY_ID[id]
            size = int(np.prod(shape, dtype=object)) // f.weights * f.bytes
            self.tensors[name] = Tensor(name, f.name, shape, raw[start + offset :][:size])

    def tensor(self, name, dtype=np.float64):
        t = self.tensors[name]
        return decode(t.format, t.data, dtype).reshape(t.shape)


def _guess(value):
    if isinstance(value, Value):
        return value
    if isinstance(value, bool):
        return Value(BOOL, value)
    if isinstance(value, int):
        return Value(U32, value)
    if isinstance(value, float):
        return Value(F32, value)
    if isinstance(value, str):
        return Value(STRING, value)
    element = _guess(value[0]).type if len(value) else U32
    return Value(ARRAY, value, I32 if element == U32 else element)


def _string(s):
    raw = s.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw


def _payload(type, value, element=None):
    if type == STRING:
        return _string(value)
    if type == ARRAY:
        head = struct.pack("<IQ", element, len(value))
        if element == STRING:
            return head + b"".join(map(_string, value))
        return head + struct.pack(f"<{len(value)}{PACK[element]}", *value)
    return struct.pack("<" + PACK[type], value)


def _write_one(path, meta, tensors, version, alignment):
    pad = lambda n: -n % alignment
    out = bytearray(b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(meta)))
    for key, value in meta.items():
        v = _guess(value)
        out += _string(key) + struct.pack("<I", v.type) + _payload(v.type, v.value, v.element)
    offset = 0
    for t in tensors:
        out += _string(t.name) + struct.pack("<I", len(t.shape))
        out += struct.pack(f"<{len(t.shape)}Q", *reversed(t.shape))
        out += struct.pack("<IQ", FORMATS[t.format].id, offset)
        offset += t.data.size + pad(t.data.size)
    out += bytes(pad(len(out)))
    with open(path, "wb") as file:
        file.write(out)
        for t in tensors:
            file.write(t.data.tobytes())
            file.write(bytes(pad(t.data.size)))


def write(path, meta, tensors, version=3, splits=1, alignment=32):
    """Writes a GGUF and returns the paths written. With splits > 1, `path` is given without the
    -0000i-of-0000N part, which is put before `.gguf`; the metadata goes into the first file."""
    meta = dict(meta)
    if alignment != 32:
        meta["general.alignment"] = u32(alignment)
    if splits <= 1:
        _write_one(path, meta, tensors, version, alignment)
        return [path]
    stem = path[:-5] if path.endswith(".gguf") else path
    bounds = [len(tensors) * i // splits for i in range(splits + 1)]
    paths = []
    for i in range(splits):
        part = dict(meta) if i == 0 else {}
        if i and alignment != 32:
            part["general.alignment"] = u32(alignment)
        part["split.no"], part["split.count"] = u16(i), u16(splits)
        part["split.tensors.count"] = i32(len(tensors))
        paths.append(f"{stem}-{i + 1:05d}-of-{splits:05d}.gguf")
        _write_one(paths[-1], part, tensors[bounds[i] : bounds[i + 1]], version, alignment)
    return paths


def main():
    if len(sys.argv) != 2 or not os.path.exists(sys.argv[1]):
        sys.exit("usage: gguf_io.py FILE.gguf")
    model = Gguf.read(sys.argv[1])
    for key, value in model.meta.items():
        text = repr(value)
        print(key, "=", text if len(text) < 100 else text[:90] + f"... ({len(value)})")
    for t in model.tensors.values():
        print(f"{t.name:32} {t.format:6} {list(t.shape)}")


if __name__ == "__main__":
    main()
