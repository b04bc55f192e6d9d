"""llmc bench. What is timed is only held to be possible: the machine may be busy."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

from llmc_case import FAILED, INTERRUPTED, LLMC, MODEL, MODEL_F16, WRONG_USAGE, LlmcCase, read_bytes

KEYS = ["type", "threads", "test", "ms_per_token", "tokens_per_second", "stddev", "size_bytes",
        "bits_per_weight", "gb_per_second", "bandwidth_gb_per_second", "ppl"]
TESTS = ["-p", 8, "-n", 4, "-r", 2, "--read-buffer", 4]
TINY = [*TESTS, "-t", 1]
TEXT = """Now is the winter of our discontent
Made glorious summer by this sun of York;
And all the clouds that lour'd upon our house
In the deep bosom of the ocean buried.
""" * 4
# Embedding, output and the last norm; of each of 6 blocks the attention, the feed-forward and two norms.
PARAMETERS = 2 * 2048 * 256 + 256 + 6 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 768 * 256 + 2 * 256)
SVG = "{http://www.w3.org/2000/svg}"


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


class Bench(LlmcCase):
    def setUp(self):
        super().setUp()
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        self.environment = dict(os.environ, TMPDIR=str(self.temporary))

    def tearDown(self):
        self.assertEqual(list(self.temporary.iterdir()), [])

    def bench(self, *arguments, **options):
        return self.done("bench", *arguments, env=self.environment, **options).decode()

    def rows(self, *arguments):
        return json.loads(self.bench(*arguments, "-o", "json"))

    def table(self, *arguments):
        """The cells of the table's lines, without the rule."""
        lines = [line for line in self.bench(*arguments).splitlines() if line.startswith("|")]
        self.assertRegex(lines[1], r"^\|( -+:? \|)+$")
        del lines[1]
        rows = [cells(line) for line in lines]
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        return rows

    def test_help(self):
        text = self.bench("--help")
        for default in ["-p,--n-prompt N,...=512", "-n,--n-gen N,...=128", "-d,--n-depth N,...=0",
                        "-c,--ctx-size N=512", "-r,--repetitions N=5", "=md", "--compare FILE", "--svg FILE",
                        "--types all|TYPE,..."]:
            self.assertIn(default, text)

    def test_json(self):
        rows = self.rows(MODEL, *TESTS, "-t", "2,1", "-d", "0,5")
        self.assertEqual([(row["test"], row["threads"]) for row in rows],
                         [(test, threads) for threads in [2, 1]
                          for test in ["pp8", "tg4", "pp8 @ d5", "tg4 @ d5"]])
        for row in rows:
            self.assertEqual(list(row)[: len(KEYS)], KEYS)
            self.assertEqual(row["type"], "Q4_K_M")
            self.assertIsNone(row["ppl"])
            self.assertEqual(row["size_bytes"], os.path.getsize(MODEL))
            self.assertEqual(row["params"], PARAMETERS)
            self.assertEqual(row["repeats"], 2)
            self.assertAlmostEqual(row["ms_per_token"] * row["tokens_per_second"], 1000, places=6)
            for key in ["median_ms_per_token", "gb_per_second", "bandwidth_gb_per_second"]:
                self.assertGreater(row[key], 0, key)
            self.assertGreaterEqual(row["stddev"], 0)
            self.assertTrue(4 < row["bits_per_weight"] < 6)

    def test_bytes_that_are_read(self):
        # A type whose rows need no padding when they are packed.
        path = self.folder / "q8.gguf"
        self.done("quantize", MODEL_F16, path, "Q8_0")
        shallow, deep = (row["gb_per_second"] * 1e6 * row["ms_per_token"]
                         for row in self.rows(path, "-p", 0, "-n", 4, "-r", 1, "-t", 1, "-d", "0,100",
                                              "--read-buffer", 4))
        # 6 layers, 4 key/value heads, keys and values of 32 numbers in f16.
        position = 6 * 4 * (32 + 32) * 2
        self.assertAlmostEqual(deep - shallow, 100 * position, delta=1)
        # A row of the embedding, all of the others, and on average 2.5 positions.
        weights = sum(tensor["bytes"] / (tensor["shape"][1] if tensor["name"] == "token_embd.weight" else 1)
                      for tensor in self.json("inspect", path, "--tensors", "--json")["tensors"])
        self.assertAlmostEqual(shallow - 2.5 * position, weights, delta=1)

    def test_markdown(self):
        heading, prompt, generation = self.table(MODEL, *TINY)
        self.assertEqual(heading, ["model", "size", "params", "threads", "test", "t/s", "ms/token", "GB/s",
                                   "% of read"])
        self.assertEqual(prompt[0], "llama 5.8M Q4_K_M")
        self.assertEqual(prompt[2:5], ["5.77 M", "1", "pp8"])
        self.assertEqual(generation[4], "tg4")
        self.assertRegex(generation[5], r"^[\d.]+ ± [\d.]+$")
        self.assertGreater(float(generation[7]), 0)
        once = self.bench(MODEL, "-p", 0, "-n", 4, "-r", 1, "-t", 1, "--read-buffer", 4)
        self.assertNotIn("±", once)
        self.assertIn("; one repeat; ", once)
        # Prompts are not limited by memory; what fits a cache is marked.
        self.assertEqual(prompt[7:], ["", ""])
        cache = int(subprocess.run(["getconf", "LEVEL3_CACHE_SIZE"], capture_output=True).stdout or 0)
        fits = os.path.getsize(MODEL) < cache
        self.assertRegex(generation[8], r"^[\d.]+\*$" if fits else r"^[\d.]+$")
        *_, last, footnote = self.bench(MODEL, *TINY).splitlines() + ([] if fits else [""])
        self.assertRegex(last, r"^llmc \d+\.\d+\.\d+; means of 2 repeats; "
                               r"100 % is a plain read of 4\.00 MiB.* with 1 thread$")
        self.assertEqual(f"{cache / 2**20:.2f} MiB" in footnote, fits and cache < 2**30)

    def test_csv(self):
        arguments = [MODEL, *TINY, "--compare", self.llama_bench()]
        table = list(csv.reader(io.StringIO(self.bench(*arguments, "-o", "csv"))))
        self.assertEqual(table[0], list(self.rows(*arguments)[0]))
        self.assertEqual(table[0][: len(KEYS)], KEYS)
        self.assertEqual([len(row) for row in table], 3 * [len(table[0])])
        rows = [dict(zip(table[0], row)) for row in table[1:]]
        self.assertEqual([(row["type"], row["test"], row["ppl"]) for row in rows],
                         [("Q4_K_M", "pp8", ""), ("Q4_K_M", "tg4", "")])
        self.assertEqual(rows[0]["model"], MODEL)
        for row in rows:
            self.assertGreater(float(row["tokens_per_second"]), 0)

    def test_batches(self):
        rows = self.rows(MODEL, "-p", 0, "-n", 0, "-b", "4,2", "-r", 1, "-t", 1, "-d", 3, "--read-buffer", 4)
        self.assertEqual([row["test"] for row in rows], ["b1 @ d3", "b2 @ d3", "b4 @ d3"])
        for row, tokens in zip(rows, [1, 2, 4]):
            self.assertAlmostEqual(row["ms_per_step"] / row["ms_per_token"], tokens)
            self.assertAlmostEqual(row["relative_to_one_token"], row["ms_per_step"] / rows[0]["ms_per_step"])
        heading = self.table(MODEL, *TINY, "-b", 2)[0]
        self.assertEqual(heading[-2:], ["ms/step", "x one token"])

    def test_types(self):
        text = self.file("text.txt", TEXT)
        picture = self.folder / "types.svg"
        arguments = [MODEL_F16, *TINY, "--types", "q8_0,Q4_0", "-f", text, "-c", 32]
        rows = self.rows(*arguments, "--svg", picture)
        self.assertEqual([(row["type"], row["test"]) for row in rows],
                         [(name, test) for name in ["Q8_0", "Q4_0"] for test in ["pp8", "tg4"]])
        for name in ["Q8_0", "Q4_0"]:
            path = self.folder / f"{name}.gguf"
            self.done("quantize", MODEL_F16, path, name)
            expected = self.json("perplexity", path, "-f", text, "-c", 32, "-t", 1, "--json")
            for row in rows:
                if row["type"] == name:
                    self.assertEqual(row["size_bytes"], path.stat().st_size)
                    self.assertAlmostEqual(row["ppl"] / expected["ppl"], 1, places=5)
                    self.assertAlmostEqual(row["ppl_stderr"] / expected["stderr"], 1, places=4)

        root = xml.etree.ElementTree.parse(picture).getroot()
        self.assertEqual(root.tag, f"{SVG}svg")
        words = [element.text for element in root.iter(f"{SVG}text")]
        for word in ["Q8_0", "Q4_0", "tg4, 1 thread"]:
            self.assertEqual(words.count(word), 1, word)
        # The background and a bar for each type.
        self.assertEqual(len(list(root.iter(f"{SVG}rect"))), 3)
        self.assertEqual([value for element in root.iter() for name, value in element.items()
                          if name.endswith(("href", "src", "style"))], [])

    def test_table_of_types(self):
        text = self.file("text.txt", TEXT)
        heading, *rows = self.table(MODEL_F16, *TESTS, "-t", "1,2", "--types", "q8_0,copy", "-f", text, "-c", 32)
        self.assertEqual(heading, ["model", "measure", "Q8_0", "F16"])
        measures = [row[1] for row in rows]
        self.assertEqual(measures[:3], ["perplexity", "file size", "bits/weight"])
        for threads in [1, 2]:
            for measure in ["pp8 tok/s", "tg4 ms/tok", "tg4 GB/s", "tg4 % of read"]:
                self.assertIn(f"{measure} @ {threads}th", measures)
        self.assertEqual(float(rows[2][3]) // 1, 16)
        self.assertTrue(all(cell for row in rows for cell in row))

    def test_all_types(self):
        rows = self.rows(MODEL_F16, "--types", "all", "-p", 0, "-n", 1, "-r", 1, "-t", 1, "--read-buffer", 4)
        types = [row["type"] for row in rows]
        self.assertEqual(len(types), len(set(types)))
        for name in ["Q2_K", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_1", "Q6_K", "Q8_0", "IQ4_XS", "F16"]:
            self.assertIn(name, types)
        # Larger; without an importance matrix; without experts.
        for name in ["F32", "Q2_K_S", "MXFP4_MOE"]:
            self.assertNotIn(name, types)

    def test_made_up_weights(self):
        cut = self.file("cut.gguf", read_bytes(MODEL_F16)[:300000])
        tiny = ["-p", 0, "-n", 1, "-r", 1, "-t", 1, "--read-buffer", 4]
        self.refused(FAILED, "bench", cut, *tiny, tells=["cut.gguf"], env=self.environment)
        rows = self.rows(cut, "--splat-weights", "--types", "q8_0,q4_k_m", *tiny)
        whole = self.rows(MODEL_F16, "--types", "q8_0,q4_k_m", *tiny)
        for made_up, real in zip(rows, whole):
            self.assertEqual(made_up["type"], real["type"])
            self.assertAlmostEqual(made_up["bits_per_weight"], real["bits_per_weight"])
            self.assertAlmostEqual(made_up["size_bytes"] / real["size_bytes"], 1, delta=0.01)
            self.assertAlmostEqual(made_up["gb_per_second"] * made_up["ms_per_token"],
                                   real["gb_per_second"] * real["ms_per_token"])
        self.refused(WRONG_USAGE, "bench", "shape:tinyllama-1.1b", "--types", "q4_0", tells=["--splat-weights"])

    def test_compiled(self):
        path = self.folder / "m.llmc"
        self.done("compile", MODEL, "-o", path)
        compiled, source = self.rows(path, *TINY), self.rows(MODEL, *TINY)
        for key in ["type", "params", "test", "model_type"]:
            self.assertEqual([row[key] for row in compiled], [row[key] for row in source], key)
        self.refused(FAILED, "bench", path, "--types", "q8_0", tells=["m.llmc", "compiled"])

    def llama_bench(self, **changes):
        """What llama-bench -o json writes, in the keys that matter."""
        def entry(prompt, generated, rate, **more):
            return {"build_commit": "0", "model_type": "llama ?B Q4_K - Medium", "n_threads": 1, "n_prompt": prompt,
                    "n_gen": generated, "n_depth": 0, "avg_ts": rate, "stddev_ts": 0.5, **more, **changes}
        entries = [entry(8, 0, 7, n_threads=2), entry(8, 0, 9, n_depth=4), entry(8, 4, 11),
                   entry(8, 0, 100), entry(0, 4, 10, model_type="llama ?B Q4_0"), entry(0, 4, 50)]
        return self.file("peer.json", json.dumps(entries))

    def test_compare(self):
        rows = self.rows(MODEL, *TINY, "--compare", self.llama_bench())
        self.assertEqual([row["compared_tokens_per_second"] for row in rows], [100, 50])
        for row in rows:
            self.assertAlmostEqual(row["ratio"], row["tokens_per_second"] / row["compared_tokens_per_second"])
        heading, prompt, generation = self.table(MODEL, *TINY, "--compare", self.llama_bench())
        self.assertEqual(heading[-2:], ["llama.cpp t/s", "ratio"])
        self.assertEqual([prompt[-2], generation[-2]], ["100.0", "50.00"])
        heading, *rows = self.table(MODEL_F16, "--types", "q4_0,q8_0", *TINY, "--compare", self.llama_bench())
        by_measure = {row[1]: row[2:] for row in rows}
        self.assertEqual(by_measure["tg4 llama.cpp ms/tok @ 1th"], ["100.0", ""])
        self.assertEqual(by_measure["pp8 llama.cpp tok/s @ 1th"], ["", ""])

    def test_compare_with_earlier_run(self):
        before = self.rows(MODEL, *TINY)
        path = self.file("before.json", json.dumps(before))
        after = self.rows(MODEL, *TINY, "--compare", path)
        self.assertEqual([row["compared_tokens_per_second"] for row in after],
                         [row["tokens_per_second"] for row in before])
        lines = self.file("before.jsonl", "\n".join(map(json.dumps, before)))
        self.assertTrue(all(row["ratio"] > 0 for row in self.rows(MODEL, *TINY, "--compare", lines)))

    def test_compare_with_nothing_in_common(self):
        picture = self.folder / "a.svg"
        arguments = ["bench", MODEL, *TINY, "-o", "json", "--svg", picture, "--compare",
                     self.llama_bench(n_threads=64)]
        result = subprocess.run([LLMC, *map(str, arguments)], capture_output=True, env=self.environment)
        self.assertIn(b"peer.json: ", result.stderr)
        self.assertEqual([row["ratio"] for row in json.loads(result.stdout)], [None, None])
        xml.etree.ElementTree.parse(picture)

    def test_files_to_compare_that_are_none(self):
        for name, content in {"empty.json": "", "list.json": "[]", "words.json": "pp512 7 t/s",
                              "deep.json": "[" * 100000, "number.json": "[1]", "rate.json": '[{"avg_ts": "fast"}]',
                              "zero.json": '[{"avg_ts": 0}]', "other.json": '{"a": 1}'}.items():
            with self.subTest(name=name):
                self.refused(FAILED, "bench", MODEL, *TINY, "--compare", self.file(name, content),
                             tells=[name, "llama-bench -o json"])
        self.refused(FAILED, "bench", MODEL, "--compare", self.folder / "none.json", tells=["none.json"])

    def test_wrong_usage(self):
        for arguments, told in [(["-p", "0", "-n", "0"], "-n"), (["-r", "0"], "-r"), (["-t", "1,x"], "1,x"),
                                (["-t", "1000"], "1000"), (["-d", "-1"], "-1"), (["-b", "0"], "0"),
                                (["-n", "1,,2"], "1,,2"), (["-o", "xml"], "xml"), (["--types", "q9_9"], "q9_9"),
                                (["--types", "q4_0,"], "--types"), (["--allow-requantize"], "--types"),
                                (["--splat-weights", "-f", "x"], "-f")]:
            with self.subTest(arguments=arguments):
                self.refused(WRONG_USAGE, "bench", MODEL, *arguments, tells=[told])

    def test_failures(self):
        text = self.file("short.txt", "Few words.")
        self.refused(FAILED, "bench", MODEL, *TINY, "-f", text, tells=["short.txt"], env=self.environment)
        self.refused(FAILED, "bench", MODEL_F16, *TINY, "--types", "q8_0", "-f", text, tells=["short.txt", "Q8_0"],
                     env=self.environment)
        self.refused(FAILED, "bench", MODEL, *TINY, "--types", "q8_0", tells=["--allow-requantize"])
        self.refused(FAILED, "bench", MODEL, *TINY, "--svg", self.folder / "none" / "a.svg", tells=["none"])
        self.refused(FAILED, "bench", MODEL_F16, *TINY, "--types", "q8_0", tells=["TMPDIR"],
                     env=dict(os.environ, TMPDIR="/dev/null"))
        rows = self.rows(MODEL, *TINY, "--types", "q8_0", "--allow-requantize")
        self.assertEqual({row["type"] for row in rows}, {"Q8_0"})

    def interrupted(self, signals):
        """What the process ends with after as many Ctrl-C, the first while models are quantized and measured."""
        picture = self.folder / "a.svg"
        process = subprocess.Popen([LLMC, "bench", MODEL_F16, "--types", "q8_0,q4_0", "-p", "0", "-r", "10000", "-n",
                                    "64", "--svg", picture, "--read-buffer", "4"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        deadline = time.monotonic() + 60
        while not list(self.temporary.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(len(list(self.temporary.iterdir())), 1)
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
        self.assertEqual((output, error), (b"", b""))
        self.assertEqual(self.names(), ["temporary"])
        self.assertEqual(list(self.temporary.iterdir()), [])
        return process.returncode

    def test_interrupt_leaves_nothing(self):
        self.assertEqual(self.interrupted(1), INTERRUPTED)

    def test_second_interrupt_leaves_nothing(self):
        # The second comes while the first is handled, or the process is already gone.
        self.assertIn(self.interrupted(100), [INTERRUPTED, -signal.SIGINT])


if __name__ == "__main__":
    unittest.main()
