"""llmc run."""

import json
import os
import signal
import subprocess
import time
import unittest

from llmc_case import DONE, FAILED, INTERRUPTED, LLMC, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase, llmc

# Greedy tokens of shakespeare-f16 after "ROMEO:", from llama.cpp (tests/oracle/check_peer_trained.py).
ROMEO = [13, 2020, 2004, 309, 448, 2004, 13, 327, 294, 2018, 276, 716, 417, 2004, 294, 2018, 276,
         716, 417, 2004, 13, 327, 294, 2018, 276, 716, 417, 2004, 294, 2018, 276, 716, 417, 2004,
         294, 2018, 276, 716, 291, 2014, 13, 13, 982, 2012, 13, 2009, 467, 261, 292, 473, 2005,
         303, 309, 448, 2004, 299, 294, 2018, 276, 716, 291, 2014, 13, 13]


class Run(LlmcCase):
    def test_greedy_tokens(self):
        for threads in [1, 2]:
            answer = self.json("run", MODEL_F16, "-p", "ROMEO:", "-n", 64, "--temp", 0, "-t", threads,
                               "--json")
            self.assertEqual(answer["tokens"], ROMEO)

    def test_json(self):
        answer = self.json("run", MODEL, "-p", "ROMEO:", "-n", 8, "--json")
        self.assertLessEqual({"prompt_tokens", "tokens", "text", "prompt_ms", "ms_per_token",
                              "tokens_per_second"}, set(answer))
        self.assertEqual(answer["prompt_tokens"], 3)
        self.assertEqual(len(answer["tokens"]), 8)
        self.assertAlmostEqual(answer["ms_per_token"] * answer["tokens_per_second"], 1000, places=3)
        self.assertAlmostEqual(answer["bandwidth_percent"],
                               100 * answer["gb_per_second"] / answer["bandwidth_gb_per_second"])

    def test_bytes_that_are_read(self):
        # A type whose rows need no padding when they are packed.
        answer = self.json("run", MODEL_F16, "-p", "ROMEO:", "-n", 8, "--json")
        # 6 layers, 4 key/value heads, keys and values of 32 numbers in f16. The first token comes with the prompt.
        position = 6 * 4 * (32 + 32) * 2
        steps = len(answer["tokens"]) - 1
        positions = sum(answer["prompt_tokens"] + i for i in range(1, steps + 1)) / steps
        weights = sum(tensor["bytes"] / (tensor["shape"][1] if tensor["name"] == "token_embd.weight" else 1)
                      for tensor in self.json("inspect", MODEL_F16, "--tensors", "--json")["tensors"])
        self.assertAlmostEqual(answer["gb_per_second"] * 1e6 * answer["ms_per_token"], weights + position * positions,
                               delta=1)

    def test_bandwidth_is_kept(self):
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.folder)}

        def bandwidth(*arguments):
            answer = self.json("run", MODEL, "-p", "x", "-n", 3, "--json", "-t", 1, *arguments, env=environment)
            return answer["bandwidth_gb_per_second"]

        def kept():
            return list((self.folder / "llmc").glob("read-bandwidth-*-1.txt"))

        self.assertGreater(bandwidth("--no-cache"), 0)
        self.assertEqual(kept(), [])
        first = bandwidth()
        [path] = kept()
        self.assertEqual(float(path.read_text()), round(first, 3))
        path.write_text("123.5")
        self.assertEqual(bandwidth(), 123.5)
        # An old value is measured again, and the largest counts.
        os.utime(path, (0, 0))
        self.assertEqual(bandwidth(), 123.5)
        self.assertGreater(path.stat().st_mtime, 0)
        for nonsense in ["", "-1", "nan", "inf", "1e300", "fast", "\0" * 100]:
            path.write_text(nonsense)
            self.assertTrue(0 < bandwidth() < 1e5, nonsense)

    def test_stream_is_the_text(self):
        arguments = ["run", MODEL, "-p", "JULIET:", "-n", 30, "--seed", 7, "-t", 1]
        text = self.json(*arguments, "--json")["text"]
        result = llmc(*arguments)
        self.assertEqual(result.stdout.decode().rstrip("\n"), text.rstrip("\n"))
        self.assertRegex(result.stderr.decode(), r"prompt: 3 tokens, .*generated: 30 tokens, [\d.]+ tokens/s, [\d.]+ ms/token, "
                         r"[\d.]+ GB/s, \d+ % of the read bandwidth of [\d.]+ GB/s")
        self.assertEqual(self.done(*arguments, "--echo").decode(), "JULIET:" + result.stdout.decode())

    def test_seed(self):
        def tokens(seed):
            return self.json("run", MODEL, "-p", "The", "-n", 30, "-t", 1, "--seed", seed,
                             "--json")["tokens"]

        self.assertEqual(tokens(1), tokens(1))
        self.assertNotEqual(tokens(1), tokens(2))

    def test_lengths(self):
        self.assertEqual(self.json("run", MODEL, "-p", "x", "-n", 0, "--json")["tokens"], [])
        full = self.json("run", MODEL, "-p", "ROMEO:", "-c", 20, "--ignore-eos", "--json")
        self.assertEqual(full["stop"], "context")
        # The last token needs no place of its own.
        self.assertEqual(full["prompt_tokens"] + len(full["tokens"]), 21)
        result = llmc("run", MODEL, "-p", "ROMEO:", "-c", 20, "--ignore-eos")
        self.assertEqual(result.returncode, DONE)
        self.assertIn(b"the context of 20 tokens is full", result.stderr)

    def test_prompts(self):
        path = self.file("prompt.txt", "ROMEO:")
        given = self.json("run", MODEL, "-p", "ROMEO:", "-n", 5, "--temp", 0, "--json")["tokens"]
        for arguments, options in [(["-f", path], {}), (["-f", "-"], {"input": b"ROMEO:"})]:
            self.assertEqual(self.json("run", MODEL, *arguments, "-n", 5, "--temp", 0, "--json",
                                       **options)["tokens"], given)
        self.assertEqual(self.json("run", MODEL, "-p", "", "-n", 1, "--json")["prompt_tokens"], 1)
        self.refused(WRONG_USAGE, "run", MODEL, tells=["-p"])
        self.refused(WRONG_USAGE, "run", MODEL, "-p", "x", "-f", path)
        self.refused(FAILED, "run", MODEL, "-f", self.folder / "none.txt", tells=["none.txt"])
        self.refused(FAILED, "run", MODEL, "-p", b"To be \xff or".decode("utf8", "surrogateescape"),
                     tells=["not UTF-8", "offset 6"])
        self.refused(FAILED, "run", MODEL, "-p", "word " * 300, tells=["256", "-c"])

    def test_more_context_than_memory(self):
        self.refused(FAILED, "run", MODEL, "-p", "x", "-c", 10**9, tells=["1000000000", "-c"])

    def test_f32_cache(self):
        self.assertEqual(self.json("run", MODEL_F16, "-p", "ROMEO:", "-n", 64, "--temp", 0, "--json",
                                   "--cache-type-k", "f32", "--cache-type-v", "f32")["tokens"], ROMEO)

    def test_ctrl_c(self):
        process = subprocess.Popen(
            [LLMC, "run", MODEL, "-p", "x", "-c", "200000", "--ignore-eos", "-t", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(process.stdout.read(10))
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertIn(b"generated: ", error)

    def test_ctrl_c_keeps_json_whole(self):
        process = subprocess.Popen(
            [LLMC, "run", MODEL, "-p", "x", "-c", "200000", "--ignore-eos", "-t", "1", "--json"],
            stdout=subprocess.PIPE)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertEqual(json.loads(output)["stop"], "interrupted")


if __name__ == "__main__":
    unittest.main()
