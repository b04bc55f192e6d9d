#!/usr/bin/env python3
"""A task for fine-tuning: the next state of a cellular-automaton board, from its text.

  life_boards.py make FOLDER [--train N] [--valid N] [--test N] [--width A-B] [--height A-B]
                 [--wrap random,none,x,y,xy] [--generations N] [--style full|compact] [--counts]
  life_boards.py score MODEL.gguf TEST.jsonl [--lora FILE[:SCALE]]... [--limit N] [--json]

`make` writes train.jsonl, valid.jsonl and test.jsonl, a {"prompt", "completion"} in each line. No
prompt is in two of them, so that test.jsonl tells what was learned and not what was remembered. The
rule is that of life: a live cell with 2 or 3 live neighbours stays alive, a dead one with 3 comes
alive. It is called SimonsCA1 in the text, so that a model does not answer from what it has read. With
wrap_x the left and right edges are neighbours, with wrap_y the upper and lower ones.

`full` is the text of the notes that the task is from. `compact` is for small models, which have few
tokens of context and know no digits: a token for each cell. `--counts` puts the number of live
neighbours of each cell before the answer, which lets a model work in two steps.

`score` has `llmc run` (from $LLMC, or the PATH) complete the prompts greedily, and counts the boards
that are exactly right; beside it, how many are when each prompt's own board is the answer.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys

WRAPS = {"none": (False, False), "x": (True, False), "y": (False, True), "xy": (True, True)}
STYLES = {
    # cells, dead and alive; what stands between them
    "full": ("01", ","),
    "compact": ("ab", " "),
}


def neighbours(board, wrap):
    """The number of live neighbours of each cell."""
    height, width = len(board), len(board[0])
    wrap_x, wrap_y = wrap

    def alive(y, x):
        if not wrap_y and not 0 <= y < height or not wrap_x and not 0 <= x < width:
            return 0
        return board[y % height][x % width]

    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    return [[sum(alive(y + dy, x + dx) for dy, dx in steps) for x in range(width)] for y in range(height)]


def step(board, wrap):
    counts = neighbours(board, wrap)
    return [[int(n == 3 or (n == 2 and cell)) for cell, n in zip(*rows)] for rows in zip(board, counts)]


def after(board, wrap, generations):
    for _ in range(generations):
        board = step(board, wrap)
    return board


def board_text(board, style):
    cells, separator = STYLES[style]
    return "".join(separator.join(cells[cell] for cell in row) + "\n" for row in board)


def counts_text(board, wrap, style):
    _, separator = STYLES[style]
    # A small model has letters, no digits.
    name = str if style == "full" else lambda n: "abcdefghi"[n]
    return "".join(separator.join(map(name, row)) + "\n" for row in neighbours(board, wrap))


def sample(board, wrap, options, rng):
    """{"prompt", "completion"} of one board."""
    answer = board_text(after(board, WRAPS[wrap], options.generations), options.style)
    if options.style == "full":
        wrap_x, wrap_y = WRAPS[wrap]
        facts = ["dead='0'", "live='1'", f"wrap_x={wrap_x}", f"wrap_y={wrap_y}"]
        if options.generations != 1:
            facts.append(f"generation={options.generations}")
        if options.counts:
            facts.append("alive_neighbor_count=True")
        rng.shuffle(facts)
        prompt = "SimonsCA1\n" + " ".join(facts) + "\n\n# Input\n" + board_text(board, "full") + "\n"
        if options.counts:
            answer = "# Alive neighbor count\n" + counts_text(board, WRAPS[wrap], "full") + "\n# Output\n" + answer
        else:
            prompt += "# Output\n"
    else:
        prompt = wrap + ("" if options.generations == 1 else f" {options.generations}") + "\n"
        prompt += board_text(board, "compact") + "then\n"
        if options.counts:
            answer = counts_text(board, WRAPS[wrap], "compact") + "then\n" + answer
    return {"prompt": prompt, "completion": answer}


def size(text):
    low, _, high = text.partition("-")
    low, high = int(low), int(high or low)
    if not 1 <= low <= high <= 64:
        raise argparse.ArgumentTypeError(f"{text}: a size is N or A-B, from 1 to 64")
    return low, high


def make(options):
    wraps = list(WRAPS) if "random" in options.wrap else options.wrap
    rng = random.Random(options.seed)
    seen = set()
    parts = {"test": options.test, "valid": options.valid, "train": options.train}
    written = {}
    for part, wanted in parts.items():
        lines, misses = [], 0
        while len(lines) < wanted and misses < 1000:
            width, height = rng.randint(*options.width), rng.randint(*options.height)
            density = rng.uniform(*options.density)
            board = [[int(rng.random() < density) for _ in range(width)] for _ in range(height)]
            wrap = rng.choice(wraps)
            key = (wrap, tuple(map(tuple, board)))
            # Of small boards there are not as many as one may ask for.
            if key in seen:
                misses += 1
                continue
            seen.add(key)
            misses = 0
            lines.append(sample(board, wrap, options, rng))
        written[part] = lines
    folder = pathlib.Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for part, lines in written.items():
        with open(folder / f"{part}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        print(f"{folder / part}.jsonl: {len(lines)} samples")
        if len(lines) < parts[part]:
            print(f"there are no more boards of this size than these; {parts[part]} were asked for")


def rows(text):
    """A text's lines as rows of cells, up to the first that is none; blanks and commas do not count."""
    result = []
    for line in text.strip("\n").split("\n"):
        cells = line.replace(",", " ").split()
        if not cells or any(cell not in ("0", "1", "a", "b") for cell in cells):
            break
        result.append([cell in ("1", "b") for cell in cells])
    return result


