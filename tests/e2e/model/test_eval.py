"""llmc eval against the exact forward pass: likelihoods, choices and their statistics; and answers against llmc run.

The models are of F32 with an F32 cache, so that what is computed a little wrongly shows.
"""

import json
import math
import unittest

import numpy as np

from model_case import MODELS, VERSE, ModelCase  # shows where the oracle is
from gguf_io import Gguf
from likelihood import log_softmax
from lora_io import AdaptedLlama, random_matrices, read_gguf, write_gguf
from odd_case import SMALL
from reference import load

EXACT = ["--cache-type-k", "f32", "--cache-type-v", "f32"]
# Of a sum of log likelihoods, per token: those of f32, with sums of a few hundred products.
CLOSE = 2e-5

COMPLETIONS = [("Once upon a time", " there was a little girl"), ("the cat", " and the dog\nplay outside"),
               ("", "Lily was here."), ("They went to the", " park"), ("one two", " three, said the man.")]
CHOICES = [("the cat and the", [" dog", " park", " water"], 0), ("She was", ["very good", "a"], 1),
           ("How many?\n", ["one", "three and two", "little"], 2), ("there is", ["life", "life in work"], 0)]


def score(model, prompt, text):
    """(log likelihood of `text` behind `prompt`, tokens), float64."""
    words = model.vocabulary()
    start, whole = words.encode(prompt), words.encode(prompt + text)
    first = max(1, len(start))
    assert whole[: len(start)] == start, "the prompt has to end where a token does"
    z = log_softmax(model.forward(whole[:-1], rows=slice(first - 1, None)))
    return z[np.arange(len(z)), whole[first:]].sum(), len(whole) - first


