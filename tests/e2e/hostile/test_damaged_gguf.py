"""Damaged GGUF files, each refused by `llmc inspect`, or by `llmc run` where only a run reads the part."""

import math
import struct
import tempfile
import unittest

from gguf_bytes import File, Tensor, array, scalar
from gguf_io import ARRAY, BOOL, F32, F64, I8, I32, STRING, U8, U16, U32, U64
from hostile_case import MODEL, HostileCase
from make_model import make_model

PLAIN_BYTES, PLAIN_FLOATS = 24, 0  # ggml's I8 and F32

INSPECT = (["inspect"], [])
RUN = (["run"], ["-p", "a", "-n", "1", "-t", "1"])
HUGE = (1 << 63, (1 << 64) - 1)


def make_file(**options):
    with tempfile.NamedTemporaryFile(suffix=".gguf") as out:
        make_model(out.name, dim=32, layers=1, heads=2, kv=1, ffn=64, vocab=270, type="Q8_0", **options)
        return File.read(out.read())


WHOLE = make_file()
KEYS = [key.decode() for key, _ in WHOLE.records]
NAMES = [tensor.name.decode() for tensor in WHOLE.tensors]


def damaged(change, **options):
    file = WHOLE.copy()
    change(file, **options)
    return file.build()


def keyed(key, value):
    return damaged(lambda file: file.set(key, value))


def truncations():
    whole, at = WHOLE.build(), 0
    for what, raw in WHOLE.pieces():
        if raw and at < len(whole):
            yield f"cut before {what}", whole[:at], []
        at += len(raw)


def headers():
    remedies = {0: "not known", 1: "convert the model again", 4: "not known", 0x01000000: "big-endian",
                0x02000000: "big-endian", 0x03000000: "big-endian", 0x01010101: "not known",
                (1 << 32) - 1: "not known"}
    for version, tells in remedies.items():
        yield f"version {version}", damaged(lambda f: setattr(f, "version", version)), ["byte 4", tells]
    for magic in (b"GGML", b"GGJT", b"ggml", b"FUGG", b"gguf", bytes(4), b"PK\3\4", b"\x7fELF", b"vers", b"{\"me"):
        yield f"magic {magic}", damaged(lambda f: setattr(f, "magic", magic)), ["not a GGUF file"]
    for field in ("tensor_count", "record_count"):
        for count in (*HUGE, 1 << 32, 1000000, len(NAMES) + len(KEYS) + 1):
            yield f"{field} {count}", damaged(lambda f: setattr(f, field, count)), ["byte"]
    model = MODEL.read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9, 0.999):
        yield f"{share} of a model", model[: int(len(model) * share)], []
    for part in (b"", b"G", bytes(100), b"GGUF" * 100, b"\n" * 64, model[:1000]):
        yield f"file {part[:8]}", part, []


def records():
    for key in (KEYS[0], KEYS[5], KEYS[-1]):
        again = next(value for name, value in WHOLE.records if name.decode() == key)
        yield f"twice {key}", damaged(lambda f: f.records.append([key.encode(), again])), [key, "twice"]
    yield "empty key", keyed("", scalar(U8, 1)), ["empty key"]
    for type in (13, 14, 255, 1 << 31, (1 << 32) - 1):
        yield f"key of type {type}", keyed("k", struct.pack("<IQ", type, 0)), ["'k'", str(type)]
        yield f"array of type {type}", keyed("k", struct.pack("<IIQQ", ARRAY, type, 1, 0)), ["'k'", str(type)]
    yield "array of arrays", keyed("k", struct.pack("<IIQIQ", ARRAY, ARRAY, 1, U8, 0)), ["'k'", "nested"]
    for value in (2, 255):
        yield f"bool {value}", keyed("k", struct.pack("<IB", BOOL, value)), ["'k'"]
        yield f"array of bool {value}", keyed("k", struct.pack("<IIQB", ARRAY, BOOL, 1, value)), ["'k'"]
    for size in (*HUGE, (1 << 64) - 8, 1 << 40):
        yield f"string of {size}", keyed("k", struct.pack("<IQ", STRING, size)), ["'k'"]
        yield f"key of {size}", damaged(lambda f: f.records.append([b"", struct.pack("<Q", size)])), ["byte"]
        for type in (U8, I32, U64, F64, STRING):
            yield f"array of {size} of {type}", keyed("k", array(type, [], size)), ["'k'"]
        yield f"string of {size} in an array", keyed("k", struct.pack("<IIQQ", ARRAY, STRING, 1, size)), ["'k'"]
    for value in (0, 1, 3, 4, 48, (1 << 31) + 1, (1 << 32) - 1):
        yield f"alignment {value}", keyed("general.alignment", scalar(U32, value)), ["general.alignment"]
    yield "alignment huge", keyed("general.alignment", scalar(U32, 1 << 31)), ["tensor"]
    for value in (scalar(STRING, "32"), scalar(I32, -32), scalar(U64, 1 << 40), scalar(F32, 32.0), array(U32, [32])):
        yield f"alignment {value}", keyed("general.alignment", value), ["general.alignment"]


