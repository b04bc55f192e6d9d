#!/usr/bin/env python3
"""Compiles what training multiplies in f32 for several CPUs and checks the hot loops: attention of
sequences and its adjoint, and the derivative by a weight.

Prints a table of the loops that multiply tiles, which store nothing; fails when one has a fault (see
hot_loops.py), or when there are not as many as tiles of sums are made of.
"""

import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "llmc-docs"))
import hot_loops

HEADS = 4
# Widest registers, and the multiplications of a step of a tile: 8 rows of 2 vectors, or 6 of a vector
# that takes two registers.
CPUS = {"sapphirerapids": ("zmm", 16), "cascadelake": ("zmm", 16), "haswell": ("ymm", 12)}
# Those of the derivative by a weight: 12 columns by 32 rows, or 4 by 16.
WEIGHT_MULTIPLICATIONS = {"zmm": 24, "ymm": 8}
# Products of tiles: scores and outputs; scores, their derivatives, and the three adjoints. Where the
# vectors of a query's adjoint are odd in number, the last has a loop of its own.
LOOPS = {"causal_attention": 2, "causal_attention_adjoint": 5}
# Elements of a head: whole lines, and not.
WIDTHS = (64, 128, 80)

PROGRAM = """
func.func @forward(%q: {row}, %k: {row}, %v: {row}) -> ({row}, {sums}) {{
  %y, %l = llm.causal_attention %q, %k, %v {how} : ({row}, {row}, {row}) -> ({row}, {sums})
  return %y, %l : {row}, {sums}
}}
func.func @adjoint(%dy: {row}, %q: {row}, %k: {row}, %v: {row}, %y: {row}, %l: {sums}) -> ({row}, {row}, {row}) {{
  %dq, %dk, %dv = llm.causal_attention_adjoint %dy, %q, %k, %v, %y, %l {how}
      : ({row}, {row}, {row}, {row}, {row}, {sums}) -> ({row}, {row}, {row})
  return %dq, %dk, %dv : {row}, {row}, {row}
}}
"""

WEIGHT = """
llm.parameter @w : tensor<512x256xf32> from "w"
func.func @f(%dy: tensor<?x512xf32>, %x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %w = llm.get_parameter @w : tensor<512x256xf32>
  %dx = llm.linear_transposed %dy, %w : tensor<?x512xf32>, tensor<512x256xf32> -> tensor<?x256xf32>
  %g = llm.outer %dy, %x : tensor<?x512xf32>, tensor<?x256xf32> -> tensor<512x256xf32>
  llm.accumulate_gradient %g into @w : tensor<512x256xf32>
  return %dx : tensor<?x256xf32>
}
"""


def program(width):
    how = f"heads {HEADS} kv_heads {HEADS} sequence 512 scale 0.125"
    return PROGRAM.format(row=f"tensor<?x{HEADS * width}xf32>", sums=f"tensor<?x{HEADS}xf32>", how=how)


def main():
    assemble, faulty = sys.argv[1], []

    def check(cpu, text, name, multiplications, expected):
        with tempfile.TemporaryDirectory() as folder:
            source, assembly = pathlib.Path(folder, "program.mlir"), pathlib.Path(folder, "program.s")
            source.write_text(text, encoding="utf-8")
            with open(assembly, "wb") as out:
                subprocess.run([assemble, source, cpu], stdout=out, check=True)
            loops = [loop for loop in hot_loops.hot_loops(assembly, name.replace(".", r"\."))
                     if loop.counts()["fma"] == multiplications and not loop.stores()]
        if len(loops) != expected:
            faulty.append(f"{cpu} {name} has {len(loops)} loops over tiles instead of {expected}")
        for loop in loops:
            faults = loop.faults(CPUS[cpu][0])
            print(f"{cpu:15} {name:52}", len(loop.lines), *loop.counts().values(), " ".join(faults) or "-")
            faulty.extend(f"{cpu} {name}: {fault}" for fault in faults)

    for cpu, (registers, multiplications) in CPUS.items():
        for width in WIDTHS:
            for function, expected in LOOPS.items():
                name = f"{function}.{HEADS}.{HEADS}.{width}.{width}.s512.w0"
                check(cpu, program(width), name, multiplications, expected)
        check(cpu, WEIGHT, "weight_adjoint.512x256", WEIGHT_MULTIPLICATIONS[registers], 1)
    print(*(f"FAULT {line}" for line in faulty), sep="\n")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
