#!/usr/bin/env python3
"""Fails when a dialect, operation, type, attribute or pass lacks documentation.

Reads every .td file under the given folders, relative to the first -I, through llvm-tblgen. Needed are:
a summary and a description with prose for all (attributes of an enumeration need no description: the
enumeration says it) and, for operations and types, an example that shows it. With --names, a pass also
needs a flag, a .cpp file beside the .td and a test in tests/lit of the same name. With --tests GLOB,...,
which may come several times, each operation must stand in one of these files. Prints one line per fault.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

KINDS = {
    "Dialect": "dialect",
    "Op": "operation",
    "TypeDef": "type",
    "AttrDef": "attribute",
    "PassBase": "pass",
}


def read_records(arguments, path):
    command = [arguments.tblgen, "-dump-json", str(path)]
    for include in arguments.include:
        command += ["-I", include]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def is_ours(records, kind, record):
    if kind == "PassBase":
        return True
    if kind == "Op":
        record = records[record["opDialect"]["def"]]
    elif kind != "Dialect":
        record = records[record["dialect"]["def"]]
    return record["cppNamespace"].startswith("::llmc")


def spell(records, kind, record):
    """What the example of an operation or type has in it."""
    if kind == "Op":
        return records[record["opDialect"]["def"]]["name"] + "." + record["opName"]
    return "!" + record["typeName"] if kind == "TypeDef" else None


def find_faults(records, kind, record):
    if not (record["summary"] or "").strip():
        yield "has no summary"
    description = record["description"] or ""
    examples = re.findall(r"```mlir\n(.*?)```", description, re.DOTALL)
    prose = re.sub(r"```.*?```", "", description, flags=re.DOTALL).strip()
    if not prose and "EnumAttr" not in record["!superclasses"]:
        yield "has no description" if not examples else "is described by nothing but an example"
    name = spell(records, kind, record)
    if name and not any(re.search(re.escape(name) + r"\b", example) for example in examples):
        yield f"has no example with {name}"


def find_pass_faults(root, folder, record):
    name = record["!name"]
    kebab = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    if not re.fullmatch(rf"(llm-|kernel-)?{kebab}", record["argument"]):
        yield f"has flag {record['argument']}, not llm-{kebab}"
    for file in (folder / f"{name}.cpp", pathlib.Path("tests/lit") / folder / f"{name}.mlir"):
        if not (root / file).exists():
            yield f"has no {file}"


def find_test_faults(records, record, tests):
    """`tests`: by globs, the text of their files."""
    name = spell(records, "Op", record)
    for globs, text in tests.items():
        if not re.search(re.escape(name) + r"\b", text):
            yield f"({name}) has no test in {globs}"


def read_files(root, globs):
    files = (path for glob in globs.split(",") for path in sorted(root.glob(glob)))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--tests", action="append", default=[], metavar="GLOB,...")
    parser.add_argument("--tblgen", required=True)
    parser.add_argument("-I", dest="include", action="append", required=True)
    arguments = parser.parse_args()

    root = pathlib.Path(arguments.include[0])
    tests = {globs: read_files(root, globs) for globs in arguments.tests}
    faults, checked = set(), set()
    for folder in arguments.folders:
        for path in sorted((root / folder).rglob("*.td")):
            records = read_records(arguments, path)
            for kind, noun in KINDS.items():
                for name in records["!instanceof"].get(kind, []):
                    record = records[name]
                    if not is_ours(records, kind, record):
                        continue
                    checked.add((noun, name))
                    found = list(find_faults(records, kind, record))
                    if kind == "PassBase" and arguments.names:
                        found += find_pass_faults(root, path.parent.relative_to(root), record)
                    if kind == "Op":
                        found += find_test_faults(records, record, tests)
                    faults.update(f"{noun} {name} {fault}" for fault in found)
    for fault in sorted(faults):
        print(fault)
    print(", ".join(f"{sum(n == noun for n, _ in checked)} x {noun}" for noun in KINDS.values()))
    return 1 if faults or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