def tensors():
    first, second = NAMES[0], NAMES[1]

    def change(name, member, value):
        return damaged(lambda f: setattr(f.tensor(name), member, value))

    yield "name twice", change(second, "name", first.encode()), [first, "twice"]
    for name in (b"", b"n" * 64, b"n" * 5000):
        yield f"name of {len(name)}", change(first, "name", name), ["tensor 0", str(len(name))]
    for count in (0, 5, 1 << 16, (1 << 32) - 1):
        yield f"{count} dimensions", change(first, "count", count), [f"'{first}'", str(count)]
    for dims in ([32, 0], [0, 270], [0], [1 << 32, 1 << 32], [1 << 63, 2], [1 << 62, 4], [(1 << 64) - 32, 1],
                 [1 << 40, 1], [32, 1 << 60], [1 << 21, 1 << 21, 1 << 21, 2], [31, 270], [33, 270], [32, 271, 99]):
        yield f"shape {dims}", change(first, "dims", dims), [f"'{first}'"]
    for offset in (1, 16, 31, 1 << 40, 1 << 63, (1 << 64) - 32, (1 << 64) - 1):
        yield f"offset {offset}", change(first, "offset", offset), [f"'{first}'"]
    for name in NAMES[1:6]:
        yield f"offset of {name} 0", change(name, "offset", 0), ["overlap", "tensor"]
    for type in (4, 5, 9, 15, 31, 32, 33, 36, 37, 99, 1 << 31, (1 << 32) - 1):
        yield f"type {type}", change(first, "type", type), [f"'{first}'", str(type)]
    yield "type of longer rows", change(first, "type", PLAIN_FLOATS), ["tensor"]
    yield "one more", damaged(lambda f: f.tensors.append(Tensor(b"x", [32], 0, 1 << 20, b""))), ["'x'"]


def splits():
    def part(number, count, **more):
        return damaged(lambda f: [f.set(f"split.{key}", value) for key, value in
                                  {"no": number, "count": count, **more}.items()])

    yield "second part", part(scalar(U16, 1), scalar(U16, 2)), ["split"]
    yield "part behind the last", part(scalar(U16, 2), scalar(U16, 2)), ["split.no"]
    yield "no number", part(None, scalar(U16, 2)), ["split.no"]
    yield "parts that are not there", part(scalar(U16, 0), scalar(U16, 3)), []
    yield "too many parts", part(scalar(U16, 0), scalar(U16, 65535)), []
    for value in (scalar(STRING, "2"), scalar(F32, 2.0), scalar(I8, -2), array(U16, [2]), scalar(U64, 1 << 63)):
        yield f"split.count {value}", part(scalar(U16, 0), value), ["split.count"]


