"""An independent reader of TensorBoard's event files, from their public description.

A file is TFRecords: u64 length, u32 masked CRC-32C of these 8 bytes, the bytes, u32 masked CRC-32C of them, all
little-endian. Each is a protocol buffer `Event` (tensorflow/core/util/event.proto).
"""

import pathlib
import struct


def crc32c(data):
    """Bit by bit: the polynomial of RFC 3720, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """All whole records; a last one that was cut is left out, as TensorBoard does."""
    at = 0
    while at + 12 <= len(data):
        length, check = struct.unpack_from("<QI", data, at)
        assert check == masked(data[at : at + 8]), f"checksum of a length at {at}"
        end = at + 12 + length + 4
        if end > len(data):
            return
        content = data[at + 12 : end - 4]
        assert struct.unpack_from("<I", data, end - 4)[0] == masked(content), f"checksum of a record at {at}"
        yield content
        at = end


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80:
            return value, at


def fields(data):
    """{number: [values]} of a message: integers, or the bytes of all else."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size
        else:
            size = {1: 8, 5: 4}[wire]
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


class Run:
    """The events of a folder as TensorBoard shows them."""

    def __init__(self, folder):
        self.scalars, self.texts, self.starts, self.versions = {}, {}, [], []
        self.files = sorted(pathlib.Path(folder).glob("events.out.tfevents.*"))
        for file in self.files:
            for index, record in enumerate(records(file.read_bytes())):
                self.add(fields(record), first=index == 0)

    def add(self, event, first):
        (wall,) = struct.unpack("<d", event[1][0])
        assert 1.6e9 < wall < 1e10, wall
        step = event.get(2, [0])[0]
        if first:
            self.versions.append(event[3][0])
        if 7 in event:  # session_log; status START voids what comes again
            assert fields(event[7][0]) == {1: [1]}
            self.starts.append(step)
            for series in (self.scalars, self.texts):
                for tag in series:
                    series[tag] = [(s, v) for s, v in series[tag] if s < step]
        for summary in event.get(5, []):
            for value in fields(summary)[1]:
                self.add_value(step, fields(value))

    def add_value(self, step, value):
        tag = value[1][0].decode()
        if 2 in value:
            self.scalars.setdefault(tag, []).append((step, struct.unpack("<f", value[2][0])[0]))
            return
        tensor, metadata = fields(value[8][0]), fields(value[9][0])
        assert tensor[1] == [7], "a tensor of strings"
        assert fields(fields(tensor[2][0])[2][0]) == {1: [len(tensor[8])]}, "its shape"
        assert fields(metadata[1][0])[1] == [b"text"] and metadata[4] == [2]
        self.texts.setdefault(tag, []).append((step, tensor[8][0].decode()))
