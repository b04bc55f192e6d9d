"""llmc perplexity."""

import array
import ast
import math
import os
import pathlib
import struct
import unittest

from llmc_case import FAILED, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase

TEXT = """To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them.
""" * 3
CONTEXT = 64


def read_npy(path):
    """The shape and the values of a two-dimensional f32 array."""
    content = path.read_bytes()
    assert content[:8] == b"\x93NUMPY\x01\x00"
    (size,) = struct.unpack_from("<H", content, 8)
    header = ast.literal_eval(content[10 : 10 + size].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"]
    return header["shape"], array.array("f", content[10 + size :])


class Perplexity(LlmcCase):
    def setUp(self):
        super().setUp()
        self.text = self.file("text.txt", TEXT)

    def test_follows_from_its_logits(self):
        path = self.folder / "logits.npy"
        answer = self.json("perplexity", MODEL, "-f", self.text, "-c", CONTEXT, "--logits", path, "--json")
        self.assertEqual(set(answer), {"ppl", "stderr", "tokens", "windows"})
        tokens = [int(word) for word in self.done("tokenize", MODEL, "-f", self.text).split()]
        first = CONTEXT // 2
        scored = [window + position + 1 for window in range(0, len(tokens) - CONTEXT + 1, CONTEXT)
                  for position in range(first, CONTEXT - 1)]
        self.assertEqual(answer["windows"], len(tokens) // CONTEXT)
        self.assertEqual(answer["tokens"], len(scored))
        (rows, vocabulary), logits = read_npy(path)
        self.assertEqual((rows, vocabulary), (len(scored), 2048))
        nlls = []
        for row, position in enumerate(scored):
            values = logits[row * vocabulary : (row + 1) * vocabulary]
            greatest = max(values)
            total = sum(math.exp(value - greatest) for value in values)
            nlls.append(math.log(total) + greatest - values[tokens[position]])
        mean = sum(nlls) / rows
        variance = sum((nll - mean) ** 2 for nll in nlls) / rows
        self.assertAlmostEqual(answer["ppl"] / math.exp(mean), 1, places=5)
        self.assertAlmostEqual(answer["stderr"] / (math.exp(mean) * math.sqrt(variance / (rows - 1))), 1,
                               places=4)

    def test_threads_and_chunks(self):
        arguments = ["perplexity", MODEL, "-f", self.text, "-c", CONTEXT, "--json"]
        one, two = (self.json(*arguments, "-t", threads)["ppl"] for threads in [1, 2])
        self.assertAlmostEqual(one / two, 1, places=4)
        self.assertEqual(self.json(*arguments, "--chunks", 1)["windows"], 1)
        self.assertRegex(self.done(*arguments[:-1]).decode(), r"^perplexity \d+\.\d+ \+/- \d+\.\d+ over ")

    def test_errors(self):
        self.refused(WRONG_USAGE, "perplexity", MODEL, tells=["--file"])
        self.refused(WRONG_USAGE, "perplexity", MODEL, "-f", self.text, "-c", 2)
        self.refused(FAILED, "perplexity", MODEL, "-f", self.text, "-c", 100000, tells=["text.txt", "200000"])
        self.refused(FAILED, "perplexity", MODEL, "-f", self.file("bytes.txt", b"x" * 9 + b"\xc0"),
                     tells=["bytes.txt", "offset 9"])
        self.refused(FAILED, "perplexity", MODEL, "-f", self.text, "-c", CONTEXT, "--logits",
                     self.folder / "none" / "logits.npy", tells=["none"])
        self.assertEqual(self.names(), ["bytes.txt", "text.txt"])

    # Computed from the dequantized weights in float64, on a text that is not in this repository.
    @unittest.skipUnless("LLMC_VALIDATION_TEXT" in os.environ, "names no text")
    def test_validation_text(self):
        for model, exact, tolerance in [(MODEL, 31.5101, 5e-3), (MODEL_F16, 31.5202, 5e-4)]:
            answer = self.json("perplexity", model, "-f", os.environ["LLMC_VALIDATION_TEXT"], "-c", 256,
                               "--json")
            self.assertEqual(answer["windows"], 37)
            self.assertAlmostEqual(answer["ppl"] / exact, 1, delta=tolerance)


if __name__ == "__main__":
    unittest.main()
