#!/usr/bin/env python3
"""Fails when a README of the source tree is not well-formed, or names a file that is not there.

Of every README.md under the folder: what check_pages.py wants of a page; links to files and headings
that are there; and names of files in backquotes. A name is looked for beside the page, from the
folder, and as the end of any path, and may leave out the ending. A word of capitals stands for any word (`HotLoops-CPU.test`), and
so does a star; braces list several names (`{rope,decoder}.py`). Prints one line per fault.
"""

import argparse
import fnmatch
import os
import pathlib
import re
import sys

from check_pages import Page

SOURCE = re.compile(r"[\w./{},*+-]+\.(?:cpp|h|td|py|test|cmake|mjs|md)")
PATH = re.compile(r"[\w./{},*+-]+/[\w./{},*+-]+")
SKIPPED = {"build", "Inputs"}


def walk(root):
    """All files and folders, as paths from the root."""
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in SKIPPED]
        here = pathlib.Path(folder).relative_to(root)
        yield from ((here / name).as_posix() for name in folders + files)


def expand(name):
    """The names that braces list."""
    match = re.search(r"\{([^{}]*)\}", name)
    if not match:
        return [name]
    return [whole for part in match[1].split(",")
            for whole in expand(name[: match.start()] + part + name[match.end() :])]


def is_there(name, folder, paths):
    """`name` in a page of `folder`."""
    name = name.rstrip("/")
    general = re.sub(r"(?<![A-Za-z])[A-Z]{2,}(?![A-Za-z])", "*", name)
    for pattern in (name, general, general + ".*"):
        beside = os.path.normpath(os.path.join(folder, pattern))
        if any(fnmatch.fnmatchcase(path, beside) or fnmatch.fnmatchcase("/" + path, "*/" + pattern)
               for path in paths):
            return True
    return False


def named_files(span, tops):
    """What in a span of code is the name of a source file, or a path from a folder at the root."""
    for word in span.split():
        if "..." in word:
            continue
        if SOURCE.fullmatch(word) or PATH.fullmatch(word) and word.split("/")[0] in tops:
            yield from expand(word)


def find_faults(root):
    paths = sorted(walk(root))
    tops = {path for path in paths if "/" not in path and (root / path).is_dir()}
    pages = {path: Page(root / path) for path in paths if path.split("/")[-1] == "README.md"}
    for path, page in pages.items():
        folder = os.path.dirname(path)
        yield from (f"{path} {fault}" for fault in page.faults)
        for number, link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(folder, file)) if file else path
            if target not in paths:
                yield f"{path} line {number} links to {file}, which is not there"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path} line {number} links to {link}, but there is no such heading"
        for number, span in page.code:
            for name in named_files(span, tops):
                if not is_there(name, folder, paths):
                    yield f"{path} line {number} names {name}, which is not there"
    if not pages:
        yield f"there is no README.md in {root}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    faults = list(find_faults(parser.parse_args().folder))
    print("\n".join(faults) if faults else "no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
