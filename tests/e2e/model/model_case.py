"""What the tests of whole models share: running llmc, and holding its answers to the exact ones."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "oracle"))

from likelihood import mean_kl
from make_model import make_model
from reference import load
from rounding import load_rounded

LLMC = os.environ["LLMC"]
MODELS = HERE.parents[1] / "models"
VERSE = HERE / "verse.txt"

# Errors of rounding are random: those of the product need not be those of the rounded pass, but their
# sizes agree within some per cent. Rounding down instead of to nearest would be a factor of 4.
CHANCE = 1.5
FEW = 3
# Attention, norms and exp of f32, whose errors the rounded pass leaves out: it only rounds products.
F32_MATH = 1e-11
# A token may be picked wrongly where the logits are closer than their errors. An error of more than
# this many deviations is none of chance in a few hundred comparisons.
DEVIATIONS = 6


# Code of earlier builds is of no use.
cache = tempfile.TemporaryDirectory()
os.environ["XDG_CACHE_HOME"] = cache.name


def call(*arguments, **options):
    return subprocess.run([LLMC, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, **options)


@functools.lru_cache(None)
def dot_instructions(*options):
    """How the product multiplies on the target that the options name."""
    done = call("inspect", "--target", "--json", *options)
    return json.loads(done.stdout)["target"]["dot"]


def exact_rows(model, tokens, context):
    """Logits that `llmc perplexity -c CONTEXT` scores, window after window."""
    rows, words = [], model.vocabulary()
    for at in range(0, len(tokens) - context + 1, context):
        window = list(tokens[at : at + context])
        if words.add_bos:
            window[0] = words.bos
        rows.append(model.forward(window, rows=slice(context // 2, context - 1)))
    return np.concatenate(rows)


class ModelCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def done(self, *arguments, **options):
        result = call(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace"))
        return result.stdout

    def json(self, *arguments, **options):
        return json.loads(self.done(*arguments, **options))

    def refused(self, *arguments, tells=(), **options):
        """The call must end with exit code 1 and one line of error that names `tells`."""
        result = call(*arguments, **options)
        error = result.stderr.decode(errors="replace")
        self.assertEqual(result.returncode, 1, error)
        self.assertEqual(result.stdout, b"")
        self.assertTrue(error.startswith("llmc: error: ") and error.count("\n") == 1, error)
        for part in tells:
            self.assertIn(part, error)

    def make(self, name="model.gguf", **options):
        return make_model(str(self.folder / name), **{"std": 0.08, "seed": 7, **options})[0]

    def rows(self, path, context, windows, *options):
        """Logits of the first windows of the verse, as llmc computes them."""
        out = self.folder / "logits.npy"
        answer = self.json("perplexity", path, "-f", VERSE, "-c", context, "--chunks", windows,
                           "--logits", out, "--json", *options)
        self.assertEqual(answer["windows"], windows)
        return np.load(out)

    def same_with_any_threads(self, one, two):
        self.assertEqual(one.tobytes(), two.tobytes(), "1 and 2 threads give different logits")

    def check_rows(self, path, exact, bound, context, windows, *options):
        """llmc's logits against the exact ones, and with 1 thread against 2."""
        two = self.rows(path, context, windows, "-t", 2, *options)
        self.same_with_any_threads(self.rows(path, context, windows, "-t", 1, *options), two)
        self.assertEqual(two.shape, exact.shape)
        self.assertTrue(np.isfinite(two).all())
        self.assertLess(mean_kl(exact, two), bound, options)

    def check_greedy(self, path, model, deviation, prompt, count, *options, threads=(2, 1)):
        """The tokens that llmc picks: each has, after all before it, the highest of the exact
        logits, or one that is no farther from it than rounding can make it."""
        arguments = ["run", path, "-p", prompt, "--temp", 0, "-n", count, "--ignore-eos", "--json",
                     *options]
        answer, *others = (self.json(*arguments, "-t", t) for t in threads)
        for other in others:
            self.assertEqual(other["tokens"], answer["tokens"])
        start = model.vocabulary().encode(prompt)
        self.assertEqual(answer["prompt_tokens"], len(start))
        self.assertEqual(len(answer["tokens"]), count)
        z = model.forward(start + answer["tokens"][:-1], rows=slice(len(start) - 1, None))
        behind = z.max(axis=1) - z[np.arange(count), answer["tokens"]]
        self.assertLess(behind.max(), DEVIATIONS * deviation, (behind.argmax(), answer["tokens"]))

    def exact_model(self, path):
        return load(path)

    def rounded_model(self, path, cache, products="int8"):
        return load_rounded(path, cache, products)

    def bounds(self, path, cache, exact, tokens, context, options):
        """How far narrow and wide steps may be from `exact`, and the deviation of a logit."""
        rounded = exact_rows(self.rounded_model(path, cache), tokens, context)
        narrow = wide = CHANCE * mean_kl(exact, rounded) + F32_MATH
        self.assertLess(narrow, 0.01, "the model is too fickle to be compared")
        if dot_instructions(*(o for o in options if "target" in str(o))) == "amx":
            matrix_unit = exact_rows(self.rounded_model(path, cache, "bf16"), tokens, context)
            wide = CHANCE * mean_kl(exact, matrix_unit) + F32_MATH
        return narrow, wide, (rounded - exact).std()

    def verse_tokens(self, model, count):
        tokens = model.vocabulary().encode(VERSE.read_text())[:count]
        self.assertEqual(len(tokens), count)
        return tokens

    def check_prompt(self, path, context, windows, *options):
        """Prompts in wide steps, whatever their instructions. For windows of few rows, whose
        distances spread more."""
        model = load(path)
        tokens = self.verse_tokens(model, context * windows)
        exact = exact_rows(model, tokens, context)
        narrow, wide, _ = self.bounds(path, "f16", exact, tokens, context, options)
        self.check_rows(path, exact, FEW * max(narrow, wide), context, windows, *options)

    def check_model(self, path, context=203, windows=2, cache="f16", options=(), greedy=24):
        """A prompt in wide steps, the same token by token, and greedy decoding. Returns the exact
        model, the tokens, their exact logits and the bound of the distance."""
        options = ["--cache-type-k", cache, "--cache-type-v", cache, *options]
        model = self.exact_model(path)
        tokens = self.verse_tokens(model, context * windows)
        exact = exact_rows(model, tokens, context)
        narrow, wide, deviation = self.bounds(path, cache, exact, tokens, context, options)
        self.check_rows(path, exact, wide, context, windows, *options)
        self.check_rows(path, exact, narrow, context, windows, "--max-rows", 1, *options)
        self.check_greedy(path, model, deviation, "the cat and the dog", greedy, *options)
        return model, tokens, exact, max(wide, narrow)
