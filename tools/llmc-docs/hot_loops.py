"""The innermost loops of the functions of x86 assembly, and what they are made of.

A loop is what lies between a label and a jump back to it; the hot ones are the innermost loops with
products. Both the reference page of kernels and the tests of generated code are made from them.
"""

import dataclasses
import os
import re
import shutil
import subprocess

# The model whose code is looked at: a matrix of each kind, and no file.
SHAPE = "shape:tinyllama-1.1b"
PRODUCT = r"vpdpbusd|v?pmaddubsw|v?pmaddwd|tdpbf16ps|vfmadd\d+ps"
WIDE = "[xyz]mm"
# What is counted, by the instruction's text. An instruction may count in several columns.
COUNTS = {
    "products": r"(vpdpbusd|v?pmaddubsw|v?pmaddwd|tdpbf16ps)\b",
    "fma": r"vfn?m(add|sub)\d+ps\b",
    "conversions": r"v?cvt\w+\s",
    "broadcasts": r"(vpbroadcast\w+|vbroadcast\w+)\s|.*\{1to\d+\}",
    "loads": rf"(?!v?p?broadcast|prefetch)v?\w+\s+(.*,\s*)?-?\w*\([^)]*\)(?!\{{1to).*,\s*%{WIDE}\d+|tileloadd",
    "stores": rf"v?mov\w+\s+%{WIDE}\d+, .*\(",
    "prefetches": r"prefetch",
}


@dataclasses.dataclass
class Loop:
    function: str
    lines: list  # instructions, without labels and comments
    frame: set  # registers that point to the stack

    def count(self, pattern):
        return sum(bool(re.match(pattern, line)) for line in self.lines)

    def counts(self):
        counts = {name: self.count(pattern) for name, pattern in COUNTS.items()}
        return counts | {"stack": sum(map(self.on_stack, self.lines))}

    def stores(self):
        """Vectors that are stored elsewhere than on the stack."""
        return sum(bool(re.match(COUNTS["stores"], line)) and not self.on_stack(line) for line in self.lines)

    def memory_reads(self):
        """Prefetches are reads, too."""
        return sum("(" in line and not re.match(r"lea|v?mov\w*\s+[%$][^(]*, ", line) for line in self.lines)

    def vector_operations(self):
        """What takes an execution unit of vectors: no moves, no reads into all lanes, no zeros."""
        moves = rf"v?mov(dq|[au]p)|v?p?broadcast\w+\s+\S*\(|v?p?xor\w*\s+(%{WIDE}\d+), \2, |tile"
        return sum(bool(re.search(rf"%{WIDE}\d+", line)) and not re.match(moves, line) for line in self.lines)

    def on_stack(self, line):
        """Whether it moves or uses a vector that lies on the stack."""
        memory = re.search(r"\((%\w+)", line)
        return bool(memory and memory[1] in self.frame and re.search(rf"%{WIDE}\d+", line))

    def advance(self, bases):
        """The largest number of bytes that one of these registers is moved by in an iteration."""
        steps = [0]
        for line in self.lines:
            if (step := re.match(r"(add|sub)q\s+\$(-?\d+), (%\w+)", line)) and step[3] in bases:
                steps.append(int(step[2]) * (1 if step[1] == "add" else -1))
            elif (step := re.match(r"leaq\s+(\d+)\((%\w+)\), \2$", line)) and step[2] in bases:
                steps.append(int(step[1]))
        return max(steps)

    def columns(self, tile, bytes_each):
        """Columns of the weights that an iteration takes up: how far it walks along the activations."""
        bases = set()
        for line in self.lines:
            if re.match(COUNTS["broadcasts"], line) and (base := re.search(r"\((%\w+)\)", line)):
                bases.add(base[1])
        return self.advance(bases) // (tile * bytes_each)

    def faults(self, width):
        """What is wrong, sorted; `width` is the name of the CPU's widest registers, as "zmm". Names are
        stack     a vector is moved to or from the stack
        scalar    single floats are calculated with
        indexed   an operand of a product is in memory under an address with an index
        narrow    a vector is loaded that is narrower than the CPU's
        unaligned a vector is loaded from an address that is not known to be aligned
        """
        found = set()
        for line in self.lines:
            name = line.split()[0]
            memory = re.search(r"\((%\w+)?(,%\w+)?[^)]*\)", line)
            if self.on_stack(line):
                found.add("stack")
                continue
            if re.match(r"v?(add|sub|mul|div|min|max|sqrt|mov|u?comi|fn?m(add|sub)\d+|cvt\w+)s[sd]$", name):
                found.add("scalar")
            if memory and memory[2] and re.match(PRODUCT, line):
                found.add("indexed")
            if re.match(rf"v?mov(dqa|dqu|ap[sd]|up[sd])\w*\s+[^%]*\(.*%{WIDE}", line):
                if re.match(r"v?mov(dqu|up[sd])", name):
                    found.add("unaligned")
                if not re.search(rf"%{width}", line):
                    found.add("narrow")
        return sorted(found)