class Eval(ModelCase):
    def setUp(self):
        super().setUp()
        self.base = self.make(**SMALL)
        self.adapter = write_gguf(self.folder / "adapter.gguf",
                                  random_matrices(Gguf.read(self.base), rank=4, std=0.05, seed=1), 16)
        self.merged = self.folder / "merged.gguf"
        self.done("export-lora", self.base, "--lora", self.adapter, "-o", self.merged)
        adapted = AdaptedLlama(self.base).adapt([(*read_gguf(self.adapter), 1)])
        self.models = {"base": load(self.base), "adapter": adapted, "merged": load(str(self.merged))}

    def data(self, *records):
        path = self.folder / "data.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    def evaluate(self, records, *options, lora=True):
        """(the document, {variant: [what came of each record]})"""
        out = self.folder / "records.jsonl"
        adapters = ["--lora", self.adapter, "--merged"] if lora else []
        answer = self.json("eval", self.base, "--data", self.data(*records), "--records", out, "--json", *EXACT,
                           *options, *adapters)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([line["line"] for line in lines], list(range(1, len(records) + 1)))
        self.assertEqual([v["name"] for v in answer["variants"]], ["base", "adapter", "merged"] if lora else ["base"])
        return answer, {v["name"]: [line[v["name"]] for line in lines] for v in answer["variants"]}

    def metrics(self, answer, variant):
        return next(v["metrics"] for v in answer["variants"] if v["name"] == variant)

    def expect_loss(self, key, metrics, losses, tokens):
        """Of records with sums `losses` over so many tokens each."""
        losses, tokens = np.array(losses), np.array(tokens)
        mean = losses.sum() / tokens.sum()
        self.assertAlmostEqual(metrics[f"{key}_loss"]["value"], mean, delta=CLOSE)
        self.assertAlmostEqual(metrics[f"{key}_ppl"]["value"], math.exp(mean), delta=math.exp(mean) * CLOSE)
        # The jackknife, an estimate of another kind, is near where records are about as long.
        n = len(losses)
        left = np.array([np.delete(losses, i).sum() / np.delete(tokens, i).sum() for i in range(n)])
        jackknife = math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
        self.assertAlmostEqual(metrics[f"{key}_loss"]["stderr"], jackknife, delta=0.25 * jackknife)

    def test_completions(self):
        answer, results = self.evaluate([{"prompt": p, "completion": c} for p, c in COMPLETIONS])
        exact = {}
        for name, model in self.models.items():
            exact[name] = [score(model, p, c) for p, c in COMPLETIONS]
            for (likelihood, tokens), result in zip(exact[name], results[name]):
                self.assertEqual(result["tokens"], tokens)
                self.assertAlmostEqual(result["loss"], -likelihood / tokens, delta=CLOSE)
            self.expect_loss("completion", self.metrics(answer, name), *zip(*[(-l, t) for l, t in exact[name]]))
        # The adapter matters, and differences are those of pairs.
        for comparison in answer["comparisons"]:
            one, two = (np.array(exact[comparison[key]]) for key in ("variant", "against"))
            change = -(one[:, 0] - two[:, 0]).sum() / one[:, 1].sum()
            measured = comparison["metrics"]["completion_loss"]
            self.assertAlmostEqual(measured["change"], change, delta=2 * CLOSE)
        self.assertEqual([(c["variant"], c["against"]) for c in answer["comparisons"]],
                         [("adapter", "base"), ("merged", "base"), ("merged", "adapter")])
        self.assertGreater(abs(answer["comparisons"][0]["metrics"]["completion_loss"]["change"]), 1e-3)
        self.assertLess(abs(answer["comparisons"][2]["metrics"]["completion_loss"]["change"]), 1e-5)

    def test_choices(self):
        answer, results = self.evaluate([{"prompt": p, "choices": c, "answer": a} for p, c, a in CHOICES])
        for name, model in self.models.items():
            right = by_characters = 0
            for (prompt, choices, wanted), result in zip(CHOICES, results[name]):
                spaced = [c if prompt[-1].isspace() or c[0].isspace() else " " + c for c in choices]
                scores = [score(model, prompt, c) for c in spaced]
                for (likelihood, tokens), got in zip(scores, result["log_likelihoods"]):
                    self.assertAlmostEqual(got, likelihood, delta=CLOSE * tokens)
                normed = [s / len(c) for (s, _), c in zip(scores, choices)]
                self.assertEqual(result["chosen"], int(np.argmax([s for s, _ in scores])))
                self.assertEqual(result["chosen_norm"], int(np.argmax(normed)))
                right += result["chosen"] == wanted
                by_characters += result["chosen_norm"] == wanted
            metrics, n = self.metrics(answer, name), len(CHOICES)
            for key, count in ("acc", right), ("acc_norm", by_characters):
                share = count / n
                self.assertAlmostEqual(metrics[key]["value"], share)
                self.assertAlmostEqual(metrics[key]["stderr"], math.sqrt(share * (1 - share) / (n - 1)))

    def test_texts(self):
        """Longer than the context, too: windows that begin with the last token of the one before."""
        context, verse = 64, VERSE.read_text()
        texts = [verse[:420], verse[200:700], verse[500:900], verse[900:1400], verse[1200:1650]]
        answer, results = self.evaluate([{"text": t} for t in texts], "-c", context)
        for name, model in self.models.items():
            losses, counts = [], []
            for text in texts:
                tokens = model.vocabulary().encode(text)
                loss, at = 0, 0
                while at < len(tokens) - 1:
                    window = tokens[at : at + context]
                    z = log_softmax(model.forward(window[:-1]))
                    loss -= z[np.arange(len(z)), window[1:]].sum()
                    at += len(window) - 1
                losses.append(loss)
                counts.append(len(tokens) - 1)
            self.assertGreater(min(counts), 2 * context)
            for loss, count, result in zip(losses, counts, results[name]):
                self.assertEqual(result["tokens"], count)
                self.assertAlmostEqual(result["loss"], loss / count, delta=CLOSE)
            self.expect_loss("text", self.metrics(answer, name), losses, counts)

    def test_other_vocabulary(self):
        other = self.make("other.gguf", **{**SMALL, "vocab": 290})
        self.refused("eval", self.base, "--data", self.data({"text": VERSE.read_text()[:200]}), "--compare", other,
                     tells=["other.gguf", "another vocabulary"])

    def test_one_of_each(self):
        answer, _ = self.evaluate([{"text": "the cat"}, {"prompt": "a", "completion": " dog"},
                                   {"question": "b", "choices": ["c", "d"], "answer": "B"}], lora=False)
        self.assertEqual(set(self.metrics(answer, "base")),
                         {"exact_match", "acc", "acc_norm", "completion_loss", "completion_ppl", "text_loss", "text_ppl"})
        self.assertEqual(answer["comparisons"], [])


class Answers(ModelCase):
    """What counts as the model's answer is what llmc run writes."""

    def test_answers(self):
        model = MODELS / "shakespeare-Q4_K_M.gguf"
        prompts = [line + "\n" for line in VERSE.read_text().splitlines() if len(line) > 20][:6] + ["HAMLET", "To be,"]
        records = []
        for i, prompt in enumerate(prompts):
            said = self.json("run", model, "-p", prompt, "-n", 20, "--temp", 0, "--json", "-t", 1)["text"]
            wanted = said.strip().partition("\n")[0]
            # Each second record wants what the model does not say.
            records.append({"prompt": prompt, "completion": wanted if i % 2 else wanted + " not", "said": said})
        data = self.folder / "data.jsonl"
        data.write_text("".join(json.dumps(record) + "\n" for record in records))
        out = self.folder / "out.jsonl"
        answer = self.json("eval", model, "--data", data, "--task", "exact", "--records", out, "--json", "-t", 1,
                           "--max-tokens", 20)
        for record, line in zip(records, map(json.loads, out.read_text().splitlines())):
            text = line["base"]["text"]
            self.assertTrue(record["said"].startswith(text), (record, text))
            self.assertGreaterEqual(len(text.strip()), len(record["said"].strip().partition("\n")[0]))
        metric = answer["variants"][0]["metrics"]["exact_match"]
        self.assertEqual(metric["value"], 0.5)
        self.assertAlmostEqual(metric["stderr"], math.sqrt(0.25 / (len(records) - 1)))


if __name__ == "__main__":
    unittest.main()
