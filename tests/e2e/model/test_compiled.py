"""Compiled models and cached code: what they cost, and that nothing in them is trusted."""

import json
import os
import random
import re
import struct
import subprocess
import sys
import unittest

import numpy as np

from model_case import HERE, LLMC, MODELS, VERSE, ModelCase, call  # shows where the oracle is
import gguf_io
from block_formats import FORMATS, random_blocks
from make_model import build

MODEL = MODELS / "shakespeare-Q4_K_M.gguf"
MIB = 1 << 20
SEAL = 32  # bytes before code in files
ASK = ["-p", "ROMEO:\nBut soft, what", "-n", 24, "--temp", 0, "-t", 1, "--json"]


class CompiledCase(ModelCase):
    def setUp(self):
        super().setUp()
        self.use_cache("cache")

    def use_cache(self, name):
        """Begins with an empty cache."""
        self.cache = self.folder / name / "llmc"
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(self.cache.parent)}

    def objects(self):
        return sorted(self.cache.glob("*.a"))

    def tokens(self, path, *options):
        return self.json("run", path, *ASK, *options, env=self.environment)["tokens"]

    def compiled(self, *options, model=MODEL, name="model.llmc"):
        path = self.folder / name
        self.done("compile", model, "-o", path, *options, env=self.environment)
        return path

    def measured(self, *arguments):
        """What a call of llmc, which must succeed, took: bytes at its peak, seconds of CPU."""
        command = [sys.executable, "-S", HERE / "measure.py", LLMC, *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300, env=self.environment)
        result = json.loads(done.stdout)
        self.assertEqual(result["code"], 0, done.stderr.decode())
        return result


class Cache(CompiledCase):
    def test_second_start_compiles_nothing(self):
        first = self.measured("run", MODEL, *ASK)["cpu_seconds"]
        known = [(path.name, path.stat().st_mtime_ns) for path in self.objects()]
        self.assertEqual(len(known), 1)
        compiled = self.compiled()
        second = min(self.measured("run", MODEL, *ASK)["cpu_seconds"] for _ in range(3))
        self.assertLess(second, first / 3)
        self.assertEqual([(path.name, path.stat().st_mtime_ns) for path in self.objects()], known)
        self.assertIn(b"(from the cache)", self.done("compile", MODEL, env=self.environment))
        # A compiled model brings its code.
        self.use_cache("empty")
        self.assertLess(min(self.measured("run", compiled, *ASK)["cpu_seconds"] for _ in range(3)), first / 3)
        self.assertEqual(self.objects(), [])

    def test_same_code_on_one_cpu(self):
        """Parts are compiled at the same time where there are CPUs for it."""
        cpus = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cpus)
        codes = []
        for allowed in (cpus, {min(cpus)}):
            os.sched_setaffinity(0, allowed)
            self.use_cache(f"cache{len(codes)}")
            self.compiled(name=f"{len(codes)}.llmc")
            codes.append([path.read_bytes() for path in self.objects()])
        self.assertEqual(len(codes[0]), 1)
        self.assertTrue(codes[0][0][SEAL:].startswith(b"!<arch>"))
        self.assertEqual(*codes)

    def test_damaged_code_is_not_run(self):
        want = self.tokens(MODEL)
        (entry,) = self.objects()
        whole = entry.read_bytes()
        for damaged in whole[:-1], whole[:SEAL] + b"\xcc" * (len(whole) - SEAL), b"", \
                bytes([*whole[:5000], whole[5000] ^ 1, *whole[5001:]]):
            entry.write_bytes(damaged)
            self.assertEqual(self.tokens(MODEL), want)
            self.assertEqual(entry.read_bytes(), whole, "the damage is still there")

    def test_no_place_for_a_cache(self):
        self.environment["XDG_CACHE_HOME"] = "/dev/null"
        self.assertEqual(len(self.tokens(MODEL)), 24)


