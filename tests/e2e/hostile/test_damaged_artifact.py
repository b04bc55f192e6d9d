"""Damaged compiled models, and those that others made: sizes are checked against what the program takes
before anything is read, and a program does what models do or does not run."""

import re
import tempfile
import pathlib
import unittest

from gguf_bytes import File, array, scalar
from gguf_io import STRING, U32, U64
from hostile_case import Outcome, HostileCase
from make_model import make_model

RUN = (["run"], ["-p", "a", "-n", "1", "-t", "1"])


def compiled():
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "m.gguf"), pathlib.Path(folder, "m.llmc")
        make_model(str(source), dim=32, layers=2, heads=2, kv=1, ffn=64, vocab=270, type="Q8_0")
        outcome = Outcome(["compile", source, "-o", target, "-t", "1"],
                          {f"XDG_{kind}_HOME": folder for kind in ("CACHE", "CONFIG", "STATE")})
        assert outcome.code == 0, outcome.stderr
        return File.read(target.read_bytes())


WHOLE = compiled()
PROGRAM = next(value[12:] for key, value in WHOLE.records if key == b"llmc.program").decode()
NAMES = [tensor.name.decode() for tensor in WHOLE.tensors]


def damaged(change):
    file = WHOLE.copy()
    change(file)
    return file.build()


def with_program(text):
    return damaged(lambda f: f.set("llmc.program", scalar(STRING, text)))


def edited(*edits):
    text = PROGRAM
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return with_program(text)


def files():
    whole = WHOLE.build()
    data = len(whole) - sum(len(t.data) for t in WHOLE.tensors)
    for size in (0, 3, 20, 100, data // 2, data, data + 1, data + 4096, len(whole) // 2, len(whole) - 40000):
        yield f"cut to {size}", whole[:size], []
    for value in (scalar(U32, 0), scalar(U32, 2), scalar(U64, 1 << 40), scalar(STRING, "1"), array(U32, [1])):
        yield f"version {value}", damaged(lambda f: f.set("llmc.version", value)), []
    for value in (None, scalar(U32, 1), array(STRING, [PROGRAM])):
        yield f"program {str(value)[:20]}", damaged(lambda f: f.set("llmc.program", value)), ["llmc.program"]
    for name in NAMES:
        if name == "llmc.object":
            continue

        def shorten(file):
            tensor = file.tensor(name)
            tensor.dims = [tensor.dims[0] - 32, *tensor.dims[1:]] if len(tensor.dims) == 1 else [32, 1]

        yield f"shorter {name}", damaged(shorten), [name]
        yield f"no {name}", damaged(lambda f: setattr(f.tensor(name), "name", b"other")), [name]


def programs():
    """(name, file, tells): texts that parse or do not."""
    yield "empty", with_program(""), []
    for text in ("module", "module {", "(" * 100000, "[" * 5000 + "module", "\0\1\2", PROGRAM[: len(PROGRAM) // 2],
                 "module attributes {a = " + "[" * 5000 + "]" * 5000 + "} {}",
                 "module { func.func @step() { return } }"):
        yield f"text {text[:20]} {len(text)}", with_program(text), []
    yield "not UTF-8", with_program(b"\xff\xfe" + PROGRAM.encode()), []
    step = "func.func @step(%arg0: tensor<?xi32>, %arg1: index)"
    assert step in PROGRAM
    end = PROGRAM.rindex("}")
    added = {
        "declaration": "func.func private @system(i64) -> i32",
        "foreign dialect": 'llvm.func @system(!llvm.ptr) -> i32',
        "inline assembly": 'func.func @block.9() { llvm.inline_asm has_side_effects "int3", "" : () -> ()\n return }',
        "call": "func.func @block.9() { func.call @block.9() : () -> ()\n return }",
        "another function": "func.func @pack.q8_0(%arg0: index) { return }",
        "global": "module @inner {}",
        "kernel": "func.func @block.9() { kernel.barrier\n return }",
        "arithmetic": "func.func @block.9() { %0 = arith.constant 5 : index\n return }",
        "huge weight": 'llm.weight @w : tensor<4611686018427387904x32xf32> from "w"',
        "wide weight": 'llm.weight @w : tensor<32x4611686018427387904xf32> from "w"',
        "weights that nobody has": 'llm.weight @w : tensor<2147483648x16777216xf32> from "w"',
        "missing weight": 'llm.weight @w : tensor<32xf32> from "w"',
        "unknown block": 'llm.weight @w : tensor<32x32x!llm.block<q9_9>> from "w"',
        "huge cache": "llm.state @s : !llm.kv_cache<layers = 1048576, heads = 1048576, key = 1 x f16, value = 1 x f16>",
        "parameter": 'llm.parameter @p : tensor<4x32xf32> from "p"',
    }
    for name, text in added.items():
        yield name, with_program(f"{PROGRAM[:end]}{text}\n}}"), []
    cache = re.search(r"llm\.cache_write %(\w+)\[%arg1\] at %(\w+)", PROGRAM)
    assert cache, PROGRAM
    handle, start = cache.groups()
    edits = {
        "layer and position swapped": [(f"%{handle}[%arg1] at %{start}", f"%{handle}[%{start}] at %arg1")],
        "layer for position": [(f"%{handle}[%arg1] at %{start}", f"%{handle}[%arg1] at %arg1")],
        "position for layer": [(f"%{handle}[%arg1] at", f"%{handle}[%{start}] at")],
        "no vocabulary": [("llm.vocabulary = 270 : i64", "llm.vocabulary = 0 : i64")],
        "larger vocabulary": [("llm.vocabulary = 270 : i64", "llm.vocabulary = 271 : i64")],
        "negative vocabulary": [("llm.vocabulary = 270 : i64", "llm.vocabulary = -270 : i64")],
        "huge context": [("llm.context_length = 256", "llm.context_length = 9223372036854775807")],
        "fewer layers in the cache": [("layers = 2,", "layers = 1,")],
        "schedule": [("schedule = array<i32: 0, 0>", "schedule = array<i32: 0, 7>")],
        "empty schedule": [("schedule = array<i32: 0, 0>", "schedule = array<i32>")],
        "long schedule": [("schedule = array<i32: 0, 0>", f"schedule = array<i32: {', '.join(['0'] * 100000)}>")],
        "attribute of the module": [("module attributes {", "module attributes {kernel.arena_bytes = 1 : i64, ")],
        "attribute of a function": [("llm.rms_norm %arg0", "llm.rms_norm {llvm.x} %arg0")],
        "known rows": [("tensor<?x32xf32>", "tensor<100000x32xf32>")],
        "unknown width": [("tensor<?x32xf32>", "tensor<?x?xf32>")],
        "no step": [("@step", "@steps")],
        "no logits": [("@logits", "@block.7")],
        "odd head": [("key = 16 x f16", "key = 15 x f16")],
    }
    for name, changes in edits.items():
        yield name, edited(*changes), []


class DamagedArtifact(HostileCase):
    def test_whole_file_runs(self):
        path = self.folder / "whole.llmc"
        path.write_bytes(WHOLE.build())
        outcome = self.llmc(*RUN[0], path, *RUN[1])
        self.assertEqual(outcome.code, 0, outcome.stderr)

    def test_files(self):
        cases = [(name, raw, *RUN, tells) for kind in (files, programs) for name, raw, tells in kind()]
        self.assertGreater(self.refused_all(cases, ".llmc"), 60)


if __name__ == "__main__":
    unittest.main()
