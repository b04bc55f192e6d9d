"""Random models of each architecture against its exact forward pass.

  test_architectures.py [Qwen2 ...]

The models are small, but every term of their architecture matters in them, which
tests/oracle/check_terms.py sees to. Of F32 with an F32 cache, llmc must agree to about 1e-11.
"""

import unittest

import numpy as np

from model_case import ModelCase, exact_rows  # shows where the oracle is
from likelihood import mean_kl

CONTEXT, WINDOWS = 80, 2


class ArchitectureCase:
    arch = None
    variants = {}  # options of make_model by name, beside the defaults
    seed = 3

    def model(self, **options):
        return self.make(arch=self.arch, seed=self.seed, **options)

    def test_exact(self):
        for name, options in {"default": {}, **self.variants}.items():
            with self.subTest(name):
                self.check_model(self.model(**options), CONTEXT, WINDOWS, cache="f32", greedy=16)

    def test_types(self):
        # In wide steps and then, for greedy tokens, in narrow ones; that threads change nothing does
        # not depend on the type.
        for type in "F16", "Q8_0", "Q4_K_M":
            with self.subTest(type):
                path = self.model(type=type)
                model = self.exact_model(path)
                tokens = self.verse_tokens(model, CONTEXT * WINDOWS)
                exact = exact_rows(model, tokens, CONTEXT)
                _, wide, deviation = self.bounds(path, "f16", exact, tokens, CONTEXT, [])
                self.assertLess(mean_kl(exact, self.rows(path, CONTEXT, WINDOWS)), wide)
                self.check_greedy(path, model, deviation, "the cat and the dog", 32, threads=[2])


class Mixtral(ArchitectureCase, ModelCase):
    arch = "mixtral"
    seed = 2  # in which rounding seldom takes another expert for an equal one, by the exact passes alone


class Qwen2(ArchitectureCase, ModelCase):
    arch = "qwen2"
    variants = {"tied": dict(tied=True)}


class Qwen3(ArchitectureCase, ModelCase):
    arch = "qwen3"
    variants = {"tied": dict(tied=True)}


class Qwen3Moe(ArchitectureCase, ModelCase):
    arch = "qwen3moe"


class GptNeoX(ArchitectureCase, ModelCase):
    arch = "gptneox"
    variants = {"sequential": dict(sequential=True)}


class Starcoder2(ArchitectureCase, ModelCase):
    arch = "starcoder2"
    variants = {"tied": dict(tied=True)}


class Phi3(ArchitectureCase, ModelCase):
    arch = "phi3"
    variants = {"short factors": dict(original_ctx=256)}

    def test_context_of_a_compiled_model(self):
        path, short = self.model(), 40
        want = self.rows(path, short, WINDOWS)
        for options, same in ([], False), (["-c", short], True):
            compiled = self.folder / "m.llmc"
            self.done("compile", path, "-o", compiled, *options)
            self.assertEqual(np.array_equal(self.rows(compiled, short, WINDOWS), want), same, options)


class Gemma2(ArchitectureCase, ModelCase):
    arch = "gemma2"
    # Scores of the largest model are scaled otherwise, and it is known by its layers.
    variants = {"27b": dict(dim=64, layers=46, ffn=96, key_length=24)}


class Gemma3(ArchitectureCase, ModelCase):
    arch = "gemma3"
    variants = {"pattern": dict(layers=3, window_pattern=2, local_rope_base=5e3)}


if __name__ == "__main__":
    unittest.main()