def formats(page):
    """Name and bits per weight of each format on the reference page of block formats."""
    rows = re.findall(r"^\| \[`(\w+)`\](?:[^|]*\|){4} ([\d.]+) \|", page.read_text(encoding="utf-8"), re.M)
    return [(name, float(bits)) for name, bits in rows]


def assembly(llmc, cpu, block_format, folder):
    """The file with the code of a model for a CPU; made anew when it is older than llmc."""
    path = folder / f"{cpu}.{block_format}.s"
    if path.exists() and path.stat().st_mtime > os.stat(shutil.which(llmc)).st_mtime:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{path.name}.{os.getpid()}"
    with open(temporary, "wb") as out:
        subprocess.run([llmc, "compile", f"{SHAPE}:{block_format}", "--splat-weights", "--emit=asm",
                        f"--target-cpu={cpu}"], stdout=out, check=True)
    return temporary.rename(path)


def functions(path, comment="#"):
    """Name and lines of each function, in order, without comments."""
    name, lines = None, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = re.sub(rf"\s*{comment}.*", "", line).strip()
            if label := re.match(r'"?([A-Za-z_][\w.]*)"?:$', line):
                name, lines = label[1], []
            elif line.startswith(".Lfunc_end"):
                if name:
                    yield name, lines
                name, lines = None, []
            elif line:
                lines.append(line)


def function_names(path, pattern):
    """Those that match as a whole, in order."""
    return [name for name, _ in functions(path) if re.fullmatch(pattern, name)]


def innermost_loops(lines, jump=r"j\w+\s+"):
    """First and last line of each, in order. A jump is what `jump` matches and a label."""
    labels, loops = {}, []
    for number, line in enumerate(lines):
        if label := re.match(r"(\.LBB\w+):", line):
            labels[label[1]] = number
        elif (to := re.match(rf"(?:{jump})(\.LBB\w+)", line)) and to[1] in labels:
            loops.append((labels[to[1]], number))
    return [(first, last) for first, last in sorted(set(loops))
            if not any(first <= f and l <= last for f, l in loops if (f, l) != (first, last))]


def hot_loops(path, pattern):
    """Loops with products, of the functions whose whole name matches."""
    for name, lines in functions(path):
        if not re.fullmatch(pattern, name):
            continue
        frame = {"%rsp"}
        if any(re.match(r"movq\s+%rsp, %rbp", line) for line in lines):
            frame.add("%rbp")
        found = []
        for first, last in innermost_loops(lines):
            code = [line for line in lines[first:last + 1] if not re.match(r"\.", line)]
            loop = Loop(name, code, frame)
            # What divides applies an activation to sums.
            if loop.count(PRODUCT) and not loop.count("vdivps"):
                found.append(loop)
        integer = [loop for loop in found if loop.counts()["products"]]
        yield from integer or found
