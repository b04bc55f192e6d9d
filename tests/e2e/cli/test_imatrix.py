"""llmc imatrix: options and errors. tests/e2e/model/test_imatrix.py has the numbers."""

import array
import os
import pty
import signal
import struct
import subprocess
import time

import unittest

from llmc_case import DONE, FAILED, LLMC, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase, llmc, read_bytes

TEXT = """To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them.
""" * 3
CONTEXT = 32


def read_imatrix(path):
    """Metadata and f32 tensors of a GGUF that has nothing else than llama-imatrix writes."""
    content, at = read_bytes(path), 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, content, at)
        at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def text():
        return take(f"{take('Q')}s").decode()

    def value(kind):
        if kind == 4:
            return take("I")
        if kind == 8:
            return text()
        assert kind == 9, kind
        element, count = take("IQ")
        return [value(element) for _ in range(count)]

    assert take("4sI") == (b"GGUF", 3)
    tensors, keys = take("QQ")
    meta = {}
    for _ in range(keys):
        key = text()
        meta[key] = value(take("I"))
    infos = {}
    for _ in range(tensors):
        name, dims = text(), take("I")
        shape = [take("Q") for _ in range(dims)]
        kind, offset = take("IQ")
        assert kind == 0, kind
        infos[name] = (shape, offset)
    start = (at + 31) // 32 * 32
    data = {}
    for name, (shape, offset) in infos.items():
        count = 1
        for extent in shape:
            count *= extent
        data[name] = (shape, array.array("f", content[start + offset : start + offset + 4 * count]))
    return meta, data


