"""A GGUF file taken apart, so that each part of it can be made wrong."""

import copy
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "oracle"))

from gguf_io import ARRAY, PACK, STRING


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(type, value):
    """A key's type and value as they stand in the file."""
    return struct.pack("<I", type) + (text(value) if type == STRING else struct.pack("<" + PACK[type], value))


def array(type, values, count=None):
    head = struct.pack("<IIQ", ARRAY, type, len(values) if count is None else count)
    return head + b"".join(text(v) if type == STRING else struct.pack("<" + PACK[type], v) for v in values)


class Tensor:
    def __init__(self, name, dims, type, offset, data, count=None):
        self.name, self.dims, self.type, self.offset, self.data = name, dims, type, offset, data
        self.count = count  # of dimensions, said instead of the true one


class File:
    """`records` are (key, type and value); `counts` are said instead of the true ones."""

    def __init__(self):
        self.magic, self.version, self.alignment = b"GGUF", 3, 32
        self.records, self.tensors = [], []
        self.tensor_count = self.record_count = None

    @staticmethod
    def read(raw):
        """Of a file that is right."""
        file, at = File(), 24
        file.version, tensors, records = struct.unpack_from("<IQQ", raw, 4)

        def string():
            nonlocal at
            (length,) = struct.unpack_from("<Q", raw, at)
            at += 8 + length
            return raw[at - length : at]

        def skip(type):
            nonlocal at
            if type == STRING:
                string()
            elif type == ARRAY:
                element, count = struct.unpack_from("<IQ", raw, at)
                at += 12
                for _ in range(count):
                    skip(element)
            else:
                at += struct.calcsize(PACK[type])

        for _ in range(records):
            key, start = string(), at
            (type,) = struct.unpack_from("<I", raw, at)
            at += 4
            skip(type)
            file.records.append([key, raw[start:at]])
            if key == b"general.alignment":
                file.alignment = struct.unpack("<I", raw[start + 4 : at])[0]
        for _ in range(tensors):
            name = string()
            (dims,) = struct.unpack_from("<I", raw, at)
            shape = list(struct.unpack_from(f"<{dims}Q", raw, at + 4))
            type, offset = struct.unpack_from("<IQ", raw, at + 4 + 8 * dims)
            at += 16 + 8 * dims
            file.tensors.append(Tensor(name, shape, type, offset, b""))
        start = -(-at // file.alignment) * file.alignment
        ends = sorted(tensor.offset for tensor in file.tensors) + [len(raw) - start]
        for tensor in file.tensors:
            tensor.data = raw[start + tensor.offset : start + ends[ends.index(tensor.offset) + 1]]
        return file

    def copy(self):
        return copy.deepcopy(self)

    def set(self, key, value):
        """Replaces a key's type and value, or adds the key; None removes it."""
        key = key.encode() if isinstance(key, str) else key
        self.records = [r for r in self.records if r[0] != key or value is not None]
        for record in self.records:
            if record[0] == key:
                record[1] = value
                return self
        if value is not None:
            self.records.append([key, value])
        return self

    def tensor(self, name):
        return next(t for t in self.tensors if t.name == name.encode())

    def pieces(self):
        """(what it is, bytes) in the order of the file: a border is between each two."""
        yield "magic", self.magic
        yield "version", struct.pack("<I", self.version)
        for name, said, true in (("tensor count", self.tensor_count, self.tensors),
                                 ("record count", self.record_count, self.records)):
            yield name, struct.pack("<Q", len(true) if said is None else said)
        size = 24
        for key, value in self.records:
            yield f"length of key {key}", struct.pack("<Q", len(key))
            yield f"key {key}", key
            yield f"type of {key}", value[:4]
            (type,) = struct.unpack("<I", value[:4])
            cuts = {STRING: [4, 12], ARRAY: [4, 8, 16]}.get(type, [4])
            for start, end in zip(cuts, cuts[1:] + [len(value)]):
                yield f"value of {key} from byte {start}", value[start:end]
            size += 8 + len(key) + len(value)
        for tensor in self.tensors:
            yield f"length of name {tensor.name}", struct.pack("<Q", len(tensor.name))
            yield f"name {tensor.name}", tensor.name
            dims = len(tensor.dims) if tensor.count is None else tensor.count
            yield f"dimensions of {tensor.name}", struct.pack("<I", dims)
            for i, extent in enumerate(tensor.dims):
                yield f"dimension {i} of {tensor.name}", struct.pack("<Q", extent)
            yield f"type of {tensor.name}", struct.pack("<I", tensor.type)
            yield f"offset of {tensor.name}", struct.pack("<Q", tensor.offset)
            size += 8 + len(tensor.name) + 4 + 8 * len(tensor.dims) + 12
        yield "padding", bytes(-size % self.alignment)
        for tensor in self.tensors:
            yield f"first half of {tensor.name}", tensor.data[: len(tensor.data) // 2]
            yield f"second half of {tensor.name}", tensor.data[len(tensor.data) // 2 :]

    def build(self):
        return b"".join(raw for _, raw in self.pieces())
