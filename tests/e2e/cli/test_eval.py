"""llmc eval: options, errors, and evaluations that are stopped."""

import json
import os
import pty
import signal
import subprocess
import unittest

from llmc_case import DONE, FAILED, INTERRUPTED, LLMC, MODEL, MODELS, WRONG_USAGE, LlmcCase, llmc
from test_lora import adapter


class Eval(LlmcCase):
    def data(self, *records, name="data.jsonl"):
        return self.file(name, "".join(json.dumps(record) + "\n" for record in records))

    def pairs(self, count):
        return self.data(*[{"prompt": f"Enter {i}", "completion": " and the king"} for i in range(count)])

    def evaluate(self, data, *options):
        return self.json("eval", MODEL, "--data", data, "--json", "-t", 1, *options)

    def test_table(self):
        path = self.file("a.gguf", adapter(value=40.0))
        data = self.data({"prompt": "The king", "completion": " is dead."}, {"text": "Enter the king of France."},
                         {"question": "Who enters?", "choices": ["the king", "xylophones"], "answer": "A"})
        result = llmc("eval", MODEL, "--data", data, "--lora", path, "--merged", "keep,Q8_0", "-t", 1)
        self.assertEqual(result.returncode, DONE, result.stderr)
        text = result.stdout.decode()
        for part in ["data.jsonl", "base", "adapter", "merged Q8_0", "exact match", "acc_norm", "completion perplexity",
                     "text loss", "adapter against base", "merged Q8_0 against adapter", "won", "nats per token",
                     "No difference that can be measured on 1 records"]:
            self.assertIn(part, text)
        header, *rows = text.splitlines()[1:9]
        self.assertEqual(len({len(row) for row in (header, *rows)}), 1, text)

    def test_verdict(self):
        """An adapter that spoils everything is found out, and one of scale 0 changes nothing."""
        path, data = self.file("a.gguf", adapter(value=40.0)), self.pairs(12)
        (comparison,) = self.evaluate(data, "--lora", path)["comparisons"]
        self.assertIn("Worse by more than chance: completion loss", comparison["verdict"])
        self.assertGreater(comparison["metrics"]["completion_loss"]["change"], 0)
        (comparison,) = self.evaluate(data, "--lora", f"{path}:0")["comparisons"]
        self.assertIn("No difference that can be measured on 12 records", comparison["verdict"])
        self.assertEqual(comparison["metrics"]["completion_loss"]["change"], 0)

    def test_limit_and_tasks(self):
        # "ab" is a token, but not that of an answer to "a".
        data = self.data({"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": " king"}, {"text": "a b c d"},
                         {"prompt": "a", "choices": ["b", "c"], "answer": 1})
        answer = self.evaluate(data, "--limit", 2)
        self.assertEqual(answer["records"], 2)
        self.assertEqual([answer["variants"][0]["metrics"][key]["records"] for key in ("exact_match", "completion_loss")],
                         [2, 2])
        for tasks, keys in [("exact", {"exact_match"}), ("choice", {"acc", "acc_norm"}),
                            ("exact,perplexity", {"exact_match", "completion_loss", "completion_ppl", "text_loss", "text_ppl"})]:
            self.assertEqual(set(self.evaluate(data, "--task", tasks)["variants"][0]["metrics"]), keys)

    def test_what_is_refused(self):
        data = self.data({"text": "a b c d"})
        self.refused(FAILED, "eval", MODEL, "--data", data, "-c", 1, tells=["data.jsonl:1", "needs 2 tokens"])
        self.refused(WRONG_USAGE, "eval", MODEL, "--data", data, "--records", data, tells=["--records"])

    def test_other_models(self):
        """Side by side with other files, as long as their tokens are the same."""
        data = self.pairs(4)
        other = MODELS / "shakespeare-Q2_K.gguf"
        answer = self.evaluate(data, "--compare", MODEL, "--compare", other)
        self.assertEqual([v["name"] for v in answer["variants"]], ["base", MODEL, str(other)])
        same, changed = answer["comparisons"][:2]
        self.assertEqual(same["metrics"]["completion_loss"]["change"], 0)
        self.assertNotEqual(changed["metrics"]["completion_loss"]["change"], 0)
        losses = [v["metrics"]["completion_loss"]["value"] for v in answer["variants"]]
        alone = self.json("eval", other, "--data", data, "--json", "-t", 1)["variants"][0]["metrics"]["completion_loss"]
        self.assertEqual(losses[2], alone["value"])

    def test_conversations(self):
        """By the chat template, or as training reads them."""
        question, answer = "Who is there?", "It is the king."
        data = self.data({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]},
                         {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]})
        out = self.folder / "out.jsonl"
        chat = ["--chat", "--chat-template", "chatml", "--system", "Be brief."]
        self.evaluate(data, *chat, "--records", out, "--max-tokens", 12, "--task", "exact")
        said = self.json("run", MODEL, "-p", question, *chat, "-n", 12, "--temp", 0, "--json", "-t", 1)["text"]
        for line in map(json.loads, out.read_text().splitlines()):
            self.assertTrue(line["base"]["text"] and said.startswith(line["base"]["text"]), (line, said))
        self.evaluate(data, "--records", out, "--max-tokens", 12, "--task", "exact")
        prompt = f"### Instruction:\n{question}\n\n### Response:\n"
        said = self.json("run", MODEL, "-p", prompt, "-n", 12, "--temp", 0, "--json", "-t", 1)["text"]
        for line in map(json.loads, out.read_text().splitlines()):
            self.assertTrue(said.startswith(line["base"]["text"]), (line, said))

    def test_errors(self):
        good = self.pairs(1)
        for arguments, tells in [
            (["--data", self.folder / "none.jsonl"], ["none.jsonl"]),
            (["--data", self.file("empty.jsonl", "\n \n")], ["empty.jsonl", "nothing in the file"]),
            (["--data", self.file("latin.jsonl", b'{"text": "a"}\n{"text": "\xe9"}')], ["latin.jsonl:2", "UTF-8"]),
            (["--data", self.file("cut.jsonl", '{"text": "a b"}\n{"text":\n')], ["cut.jsonl:2", "not JSON"]),
            (["--data", self.file("list.jsonl", '[{"text": "a b"}]')], ["list.jsonl:1", "jq"]),
            (["--data", self.data({"text": "a b"}, {"prompt": "a", "choices": ["b", "c"], "answer": "d"}, name="c.jsonl")],
             ["c.jsonl:2", "give its index"]),
            (["--data", self.data({"messages": [{"role": "user", "content": "a"}]}, name="m.jsonl")], ["m.jsonl:1", "answer"]),
            (["--data", self.data({"prompt": "a " * 300, "completion": "king"}, name="l.jsonl"), "-c", 64],
             ["l.jsonl:1", "larger -c"]),
            (["--data", good, "--task", "choice"], ["data.jsonl", "--task"]),
            (["--data", good, "--lora", self.file("other.gguf", adapter(width=128, rows=128))], ["other.gguf"]),
            (["--data", good, "--compare", self.folder / "none.gguf"], ["none.gguf"]),
            (["--data", good, "--records", self.folder / "none" / "out.jsonl"], ["out.jsonl"]),
        ]:
            with self.subTest(tells=tells):
                self.refused(FAILED, "eval", MODEL, *arguments, tells=tells)
        for arguments, tells in [([], ["--data"]), (["--data", good, "--merged"], ["--lora"]),
                                 (["--data", good, "--task", "speed"], ["speed"]), (["--data", good, "--limit", -1], ["-1"]),
                                 (["--data", good, "--lora", self.file("a.gguf", adapter()), "--merged", "Q9"], ["Q9"])]:
            with self.subTest(tells=tells):
                self.refused(WRONG_USAGE, "eval", MODEL, *arguments, tells=tells)

    def test_nothing_is_left(self):
        before = set(self.names())
        path, data = self.file("a.gguf", adapter()), self.pairs(1)
        place = self.folder / "tmp"
        place.mkdir()
        self.done("eval", MODEL, "--data", data, "--lora", path, "--merged", env={**os.environ, "TMPDIR": str(place)})
        self.assertEqual(list(place.iterdir()), [])
        self.assertEqual(set(self.names()) - before, {"a.gguf", "data.jsonl", "tmp"})

    def test_interrupted(self):
        """Ctrl-C: what is done so far is printed, with exit code 130."""
        data = self.data(*[{"prompt": f"Enter {i}", "completion": " the king" * 60} for i in range(3000)])
        out = self.folder / "out.jsonl"
        master, terminal = pty.openpty()
        process = subprocess.Popen([LLMC, "eval", MODEL, "--data", str(data), "--json", "--records", str(out), "-t", "1"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        shown = b""
        while b"records" not in shown:
            shown += os.read(master, 1000)
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(), INTERRUPTED)
        os.close(master)
        self.assertRegex(shown, rb"base +\d+ %  \d+ of 3000 records")
        answer = json.loads(output)
        self.assertTrue(answer["interrupted"])
        done = answer["variants"][0]["records"]
        self.assertTrue(0 < done < 3000)
        self.assertEqual(len(out.read_text().splitlines()), done)
        self.assertEqual(answer["variants"][0]["metrics"]["exact_match"]["records"], done)


if __name__ == "__main__":
    unittest.main()
