"""llmc train --scratch: a vocabulary, first weights and a trained model from a text."""

import math
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest
from collections import Counter

from llmc_case import FAILED, LLMC, MODEL, WRONG_USAGE, LlmcCase, llmc

TOOLS = pathlib.Path(__file__).resolve().parents[3] / "tools"


def sentences(count, seed):
    """Text with much to learn beyond how often words are there: who does what to whom, in verses."""
    generator = random.Random(seed)
    who = {"the king": "his", "the queen": "her", "the fool": "his", "a witch": "her", "the two lords": "their"}
    what = ["sword", "crown", "daughter", "castle", "old horse", "secret"]
    text = []
    for number in range(count):
        one, whose = generator.choice(list(who.items()))
        verb = generator.choice(["lose", "find", "hide", "forget"])
        text.append(f"{one} {verb}{'' if one.startswith('the two') else 's'} {whose} {generator.choice(what)},\n")
        text.append(f"and never {verb}s again.\n" if number % 3 else f"in the year {1600 + number % 7}.\n")
    return "".join(text)


class ScratchCase(LlmcCase):
    def setUp(self):
        super().setUp()
        self.file("text.txt", sentences(900, 1))
        self.file("valid.txt", sentences(60, 2))

    def config(self, name="config.yaml", shape="", **keys):
        values = {
            "data": self.folder / "text.txt",
            "valid": self.folder / "valid.txt",
            "output_dir": self.folder / "out",
            "scratch": "{vocab_size: 330, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, "
                       f"num_key_value_heads: 2, intermediate_size: 64{shape}}}",
            "max_seq_length": 32,
            "batch_size": 8,
            "max_steps": 20,
            "learning_rate": "1e-2",
            "save_steps": 5,
            "eval_steps": "never",
            "threads": 1,
        }
        values.update(keys)
        lines = (f"{key}: {value}\n" for key, value in values.items() if value is not None)
        return self.file(name, "".join(lines))

    def train(self, config, *arguments):
        return self.json("train", "--scratch", config, "--json", *arguments)

    def ids(self, model, name):
        """The tokens of a file, without the begin-of-text token."""
        return self.json("tokenize", model, "-f", self.folder / name, "--no-bos", "--json")["tokens"]