class Artifact(CompiledCase):
    """What a file says is data: the code in it runs only if this llmc made it, here."""

    def edit(self, path, change):
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(content)

    def program(self, content):
        """Where the text of the program is."""
        record = content.index(b"llmc.program") + len("llmc.program")
        type, size = struct.unpack_from("<IQ", content, record)
        self.assertEqual(type, gguf_io.STRING)
        return slice(record + 12, record + 12 + size)

    def object(self, content):
        """Where the code is: the first tensor, a seal and an archive."""
        record = content.index(b"llmc.object") + len("llmc.object")
        dimensions, size, type, offset = struct.unpack_from("<IQIQ", content, record)
        self.assertEqual((dimensions, offset), (1, 0))
        start = content.index(b"!<arch>\n") - SEAL
        self.assertEqual(start % 4096, 0)
        return slice(start, start + size)

    def test_same_answers(self):
        path = self.compiled()
        arguments = "perplexity", "-f", VERSE, "-c", 90, "--chunks", 2, "-t", 1
        for name, model in ("source", MODEL), ("compiled", path):
            self.done(*arguments, model, "--logits", self.folder / name, env=self.environment)
        self.assertEqual((self.folder / "source").read_bytes(), (self.folder / "compiled").read_bytes())

    def test_damaged_code_is_not_run(self):
        want = self.tokens(MODEL)
        path, other = self.compiled(), self.compiled("--max-rows", 1, name="other.llmc")
        whole = path.read_bytes()
        place = self.object(whole)
        size = place.stop - place.start
        code = other.read_bytes()
        code = code[self.object(code)][:size].ljust(size, b"\0")
        for fill in b"\xcc" * size, bytes(size), code:
            path.write_bytes(whole[: place.start] + fill + whole[place.stop :])
            for cache in "cache", f"empty {fill[0]}":
                self.use_cache(cache)
                self.assertEqual(self.tokens(path), want)

    def test_other_cpu(self):
        want = self.tokens(MODEL)
        # The last is younger than what this test is likely to run on.
        for cpu in "x86-64", "haswell", "diamondrapids":
            path = self.compiled(f"--target-cpu={cpu}")
            self.assertIn(cpu, self.json("inspect", path, "--json")["metadata"]["llmc.target"])
            self.assertEqual(self.tokens(path), want)
        self.assertEqual(len(self.tokens(path, "--target-cpu=x86-64")), 24)

    def test_other_version(self):
        path = self.compiled()

        def change(content):
            at = content.index(b"llmc.version") + len("llmc.version")
            self.assertEqual(struct.unpack_from("<I", content, at), (gguf_io.U32,))
            struct.pack_into("<I", content, at + 4, struct.unpack_from("<I", content, at + 4)[0] + 1)

        self.edit(path, change)
        self.refused("run", path, *ASK, tells=["model.llmc", "another version", "compile"])

    def test_damaged_program(self):
        path = self.compiled()
        whole = path.read_bytes()
        place = self.program(whole)
        text = whole[place]
        for damaged in b"}" * len(text), text.replace(b"llm.linear", b"llm.l\xffnear"), \
                text.replace(b"} {", b"}  ", 1), text[1:] + b"\n":
            path.write_bytes(whole[: place.start] + damaged + whole[place.stop :])
            self.refused("run", path, *ASK, env=self.environment, tells=["model.llmc", "llmc.program"])
        for nothing in bytes(len(text)), b"/" * len(text):
            path.write_bytes(whole[: place.start] + nothing + whole[place.stop :])
            self.refused("run", path, *ASK, env=self.environment, tells=["step"])

    def test_program_of_another_model(self):
        path = self.compiled()
        whole = path.read_bytes()
        place = self.program(whole)
        text = whole[place].decode()
        for old, new, tells in [("768x256", "769x256", "768 columns"),
                                ("256xf32", "258xf32", "llmc.program"),
                                ("layers [0, 1, 3, 4]", "layers [0, 1, 3, 9]", "other layers"),
                                ('from "output.weight"', 'from "outbut.weight"', "outbut.weight"),
                                ('from "output.weight"', 'from "llmc.object"  ', "llmc.object")]:
            self.assertIn(old, text)
            changed = text.replace(old, new).encode()
            path.write_bytes(whole[: place.start] + changed + whole[place.stop :])
            with self.subTest(f"{old} -> {new}"):
                self.refused("run", path, *ASK, env=self.environment, tells=["model.llmc", tells])

    def test_fewer_layers_in_the_cache(self):
        self.change_and_refuse("layers = 6", "layers = 1")

    def test_larger_vocabulary(self):
        self.change_and_refuse("vocabulary = 2048", "vocabulary = 9048")

    def test_position_for_a_layer(self):
        self.change_and_refuse("[%arg1] at %arg4", "[%arg4] at %arg4")

    def change_and_refuse(self, old, new):
        path = self.compiled()
        whole = path.read_bytes()
        self.assertIn(old.encode(), whole)
        path.write_bytes(whole.replace(old.encode(), new.encode()))
        self.refused("run", path, *ASK, env=self.environment, tells=["model.llmc"])

    def test_numbers_that_lie(self):
        """Whatever numbers a program has, llmc runs it or says what is wrong with it."""
        path = self.compiled()
        whole = path.read_bytes()
        place = self.program(whole)
        numbers = [m.span() for m in re.finditer(rb"\b\d+\b", whole[place])]
        chance = random.Random(4)
        for _ in range(12):
            first, last = chance.choice(numbers)
            digits = "".join(chance.choice("0123456789") for _ in range(last - first)).encode()
            content = bytearray(whole)
            content[place.start + first : place.start + last] = digits
            path.write_bytes(content)
            done = call("run", path, *ASK, env=self.environment)
            error = done.stderr.decode(errors="replace")
            context = bytes(content[place][max(0, first - 60) : last + 20])
            self.assertIn(done.returncode, (0, 1), (context, error[-300:]))
            if done.returncode:
                self.assertRegex(error, r"^llmc: error: [^\n]+\n$", context)


