"""The trained models of tests/models: greedy tokens, and how well they predict a text.

verse.txt is public domain: eleven sonnets of Shakespeare. The models were trained on his plays.
"""

import math
import unittest

import numpy as np

from model_case import MODELS, VERSE, ModelCase, exact_rows  # shows where the oracle is
from reference_llama import Llama, log_softmax, mean_kl

CONTEXT, WINDOWS = 256, 4

# After "ROMEO:", by the official build of llama.cpp of 2026-11.
ROMEO = """3 2004 2001 276 367 821 378 1999 302 276 400 329 310 3 2012 1987 310 262 468 304 270 534 2009
3 3 2020 894 896 2007 3 2004 2013 278 310 378 1999 3 2010 271 276 483 262 468 304 293 2009 3 3 2020
894 896 2007 3 2004 2013 278 719 293 1999 3 2010 271 293 1999"""

# How far ik_llama.cpp's logits are from the exact ones (2026-08, mean KL divergence, the same
# models, windows of 256 tokens of a play that they have not seen).
PEER = {"f16": 7.389e-07, "Q8_0": 3.110e-05, "Q4_K_M": 4.177e-05, "Q2_K": 1.227e-04}
# The text is another one. With Q8_0 the peer rounds as llmc does in steps too small for a matrix unit.
OTHER_TEXT = 1.1


def file(type):
    return MODELS / f"shakespeare-{type}.gguf"


class Trained(ModelCase):
    def test_greedy_tokens(self):
        want = [int(word) for word in ROMEO.split()]
        for options in ["-t", 1], ["-t", 2], ["--cache-type-k", "f32", "--cache-type-v", "f32"], ["--max-rows", 1]:
            answer = self.json("run", file("f16"), "-p", "ROMEO:", "-n", 64, "--temp", 0, "--json",
                               *options)
            self.assertEqual(answer["tokens"], want, options)

    def test_greedy_tokens_of_blocks(self):
        for type in "Q8_0", "Q4_K_M", "Q2_K":
            # A distance is half the variance of the logits' errors.
            deviation = math.sqrt(2 * PEER[type])
            self.check_greedy(file(type), Llama(file(type)), deviation, "ROMEO:\nBut soft, what", 100)

    def check_text(self, type, tolerance):
        model = Llama(file(type))
        tokens = self.verse_tokens(model, CONTEXT * WINDOWS)
        exact = exact_rows(model, tokens, CONTEXT)
        scored = [tokens[w * CONTEXT + i] for w in range(WINDOWS)
                  for i in range(CONTEXT // 2 + 1, CONTEXT)]
        ppl = math.exp(-log_softmax(exact)[np.arange(len(scored)), scored].mean())
        for options in [], ["--max-rows", 1]:
            logits = self.folder / "logits.npy"
            answer = self.json("perplexity", file(type), "-f", VERSE, "-c", CONTEXT, "--chunks",
                               WINDOWS, "--logits", logits, "--json", *options)
            self.assertEqual((answer["windows"], answer["tokens"]), (WINDOWS, len(scored)))
            self.assertAlmostEqual(answer["ppl"] / ppl, 1, delta=tolerance)
            self.assertLess(mean_kl(exact, np.load(logits)), OTHER_TEXT * PEER[type], options)

    def test_f16(self):
        self.check_text("f16", 0.0005)

    def test_q8_0(self):
        self.check_text("Q8_0", 0.005)

    def test_q4_k_m(self):
        self.check_text("Q4_K_M", 0.005)

    def test_q2_k(self):
        self.check_text("Q2_K", 0.005)


if __name__ == "__main__":
    unittest.main()
