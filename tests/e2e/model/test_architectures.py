"""Random models of each architecture against its exact forward pass.

  test_architectures.py [Qwen2 ...]

The models are small, but every term of their architecture matters in them, which
tests/oracle/check_reference.py sees to. Of F32 with an F32 cache, llmc must agree to about 1e-11.
"""

import sys
import tempfile
import unittest

from model_case import ModelCase, call, exact_rows  # shows where the oracle is
from likelihood import mean_kl
from make_model import make_model

CONTEXT, WINDOWS = 80, 2
SKIPPED = 77
UNKNOWN = ("is not known", "which llmc does not support")


class ArchitectureCase:
    arch = None
    variants = {}  # options of make_model by name, beside the defaults
    optional = False  # whether llmc may say that it does not know it

    def model(self, **options):
        return self.make(arch=self.arch, seed=3, **options)

    @classmethod
    def setUpClass(cls):
        if not cls.optional:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = make_model(folder + "/small.gguf", arch=cls.arch, layers=1, dim=64, ffn=64)[0]
            error = call("run", path, "-p", "a", "-n", 1).stderr.decode(errors="replace")
        if any(word in error for word in UNKNOWN):
            raise unittest.SkipTest(f"llmc does not know {cls.arch}")

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
    optional = True


class Qwen2(ArchitectureCase, ModelCase):
    arch = "qwen2"
    variants = {"tied": dict(tied=True)}


class Qwen3(ArchitectureCase, ModelCase):
    arch = "qwen3"
    variants = {"tied": dict(tied=True)}


class Qwen3Moe(ArchitectureCase, ModelCase):
    arch = "qwen3moe"
    optional = True


class GptNeoX(ArchitectureCase, ModelCase):
    arch = "gptneox"
    variants = {"sequential": dict(sequential=True)}


class Phi3(ArchitectureCase, ModelCase):
    arch = "phi3"
    variants = {"short factors": dict(original_ctx=256)}


class Gemma2(ArchitectureCase, ModelCase):
    arch = "gemma2"
    # Scores of the largest model are scaled otherwise, and it is known by its layers.
    variants = {"27b": dict(dim=64, layers=46, ffn=96, key_length=24)}


class Gemma3(ArchitectureCase, ModelCase):
    arch = "gemma3"
    variants = {"pattern": dict(layers=3, window_pattern=2, local_rope_base=5e3)}


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(SKIPPED if result.skipped else not result.wasSuccessful())
