#!/usr/bin/env python3
"""Writes the reference page of kernels from the code that llmc makes for each block format and CPU."""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re

import hot_loops


@dataclasses.dataclass
class Cpu:
    """What a core does in a cycle at most."""
    name: str
    about: str
    instructions: int
    vectors: int  # operations on vectors of the widest kind
    reads: int  # of memory, prefetches included
    loads: int  # of vectors of the widest kind
    tile_cycles: int = 0  # of a product of tiles; 0: it has none


CPUS = [
    Cpu("sapphirerapids", "AVX512-VNNI, for steps of many tokens AMX in bfloat16", 6, 2, 3, 2, 16),
    Cpu("cascadelake", "AVX512-VNNI", 4, 2, 2, 2),
    Cpu("haswell", "AVX2", 4, 3, 2, 2),
]

INTRODUCTION = """# Kernels

What one iteration of the hot loop of a matrix product does, counted in the assembly that
`llmc compile --emit=asm` prints for each [block format](BlockFormats.md) and CPU. The loop is the
innermost one: a block of 16 rows, or with several tokens a part of a block with its scales already at
hand.

- *Weights* are those of 16 rows that an iteration takes up, *bytes* how many they are in the file.
- *Products* multiply and add integers, *conversions* change between number formats, *FMA* scales sums
  or, for formats of floats, multiplies; *loads* are of vectors, without the values of one activation
  that are read into all lanes; *stack* counts vectors for which there was no register.
- *Cycles* is a bound from below: as long as the busiest of the core's resources in the table takes.
  Waiting for results, for memory and for one another comes on top.
- *Bytes/cycle* is the bound's speed of reading weights: times the clock in GHz, the GB/s of a core whose
  weights lie in its first-level cache. Where that is above the core's share of the read bandwidth that
  `llmc bench` measures, memory is the limit, and one token takes as long as reading the weights.
- *MAC/cycle* counts products of a weight and an activation.

What the bound counts with, for each cycle:

| CPU | Products with | Instructions | Vector operations | Reads | Vector loads | Cycles of a product of tiles |
| --- | ------------- | -----------: | ----------------: | ----: | -----------: | ---------------------------: |
"""
COLUMNS = ["Weights", "Bytes", "Instructions", "Products", "Conversions", "FMA", "Loads", "Prefetches", "Stack",
           "Cycles", "Bytes/cycle", "MAC/cycle"]


def table(first, rows):
    """`first`: headings in front of COLUMNS."""
    lines = [first + COLUMNS, ["---"] + ["--:"] * (len(first) + len(COLUMNS) - 1)] + rows
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n"


def least_cycles(cpu, loop):
    busy = [len(loop.lines) / cpu.instructions, loop.vector_operations() / cpu.vectors,
            loop.memory_reads() / cpu.reads, loop.counts()["loads"] / cpu.loads,
            loop.count("tdp") * cpu.tile_cycles]
    return max(busy)


def cells(cpu, loop, weights, tokens, bits):
    """Those of COLUMNS; `bits` per weight, None where weights do not come from the file."""
    counts = loop.counts()
    cycles = least_cycles(cpu, loop)
    size = weights * bits / 8 if bits else None
    return [weights, f"{size:g}" if size else "", len(loop.lines)] + [
        counts[name] for name in ["products", "conversions", "fma", "loads", "prefetches", "stack"]
    ] + [f"{cycles:.1f}", f"{size / cycles:.1f}" if size else "", f"{weights * tokens / cycles:.0f}" if tokens else ""]