class Memory(CompiledCase):
    """A model that is large beside all else, so that a second copy of its weights would show."""

    SHAPE = dict(dim=2048, layers=6, heads=16, kv=4, ffn=5632, vocab=512, ctx=4096)
    LEAST_FILE = 250 * MIB
    MORE = 150 * MIB  # than file and KV cache together

    def large(self):
        meta, _ = build(**{**self.SHAPE, "layers": 1, "dim": 64, "ffn": 32, "type": "Q8_0"})
        shape = self.SHAPE
        dim, ffn, kv = shape["dim"], shape["ffn"], shape["dim"] // shape["heads"] * shape["kv"]
        meta.update({"llama.block_count": shape["layers"], "llama.embedding_length": dim,
                     "llama.feed_forward_length": ffn,
                     "llama.rope.dimension_count": dim // shape["heads"]})
        # All matrices are the same blocks again and again.
        blocks = np.frombuffer(random_blocks("Q8_0", 1 << 16, np.random.default_rng(1)), np.uint8)
        tensors = []

        def matrix(name, rows, row):
            size = rows * row // FORMATS["Q8_0"].weights * FORMATS["Q8_0"].bytes
            tensors.append(gguf_io.Tensor(name + ".weight", "Q8_0", (rows, row),
                                          np.resize(blocks, size)))

        def norm(name):
            tensors.append(gguf_io.Tensor(name + ".weight", "F32", (dim,),
                                          np.ones(dim, "<f4").tobytes()))

        matrix("token_embd", shape["vocab"], dim)
        for i in range(shape["layers"]):
            b = f"blk.{i}."
            norm(b + "attn_norm")
            for name, rows, row in (("attn_q", dim, dim), ("attn_k", kv, dim), ("attn_v", kv, dim),
                                    ("attn_output", dim, dim), ("ffn_gate", ffn, dim),
                                    ("ffn_up", ffn, dim), ("ffn_down", dim, ffn)):
                matrix(b + name, rows, row)
            norm(b + "ffn_norm")
        norm("output_norm")
        matrix("output", shape["vocab"], dim)
        path = self.folder / "large.gguf"
        gguf_io.write(str(path), meta, tensors)
        return path

    def test_peak(self):
        source = self.large()
        path = self.compiled(model=source)
        source.unlink()
        size = path.stat().st_size
        self.assertGreater(size, self.LEAST_FILE)
        self.assertGreater(self.LEAST_FILE, self.MORE)
        prompt = self.folder / "prompt.txt"
        prompt.write_text(VERSE.read_text()[:1200])  # more than one step of 512 tokens
        context = 1024
        shape = self.SHAPE
        width = shape["dim"] // shape["heads"] * shape["kv"]
        limit = size + 2 * shape["layers"] * context * width * 2 + self.MORE  # a cache of f16
        arguments = ["run", path, "-f", prompt, "-n", 3, "-c", context, "--ignore-eos"]
        self.measured(*arguments)  # makes the code
        peak = self.measured(*arguments)["peak_bytes"]
        self.assertGreater(peak, size, "not all weights were read, or the measure is none")
        self.assertLess(peak, limit)


if __name__ == "__main__":
    unittest.main()
