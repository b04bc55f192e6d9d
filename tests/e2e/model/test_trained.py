"""The trained models of tests/models: greedy tokens, and how well they predict a text.

verse.txt is public domain: eleven sonnets of Shakespeare. The models were trained on his plays.
"""

import math
import unittest

import numpy as np

from model_case import MODELS, VERSE, ModelCase, exact_rows  # shows where the oracle is
from reference_llama import Llama, log_softmax, mean_kl

CONTEXT, WINDOWS = 256, 4

# What llama.cpp says of them, by tests/oracle/check_peer_trained.py: its tokens after "ROMEO:" ...
ROMEO = """13 2020 2004 309 448 2004 13 327 294 2018 276 716 417 2004 294 2018 276 716 417 2004 13 327 294
2018 276 716 417 2004 294 2018 276 716 417 2004 294 2018 276 716 291 2014 13 13 982 2012 13 2009
467 261 292 473 2005 303 309 448 2004 299 294 2018 276 716 291 2014 13 13"""

# ... and how far its logits are from the exact ones, as mean KL divergence over the same windows.
# Errors of the same rounding in another order differ by some per cent.
CHANCE = 1.1
PEER = {"f16": 3.870e-08, "Q8_0": 4.268e-05, "Q4_K_M": 1.756e-04, "Q2_K": 1.738e-04}


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
            self.assertLess(mean_kl(exact, np.load(logits)), CHANCE * PEER[type], options)

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