class Scratch(ScratchCase):
    def test_learns(self):
        """The loss of held-back text falls far below what the tokens' frequencies alone give, and the
        file is one that every other command takes."""
        result = self.train(self.config(max_steps=150, shape=", tie_word_embeddings: true, outtype: f32"))
        model = self.folder / "out" / "model.gguf"
        self.assertEqual(result["steps"], 150)
        # Nothing is known at first: all 330 tokens are about as likely.
        self.assertAlmostEqual(result["loss_before"], math.log(330), delta=0.1)
        counts = Counter(self.ids(model, "text.txt"))
        held = self.ids(model, "valid.txt")
        total = sum(counts.values()) + 330
        unigram = -sum(math.log((counts[token] + 1) / total) for token in held) / len(held)
        self.assertLess(result["loss_after"], 0.5 * unigram)

        text = self.json("run", model, "-p", "the king loses", "-n", 3, "--temp", 0, "--json")["text"]
        self.assertTrue(text.startswith(" his"), text)
        found = self.json("inspect", model, "--json")
        self.assertEqual(found["architecture"], "llama")
        perplexity = self.json("perplexity", model, "-f", self.folder / "valid.txt", "-c", 32, "--json")["ppl"]
        self.assertLess(math.log(perplexity), 0.5 * unigram)
        self.done("quantize", model, self.folder / "q8.gguf", "Q8_0")
        self.done("run", self.folder / "q8.gguf", "-p", "the queen", "-n", 2)

    def test_stopped(self):
        """A run that is stopped, or whose initial file is lost, ends with the same bytes."""
        keys = {"max_steps": 40, "save_steps": 3}
        self.train(self.config("whole.yaml", **keys, output_dir=self.folder / "whole"))
        config = self.config(**keys)
        process = subprocess.Popen([LLMC, "train", "--scratch", str(config)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and not list((self.folder / "out").glob("checkpoint-*")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate()
        (self.folder / "out" / "initial.gguf").unlink()
        result = self.train(config)
        self.assertGreater(result["resumed_from"], 0)
        for name in ["initial.gguf", "model.gguf"]:
            same = (self.folder / "out" / name).read_bytes() == (self.folder / "whole" / name).read_bytes()
            self.assertTrue(same, name)
        # The config that a run leaves says the same.
        again = self.train(self.folder / "out" / "resolved-config.yaml")
        self.assertEqual(again["resumed_from"], 40)
        # Another model does not go on from this one's checkpoints.
        self.refused_last(FAILED, "train", "--scratch", config, "--set", "scratch.hidden_size=64",
                          tells=["checkpoint-000040.safetensors", "scratch.hidden_size was 32 and is 64"])

    def refused_last(self, code, *arguments, tells):
        """As refused(), where lines that tell what is done come before the error."""
        result = llmc(*arguments)
        lines = result.stderr.decode().splitlines()
        self.assertEqual(result.returncode, code, lines)
        self.assertEqual(result.stdout, b"")
        self.assertTrue(lines[-1].startswith("llmc: error: "), lines)
        for part in tells:
            self.assertIn(part, lines[-1])

    def test_types_of_the_result(self):
        for name, shown in [("f16", "F16"), ("bfloat16", "BF16"), ("f32", "F32")]:
            self.train(self.config(max_steps=1, output_dir=self.folder / name, shape=f", outtype: {name}"))
            tensors = self.json("inspect", self.folder / name / "model.gguf", "--tensors", "--json")["tensors"]
            types = {tensor["name"]: tensor["type"] for tensor in tensors}
            self.assertEqual(types["blk.1.ffn_down.weight"], shown)
            self.assertEqual(types["token_embd.weight"], shown)
            self.assertEqual(types["blk.0.attn_norm.weight"], "F32")

    def test_tokenizer_of_another_model(self):
        config = self.config(max_steps=2)
        config.write_text(config.read_text().replace("vocab_size: 330, ", ""))
        self.train(config, "--tokenizer", MODEL)
        model = self.folder / "out" / "model.gguf"
        for prompt in ["the king", "ROMEO:\n  \u20ac"]:
            arguments = ["-p", prompt, "--json"]
            self.assertEqual(self.done("tokenize", model, *arguments), self.done("tokenize", MODEL, *arguments))

    def test_plan(self):
        scratch = self.folder / "tmp"
        scratch.mkdir()
        plan = self.json("train", "--scratch", self.config(), "--plan", "--json",
                         env={**os.environ, "TMPDIR": str(scratch)})
        head = 330 * 32
        layer = 32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 64 + 2 * 32
        self.assertEqual(plan["parameters"], 2 * head + 2 * layer + 32)
        self.assertFalse((self.folder / "out").exists())
        self.assertEqual(list(scratch.iterdir()), [])

    def test_print_config(self):
        text = self.done("train", "--scratch", self.config(), "--print-config", "--tokenizer", MODEL).decode()
        for line in ["  hidden_size: 32", "  vocab_size: 330", "fine_tune_type: full", f'  tokenizer: "{MODEL}"']:
            self.assertIn("\n" + line + " ", text)


    def test_make_shakespeare(self):
        """The script that makes the model of tests/models, with a small one."""
        small = [f"scratch.{key}" for key in ["vocab_size=330", "hidden_size=32", "num_hidden_layers=1",
                                              "intermediate_size=32", "num_key_value_heads=8"]]
        keys = [*small, "max_steps=2", "max_seq_length=64"]
        options = [word for key in keys for word in ("--set", key)]
        self.file("plays.txt", sentences(2500, 3))
        result = subprocess.run([TOOLS / "make-shakespeare", self.folder / "plays.txt", self.folder / "made", *options],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        text = result.stdout.decode()  # valid UTF-8 without control characters, whatever a model says
        self.assertEqual([c for c in text if c < " " and c not in "\n\t"], [])
        lines = [line for line in text.splitlines() if "bits a byte" in line]
        self.assertEqual([line.split(":")[0] for line in lines],
                         ["tests/models/shakespeare-f16.gguf", str(self.folder / "made" / "out" / "model.gguf")])
        result = subprocess.run([TOOLS / "make-shakespeare"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 2)
        self.assertIn("PLAYS.txt", result.stderr.decode())


class ScratchErrors(ScratchCase):
    def test_errors(self):
        """One line that names file, place and remedy, exit 1, and nothing is written."""
        for keys, tells in [
            ({"shape": ", head_dim: 7"}, ["config.yaml", "scratch.head_dim", "give heads of an even size"]),
            ({"scratch": "{num_attention_heads: 7}"}, ["scratch.num_attention_heads", "does not divide hidden_size"]),
            ({"scratch": "{num_key_value_heads: 5}"}, ["scratch.num_key_value_heads", "give a divisor"]),
            ({"scratch": "{vocab_size: 50000}"}, ["config.yaml", "scratch.vocab_size", "give at most "]),
            ({"scratch": "{vocab_size: 265}"}, ["config.yaml", "scratch.vocab_size", "give more"]),
            ({"scratch": "{vocab_size: 9}"}, ["config.yaml:4", "scratch.vocab_size", "out of range"]),
            ({"scratch": "{architecture: gpt5}"}, ["config.yaml:4", "gpt5", "give llama"]),
            ({"scratch": "{hiden_size: 64}"}, ["hiden_size", "did you mean scratch.hidden_size?"]),
            ({"scratch": "{hidden_size: 65536, num_hidden_layers: 1024, vocab_size: 330}"},
             ["out: ", " weights need ", "or the model smaller"]),
            ({"shape": ", context_length: 16"}, ["scratch.context_length", "max_seq_length 32"]),
            ({"shape": f", tokenizer: {self.folder / 'none.gguf'}"}, ["scratch.tokenizer", "none.gguf"]),
            ({"shape": f", tokenizer: {MODEL}"}, ["scratch.vocab_size", "has 2048 tokens", "remove vocab_size"]),
            ({"model": MODEL}, ["config.yaml: model: ", "--scratch makes the model", "remove it"]),
            ({"train_mode": "dpo"}, ["config.yaml: train_mode: dpo", "train_mode: sft"]),
            ({"data": None}, ["config.yaml: data is not given"]),
            ({"data": self.folder / "none.txt"}, ["none.txt"]),
            ({"data": self.file("empty.txt", "\n \n")}, ["empty.txt", "nothing in the file"]),
            ({"data": self.file("bad.jsonl", '{"text": "a"}\n{"text":\n')}, ["bad.jsonl:2"]),
        ]:
            with self.subTest(keys=keys):
                self.refused(FAILED, "train", "--scratch", self.config(**keys), tells=tells)
                self.assertFalse((self.folder / "out").exists())

    def test_usage(self):
        config = self.config()
        self.refused(WRONG_USAGE, "train", "--scratch", config, "--lora", config, tells=["--scratch"])
        self.refused(WRONG_USAGE, "train", "--lora", config, "--tokenizer", MODEL, tells=["--scratch"])
        self.refused(WRONG_USAGE, "train", tells=["--scratch CONFIG.yaml"])
        self.refused(FAILED, "train", "--scratch", self.folder / "none.yaml", tells=["none.yaml"])


if __name__ == "__main__":
    unittest.main()
