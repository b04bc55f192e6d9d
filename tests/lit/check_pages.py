#!/usr/bin/env python3
"""Fails when a page of the reference is not well-formed Markdown.

Of every page in the folder: one title, first; code blocks that end; tables whose rows have as many
cells as their head; links to pages and headings that are there; and README.md names every page.
Prints one line per fault.
"""

import argparse
import pathlib
import re
import sys


def slug(heading):
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Page:
    def __init__(self, path):
        self.name = path.name
        self.faults, self.headings = [], []
        self.links, self.code = [], []  # (line, text); of code, spans outside of blocks
        columns = None  # of the table that the line before belongs to
        fence = None
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if line.lstrip().startswith("```"):
                fence = None if fence else number
                continue
            if fence:
                continue
            if match := re.match(r"(#+) (.+)", line):
                self.headings.append((len(match[1]), match[2]))
            cells = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) - 1
            if not line.startswith("|"):
                columns = None
            elif columns is None:
                columns = cells
            elif cells != columns:
                self.faults.append(f"line {number} has {cells} cells in a table of {columns}")
            self.code += [(number, span) for span in re.findall(r"`([^`]+)`", line)]
            prose = re.sub(r"`[^`]*`", "``", line)
            self.links += [(number, link) for link in re.findall(r"\]\(([^)]*)\)", prose)]
        if fence:
            self.faults.append(f"line {fence} begins a code block that does not end")
        levels = [level for level, _ in self.headings]
        if levels[:1] != [1] or levels.count(1) != 1:
            self.faults.append("has no single title at its beginning")
        self.anchors = {slug(text) for _, text in self.headings}


def find_faults(pages):
    for page in pages.values():
        yield from (f"{page.name} {fault}" for fault in page.faults)
        for number, link in page.links:
            file, _, anchor = link.partition("#")
            target = pages.get(file or page.name)
            if not target:
                yield f"{page.name} line {number} links to {file}, which is not there"
            elif anchor and anchor not in target.anchors:
                yield f"{page.name} line {number} links to {link}, but there is no such heading"
    listed = {link for _, link in pages["README.md"].links} if "README.md" in pages else set()
    yield from (f"README.md does not name {name}" for name in sorted(set(pages) - listed - {"README.md"}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    pages = {path.name: Page(path) for path in sorted(folder.glob("*.md"))}
    faults = list(find_faults(pages))
    print("\n".join(faults) if faults else f"{len(pages)} pages")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