def judge(record, answer):
    """(whether the board is exact, right cells, cells, the right board) of what a model wrote."""
    wanted = record["completion"]
    for heading in "# Output\n", "then\n":
        if heading in wanted:
            wanted, answer = wanted.partition(heading)[2], answer.partition(heading)[2]
    wanted = rows(wanted)
    got = rows(answer)[: len(wanted)]
    right = sum(a == b for ours, theirs in zip(wanted, got) for a, b in zip(ours, theirs))
    return got == wanted, right, sum(map(len, wanted)), wanted


def question(record):
    """The text of the board that the prompt shows."""
    text = record["prompt"].removesuffix("then\n").removesuffix("# Output\n")
    return "\n".join(line for line in text.split("\n") if rows(line))


def score(options):
    llmc = os.environ.get("LLMC", "llmc")
    adapters = [part for adapter in options.lora for part in ("--lora", adapter)]
    with open(options.test, encoding="utf-8") as file:
        records = [json.loads(line) for line in file][: options.limit]
    exact = right = cells = copied = 0
    for record in records:
        # Each token has at least one character.
        tokens = len(record["completion"]) + 4
        done = subprocess.run([llmc, "run", options.model, "-p", record["prompt"], "-n", str(tokens), "--temp", "0",
                               "--json", "-t", str(options.threads), *adapters], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(done.returncode)
        judged = judge(record, json.loads(done.stdout)["text"])
        exact, right, cells = exact + judged[0], right + judged[1], cells + judged[2]
        copied += rows(question(record)) == judged[3]
        if options.verbose:
            print(record["prompt"] + json.loads(done.stdout)["text"] + f"\n[{'right' if judged[0] else 'wrong'}]\n")
    result = {"boards": len(records), "exact": exact, "cells": cells, "cells_right": right, "copy_exact": copied}
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{exact} of {len(records)} boards exact, {right} of {cells} cells right; "
              f"{copied} boards stay as they are")


def positive(text):
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text}: a number from 0 on")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make", help="write the samples")
    maker.add_argument("folder")
    maker.add_argument("--train", type=positive, default=5000)
    maker.add_argument("--valid", type=positive, default=100)
    maker.add_argument("--test", type=positive, default=100)
    maker.add_argument("--width", type=size, default=(3, 5), metavar="A-B")
    maker.add_argument("--height", type=size, default=(3, 5), metavar="A-B")
    maker.add_argument("--wrap", type=lambda text: text.split(","), default=["random"],
                       help="random, or some of none, x, y, xy, separated by commas")
    maker.add_argument("--generations", type=positive, default=1)
    maker.add_argument("--density", type=float, nargs=2, default=(0.2, 0.6), metavar="F",
                       help="share of live cells, from and to")
    maker.add_argument("--style", choices=list(STYLES), default="full")
    maker.add_argument("--counts", action="store_true")
    maker.add_argument("--seed", type=int, default=1)
    scorer = commands.add_parser("score", help="count the boards that a model gets right")
    scorer.add_argument("model")
    scorer.add_argument("test")
    scorer.add_argument("--lora", action="append", default=[], metavar="FILE[:SCALE]")
    scorer.add_argument("--limit", type=positive, default=None)
    scorer.add_argument("-t", "--threads", type=positive, default=1)
    scorer.add_argument("--json", action="store_true")
    scorer.add_argument("--verbose", action="store_true", help="also print what the model wrote")
    options = parser.parse_args()
    if options.command == "make":
        unknown = set(options.wrap) - set(WRAPS) - {"random"}
        if unknown:
            parser.error(f"--wrap: {', '.join(sorted(unknown))}: known are random, {', '.join(WRAPS)}")
        make(options)
    else:
        score(options)


if __name__ == "__main__":
    main()
