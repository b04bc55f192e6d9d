"""The generator and the scorer of life_boards.py."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from life_boards import WRAPS, after, neighbours, step

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE / "life_boards.py"


def board(*lines):
    return [[int(cell == "#") for cell in line] for line in lines]


class Rule(unittest.TestCase):
    def test_patterns(self):
        block = board("....", ".##.", ".##.", "....")
        self.assertEqual(step(block, WRAPS["none"]), block)
        blinker = board(".....", "..#..", "..#..", "..#..", ".....")
        turned = board(".....", ".....", ".###.", ".....", ".....")
        self.assertEqual(step(blinker, WRAPS["none"]), turned)
        self.assertEqual(after(blinker, WRAPS["xy"], 2), blinker)

    def test_glider_goes_around(self):
        glider = board(".#....", "..#...", "###...", "......", "......", "......")
        moved = after(glider, WRAPS["xy"], 4)
        self.assertEqual(moved, [row[-1:] + row[:-1] for row in glider[-1:] + glider[:-1]])
        self.assertEqual(after(glider, WRAPS["xy"], 24), glider)
        # In the corner it becomes a block.
        self.assertEqual(sum(map(sum, after(glider, WRAPS["none"], 24))), 4)

    def test_each_wrap(self):
        corner = board("#...", "....", "....", "....")
        for wrap, alive in {"none": 3, "x": 5, "y": 5, "xy": 8}.items():
            self.assertEqual(sum(map(sum, neighbours(corner, WRAPS[wrap]))), alive, wrap)
        self.assertEqual(neighbours(corner, WRAPS["x"])[0][3], 1)
        self.assertEqual(neighbours(corner, WRAPS["y"])[3][0], 1)
        self.assertEqual(neighbours(corner, WRAPS["xy"])[3][3], 1)


class Task(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def make(self, name, *options):
        subprocess.run([sys.executable, SCRIPT, "make", self.folder / name, *options], check=True, stdout=subprocess.PIPE)
        return {part: [json.loads(line) for line in (self.folder / name / f"{part}.jsonl").read_text().splitlines()]
                for part in ("train", "valid", "test")}

    def score(self, answer, name="a"):
        """With an llmc that writes what the Python expression says of the prompt."""
        fake = self.folder / "llmc"
        fake.write_text(f"#!{sys.executable}\nimport json, sys\nprompt = sys.argv[sys.argv.index('-p') + 1]\n"
                        f"known = {{}}\nfor line in open({str(self.folder / name / 'test.jsonl')!r}):\n"
                        "    record = json.loads(line)\n    known[record['prompt']] = record['completion']\n"
                        f"print(json.dumps({{'text': {answer}}}))\n")
        fake.chmod(0o755)
        done = subprocess.run([sys.executable, SCRIPT, "score", "m.gguf", self.folder / name / "test.jsonl", "--json"],
                              check=True, stdout=subprocess.PIPE, env={**os.environ, "LLMC": str(fake)})
        return json.loads(done.stdout)

    def test_same_seed(self):
        small = ["--train", "30", "--valid", "5", "--test", "5"]
        self.assertEqual(self.make("a", *small), self.make("b", *small))
        self.assertNotEqual(self.make("a", *small), self.make("b", *small, "--seed", "2"))

    def test_nothing_is_seen_twice(self):
        for style in "full", "compact":
            # There are 4 * 512 boards.
            parts = self.make("a", "--width", "3", "--height", "3", "--style", style, "--train", "1500", "--test", "200",
                              "--density", "0.5", "0.5")
            prompts = [record["prompt"].split("\n\n")[-2] if style == "full" else record["prompt"]
                       for records in parts.values() for record in records]
            wraps = [("wrap_x=True" in record["prompt"], "wrap_y=True" in record["prompt"])
                     for records in parts.values() for record in records]
            self.assertEqual(len(set(zip(prompts, wraps))), 1800)

    def test_answers_are_right(self):
        for options in [], ["--counts"], ["--generations", "3"], ["--width", "4-6", "--height", "2", "--wrap", "x"]:
            for record in self.make("a", *options, "--train", "50", "--valid", "0", "--test", "0")["train"]:
                prompt, _, question = record["prompt"].partition("# Input\n")
                before = [[int(cell) for cell in line.split(",")] for line in question.split("\n\n")[0].split("\n")]
                wrap = "wrap_x=True" in prompt, "wrap_y=True" in prompt
                answer = record["completion"].rpartition("# Output\n")[2]
                self.assertEqual([[int(c) for c in line.split(",")] for line in answer.splitlines()],
                                 after(before, wrap, 3 if "--generations" in options else 1))
                if "--counts" in options:
                    counts = record["completion"].split("\n\n")[0].split("\n")[1:]
                    self.assertEqual([[int(c) for c in line.split(",")] for line in counts], neighbours(before, wrap))

    def test_scores(self):
        for options in [], ["--counts"], ["--style", "compact"], ["--style", "compact", "--counts"]:
            self.make("a", *options, "--train", "0", "--valid", "0", "--test", "6")
            self.assertEqual(self.score("known[prompt]")["exact"], 6, options)
            self.assertEqual(self.score("' ' + known[prompt] + 'b a\\nmore'")["exact"], 6, options)
            self.assertEqual(self.score("known[prompt][:-2]")["exact"], 0, options)
            self.assertEqual(self.score("''"), {**self.score("'x'"), "exact": 0, "cells_right": 0})
        self.make("a", "--train", "0", "--valid", "0", "--test", "6")
        wrong = self.score("known[prompt].replace('1', '2').replace('0', '1').replace('2', '0')")
        self.assertEqual((wrong["exact"], wrong["cells_right"]), (0, 0))
        copied = self.score("prompt.split('# Input\\n')[1].split('\\n\\n')[0]")
        self.assertEqual(copied["exact"], copied["copy_exact"])

    def test_usage(self):
        for arguments in (["make", "x", "--width", "0"], ["make", "x", "--wrap", "z"], ["make", "x", "--train", "-1"], []):
            self.assertEqual(subprocess.run([sys.executable, SCRIPT, *arguments], cwd=self.folder,
                                            stderr=subprocess.PIPE).returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