def hyperparameters():
    """(key, value, tells) that a run refuses."""
    counts = ["embedding_length", "block_count", "feed_forward_length", "context_length", "attention.head_count",
              "attention.head_count_kv", "rope.dimension_count"]
    for key in counts:
        for value in (scalar(U32, 0), scalar(I32, -1), scalar(U32, (1 << 32) - 1), scalar(U64, 1 << 63),
                      scalar(STRING, "x"), scalar(F32, 2.0), scalar(BOOL, True), array(STRING, ["x"])):
            yield f"llama.{key}", value, []
    for key, value in (("embedding_length", 31), ("embedding_length", 64), ("block_count", 2),
                       ("feed_forward_length", 96), ("attention.head_count", 3), ("attention.head_count", 32768),
                       ("attention.head_count_kv", 2), ("attention.head_count_kv", 3), ("rope.dimension_count", 3),
                       ("rope.dimension_count", 15), ("rope.dimension_count", 64), ("attention.key_length", 7),
                       ("attention.key_length", 0), ("attention.value_length", 65536)):
        yield f"llama.{key}", scalar(U32, value), []
    numbers = {"attention.layer_norm_rms_epsilon": (-1.0,), "rope.freq_base": (0.0, -1.0),
               "rope.scaling.factor": (0.0, -2.0)}
    for key, values in numbers.items():
        for value in (*values, math.nan, math.inf, -math.inf):
            yield f"llama.{key}", scalar(F32, value), [key.split(".")[-1]]
        yield f"llama.{key}", scalar(STRING, "1"), [key]
    yield "llama.rope.scaling.type", scalar(STRING, "none of them"), ["rope.scaling.type"]
    yield "llama.rope.scaling.type", scalar(U32, 1), ["rope.scaling.type"]
    for value in (scalar(STRING, "lama"), scalar(STRING, b"\xff\n\x1b[31m"), scalar(STRING, ""), scalar(U32, 7),
                  array(STRING, ["llama"])):
        yield "general.architecture", value, ["architecture"]


def vocabularies():
    tokens = "tokenizer.ggml.tokens"
    for value in (array(STRING, []), array(STRING, ["a"]), array(I32, list(range(270))), scalar(STRING, "a")):
        yield tokens, value, []
    for key in ("scores", "token_type"):
        for value in (array(F32, [0.0]), array(I32, [1] * 271), scalar(F32, 1.0),
                      array(STRING, ["a"] * 270)):
            yield f"tokenizer.ggml.{key}", value, [key]
    for value in (scalar(STRING, "wordpiece9"), scalar(STRING, b"\xfe\n"), scalar(U32, 1), scalar(STRING, "gpt2")):
        yield "tokenizer.ggml.model", value, ["tokenizer.ggml"]
    for key in ("bos_token_id", "eos_token_id", "unknown_token_id"):
        yield f"tokenizer.ggml.{key}", scalar(STRING, "1"), [key]
    yield "tokenizer.ggml.add_bos_token", scalar(STRING, "yes"), ["add_bos_token"]


class DamagedGguf(HostileCase):
    def test_whole_file_runs(self):
        path = self.folder / "whole.gguf"
        path.write_bytes(WHOLE.build())
        for before, after in (INSPECT, RUN):
            outcome = self.llmc(*before, path, *after)
            self.assertEqual(outcome.code, 0, outcome.stderr)

    def test_structure(self):
        cases = [(name, raw, *INSPECT, tells) for kind in (truncations, headers, records, tensors, splits)
                 for name, raw, tells in kind()]
        self.assertEqual(len({name for name, *_ in cases}), len(cases))
        self.assertGreater(self.refused_all(cases, ".gguf"), 300)

    def test_contents(self):
        cases = [(f"{key} {value[:40]}", keyed(key, value), *RUN, tells)
                 for kind in (hyperparameters, vocabularies) for key, value, tells in kind()]
        for key in ("general.architecture", "llama.embedding_length", "llama.block_count",
                    "llama.attention.head_count", "llama.feed_forward_length", "llama.context_length",
                    "tokenizer.ggml.model", "tokenizer.ggml.tokens"):
            cases.append((f"no {key}", keyed(key, None), *RUN, [key]))
        for name in NAMES:
            def rename(file):
                file.tensor(name).name = b"other"

            def widen(file):
                tensor = file.tensor(name)
                tensor.dims = tensor.dims[:-1] + [tensor.dims[-1] - 2] if len(tensor.dims) > 1 else [8]

            def reshape(file):
                file.tensor(name).dims += [1, 1]

            # Without a matrix of its own the output takes the embedding, and 'other' is too much.
            missing = "other" if name == "output.weight" else name
            cases.append((f"no {name}", damaged(rename), *RUN, [missing]))
            cases.append((f"shape of {name}", damaged(widen), *RUN, [name]))
            cases.append((f"plain bytes for {name}",
                          damaged(lambda f: setattr(f.tensor(name), "type", PLAIN_BYTES)), *RUN, [name]))
        self.refused_all(cases, ".gguf")


if __name__ == "__main__":
    unittest.main()