def section(cpu, formats, assembly):
    """`formats`: (name, bits per weight); `assembly`: by format."""
    one, some, unpacked, tiles, panels = [], [], [], {}, {}
    for name, bits in formats:
        link = f"[`{name}`](BlockFormats.md#{name.lower()})"
        for function in hot_loops.function_names(assembly[name], rf"matmul\.{name}\.t\d+"):
            tokens = int(function.rpartition(".t")[2])
            loops = list(hot_loops.hot_loops(assembly[name], re.escape(function)))
            bytes_each = 1 if any(loop.counts()["products"] for loop in loops) else 4
            columns, loop = max(((loop.columns(tokens, bytes_each), loop) for loop in loops), key=lambda pair: pair[0])
            row = cells(cpu, loop, 16 * columns, tokens, bits)
            if tokens == 1:
                one.append([link] + row)
            else:
                some.append([link, tokens] + row)
        for loop in hot_loops.hot_loops(assembly[name], rf"unpack\.{name}"):
            # A line holds two columns of 16 rows, as bfloat16.
            unpacked.append([link] + cells(cpu, loop, 32 * loop.stores(), 0, bits))
        for loop in hot_loops.hot_loops(assembly[name], r"matmul\.amx\.\dx\d"):
            token_tiles, groups = map(int, loop.function.rpartition(".")[2].split("x"))
            tiles[16 * token_tiles, groups] = loop
        for loop in hot_loops.hot_loops(assembly[name], r"matmul\.panel\..*\.\dx\d"):
            kind, _, shape = loop.function.removeprefix("matmul.panel.").rpartition(".")
            tokens, groups = map(int, shape.split("x"))
            # The broadcast activations are halves of tiles of 12 tokens.
            panels[kind, groups] = [16 * groups, tokens] + cells(cpu, loop, 16 * groups * loop.columns(12, 1), tokens, None)
    text = f"## {cpu.name}\n\n### One token on {cpu.name}\n\n" + table(["Format"], one)
    text += f"### Several tokens on {cpu.name}\n\n" + table(["Format", "Tokens"], some)
    if tiles:
        text += (f"### Many tokens on {cpu.name}\n\nFormats of integers are unpacked to bfloat16 once for all "
                 "tokens of a step:\n\n" + table(["Format"], unpacked) +
                 "and then multiplied as tiles, the same for all of them:\n\n" +
                 table(["Rows", "Tokens"], [[16 * groups, tokens] + cells(cpu, loop, 16 * groups * 32, tokens, None)
                                            for (tokens, groups), loop in sorted(tiles.items())]))
    if panels:
        text += (f"### Many tokens on {cpu.name}\n\nFormats of integers are unpacked to panels once for all tokens of a "
                 "step: bytes, a scale for 16 or 32 of them and, for formats with one, a minimum. `offset` is what has "
                 "been added to make bytes unsigned. Panels of one kind are multiplied alike:\n\n" +
                 table(["Panel", "Rows", "Tokens"], [[f"`{kind}`"] + row for (kind, _), row in sorted(panels.items())]))
    return text


def compile_all(llmc, formats, folder):
    """The files of assembly by CPU and format."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        files = {cpu.name: {name: pool.submit(hot_loops.assembly, llmc, cpu.name, name, folder)
                            for name, _ in formats} for cpu in CPUS}
        return {cpu: {name: file.result() for name, file in by_format.items()} for cpu, by_format in files.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("formats", type=pathlib.Path, help="the page of block formats")
    parser.add_argument("llmc")
    parser.add_argument("folder", type=pathlib.Path, help="where assembly is written")
    arguments = parser.parse_args()

    formats = hot_loops.formats(arguments.formats)
    assembly = compile_all(arguments.llmc, formats, arguments.folder)
    text = INTRODUCTION
    for cpu in CPUS:
        limits = [cpu.instructions, cpu.vectors, cpu.reads, cpu.loads, cpu.tile_cycles or ""]
        text += f"| [`{cpu.name}`](#{cpu.name}) | {cpu.about} | {' | '.join(map(str, limits))} |\n"
    text += "\n" + "".join(section(cpu, formats, assembly[cpu.name]) for cpu in CPUS)
    temporary = arguments.page.with_suffix(".tmp")
    temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    temporary.replace(arguments.page)


if __name__ == "__main__":
    main()