class Imatrix(LlmcCase):
    def setUp(self):
        super().setUp()
        self.text = self.file("text.txt", TEXT)
        self.out = self.folder / "out.gguf"

    def measure(self, out, *arguments):
        return self.json("imatrix", MODEL, "-f", self.text, "-c", CONTEXT, "-o", out, "--json", *arguments)

    def test_file(self):
        answer = self.measure(self.out)
        tokens = self.json("tokenize", MODEL, "-f", self.text, "--count")["tokens"]
        chunks = tokens // CONTEXT
        self.assertEqual(set(answer), {"output", "entries", "chunks", "chunk_size", "tokens", "threads",
                                       "seconds", "tokens_per_second"})
        self.assertEqual((answer["chunks"], answer["chunk_size"], answer["tokens"], answer["output"]),
                         (chunks, CONTEXT, chunks * CONTEXT, str(self.out)))
        meta, tensors = read_imatrix(self.out)
        self.assertEqual(meta, {"general.type": "imatrix", "imatrix.datasets": [str(self.text)],
                                "imatrix.chunk_count": chunks, "imatrix.chunk_size": CONTEXT})
        shapes = {tensor["name"]: tensor["shape"]
                  for tensor in self.json("inspect", MODEL, "--json", "--tensors")["tensors"]}
        matrices = [name for name, shape in shapes.items() if name.startswith("blk.") and len(shape) == 2]
        self.assertEqual(set(tensors),
                         {name + suffix for name in matrices for suffix in (".in_sum2", ".counts")})
        self.assertEqual(answer["entries"], len(matrices))
        for name in matrices:
            shape, sums = tensors[name + ".in_sum2"]
            self.assertEqual(shape, [shapes[name][0], 1])
            self.assertGreater(min(sums), 0)
            self.assertEqual((tensors[name + ".counts"][0], list(tensors[name + ".counts"][1])),
                             ([1, 1], [chunks * CONTEXT]))
        # What has one input has the same sums, whatever else it has.
        for group in ("attn_q", "attn_k", "attn_v"), ("ffn_gate", "ffn_up"):
            first, *others = (tensors[f"blk.1.{name}.weight.in_sum2"][1] for name in group)
            for other in others:
                self.assertEqual(first, other)
        self.assertEqual(self.names(), ["out.gguf", "text.txt"])

    def test_threads_chunks_and_output(self):
        self.measure(self.out, "-t", 1)
        two = self.folder / "two.gguf"
        self.measure(two, "-t", 2)
        self.assertEqual(read_bytes(self.out), read_bytes(two))
        self.assertEqual(self.measure(self.out, "--chunks", 1)["chunks"], 1)
        without = read_imatrix(self.out)[1]
        self.measure(self.out, "--chunks", 1, "--process-output")
        tensors = read_imatrix(self.out)[1]
        self.assertEqual(set(tensors) - set(without), {"output.weight.in_sum2", "output.weight.counts"})
        self.assertEqual({name: tensors[name] for name in without}, without)
        # Steps of few rows compute the same sums, but for the rounding of other kernels.
        self.measure(two, "--chunks", 1, "--max-rows", 5)
        for name, (_, sums) in read_imatrix(two)[1].items():
            others = without[name][1]
            self.assertLess(sum(abs(a - b) for a, b in zip(sums, others)) / sum(others), 0.02, name)

    def test_compiled_model_gives_the_same(self):
        compiled = self.folder / "model.llmc"
        self.done("compile", MODEL, "-o", compiled)
        self.measure(self.out)
        other = self.folder / "other.gguf"
        self.json("imatrix", compiled, "-f", self.text, "-c", CONTEXT, "-o", other, "--json")
        self.assertEqual(read_bytes(self.out), read_bytes(other))

    def test_default_output_and_text(self):
        output = self.done("imatrix", MODEL, "-f", "text.txt", "-c", CONTEXT, cwd=self.folder).decode()
        self.assertRegex(output, r"^\d+ tensors, \d+ chunks, \d+ tokens in .* imatrix\.gguf\n$")
        self.assertEqual(self.names(), ["imatrix.gguf", "text.txt"])
        self.done("imatrix", MODEL, "-f", "-", "-c", CONTEXT, input=TEXT.encode(), cwd=self.folder)
        self.assertEqual(read_imatrix(self.folder / "imatrix.gguf")[0]["imatrix.datasets"],
                         ["standard input"])

    def test_joins_earlier_files(self):
        one, two, all_ = (self.folder / name for name in ("1.gguf", "2.gguf", "3.gguf"))
        lines = TEXT.splitlines(keepends=True)
        first, second = self.file("1.txt", "".join(lines[:5]) * 2), self.file("2.txt", "".join(lines[2:]))
        count = 0
        for text, out in ((first, one), (second, two)):
            count += self.json("imatrix", MODEL, "-f", text, "-c", CONTEXT, "-o", out, "--json")["chunks"]
        answer = self.json("imatrix", "--in-file", one, "--in-file", two, "-o", all_, "-c", CONTEXT, "--json")
        self.assertEqual((answer["chunks"], answer["tokens"]), (count, 0))
        meta, joined = read_imatrix(all_)
        self.assertEqual(meta["imatrix.datasets"], [str(first), str(second)])
        parts = [read_imatrix(path)[1] for path in (one, two)]
        for name, (shape, sums) in joined.items():
            for value, a, b in zip(sums, parts[0][name][1], parts[1][name][1]):
                self.assertEqual(array.array("f", [a + b])[0], value)
        # The same with the second measured now.
        self.json("imatrix", MODEL, "-f", second, "--in-file", one, "-c", CONTEXT, "-o", self.out, "--json")
        meta, again = read_imatrix(self.out)
        self.assertEqual(meta["imatrix.chunk_count"], count)
        for name, (_, sums) in again.items():
            for value, other in zip(sums, joined[name][1]):
                self.assertAlmostEqual(value / other, 1, places=6)

    def test_statistics(self):
        self.measure(self.out)
        answer = self.json("imatrix", "--in-file", self.out, "--show-statistics", "--json", cwd=self.folder)
        rows = {row["tensor"]: row for row in answer["statistics"]}
        _, tensors = read_imatrix(self.out)
        self.assertEqual(len(rows), len(tensors) // 2)
        row, sums = rows["blk.1.ffn_down.weight"], tensors["blk.1.ffn_down.weight.in_sum2"][1]
        count = tensors["blk.1.ffn_down.weight.counts"][1][0]
        means = [value / count for value in sums]
        self.assertEqual(row["columns"], len(means))
        self.assertAlmostEqual(row["sum"] / sum(means), 1, places=6)
        self.assertAlmostEqual(row["max"] / max(means), 1, places=6)
        self.assertIsNone(rows["blk.0.ffn_down.weight"]["cosine"])
        self.assertLess(row["cosine"], 1)
        self.assertEqual(answer["output"], "")
        self.assertEqual(self.names(), ["out.gguf", "text.txt"])
        table = self.done("imatrix", "--in-file", self.out, "--show-statistics").decode().splitlines()
        self.assertEqual(len(table), 1 + len(rows))

    def test_quantize_takes_it(self):
        self.json("imatrix", MODEL_F16, "-f", self.text, "-c", CONTEXT, "-o", self.out, "--json")
        model = self.folder / "model.gguf"
        # A type that cannot be without.
        self.refused(FAILED, "quantize", MODEL_F16, model, "Q2_K_S", tells=["--imatrix"])
        self.done("quantize", MODEL_F16, model, "Q2_K_S", "--imatrix", self.out)
        answer = self.json("inspect", model, "--json")
        self.assertIn("Q2_K", str(answer))
        self.done("run", model, "-p", "the", "-n", 2)

    def test_errors(self):
        def fails(*arguments, tells=(), code=FAILED, **options):
            self.refused(code, "imatrix", *arguments, tells=tells, **options)

        fails(code=WRONG_USAGE, tells=["no text"])
        fails(MODEL, code=WRONG_USAGE, tells=["no text"])
        fails("-f", self.text, code=WRONG_USAGE, tells=["MODEL"])
        fails(MODEL, "-f", self.text, "-c", 0, code=WRONG_USAGE)
        fails(MODEL, "-f", self.text, "--chunks", "x", code=WRONG_USAGE)
        fails(MODEL, "-f", self.file("empty.txt", ""), tells=["empty.txt", "is empty"])
        fails(MODEL, "-f", self.text, "-c", 4000, tells=["text.txt", "4000"])
        fails(MODEL, "-f", self.file("bytes.txt", b"x" * 9 + b"\xc0"), tells=["bytes.txt", "offset 9"])
        fails(MODEL, "-f", self.folder / "none.txt", tells=["none.txt"])
        fails(self.folder / "none.gguf", "-f", self.text, tells=["none.gguf"])
        fails(self.text, "-f", self.text, tells=["text.txt", "GGUF"])
        fails(MODEL, "-f", self.text, "-c", CONTEXT, "-o", self.folder / "none" / "out.gguf", tells=["none"])
        fails(MODEL, "-f", self.text, "-c", CONTEXT, "-o", self.folder, tells=["not a regular file"])
        fails("--in-file", self.text, tells=["text.txt", "neither a GGUF"])
        fails("--in-file", MODEL, tells=["it has no entries"])
        self.measure(self.out)
        # A file of another model.
        content = bytearray(read_bytes(self.out))
        at = content.index(b"blk.0.attn_q.weight.in_sum2") + len("blk.0.attn_q.weight.in_sum2") + 4
        (columns,) = struct.unpack_from("<Q", content, at)
        struct.pack_into("<Q", content, at, columns - 32)
        other = self.file("other.gguf", bytes(content))
        fails("--in-file", self.out, "--in-file", other, "-o", self.folder / "x.gguf",
              tells=["other.gguf", "'blk.0.attn_q.weight'"])
        self.assertEqual(self.names(), ["bytes.txt", "empty.txt", "other.gguf", "out.gguf", "text.txt"])

    def test_signals_leave_nothing(self):
        text = self.file("long.txt", TEXT * 4000)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            process = subprocess.Popen([LLMC, "imatrix", MODEL, "-f", text, "-o", self.out], stderr=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
            time.sleep(1)
            process.send_signal(number)
            output, error = process.communicate(timeout=60)
            # Before the work has begun the process dies of the signal itself.
            self.assertIn(process.returncode, (code, -number), error)
            self.assertEqual((output, error), (b"", b""))
            self.assertEqual(self.names(), ["long.txt", "text.txt"])

    def test_progress_is_for_terminals(self):
        master, slave = pty.openpty()
        text = self.file("long.txt", TEXT * 60)
        process = subprocess.Popen([LLMC, "imatrix", MODEL, "-f", text, "-c", "32", "-t", "1", "-o", self.out],
                                   stderr=slave, stdout=subprocess.PIPE)
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:  # the other side is closed
            pass
        os.close(master)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, DONE)
        self.assertIn(b"chunks", shown)
        self.assertEqual(llmc("imatrix", MODEL, "-f", text, "-c", "32", "-o", self.out).stderr, b"")


if __name__ == "__main__":
    unittest.main()
