"""The page that --dump-phases writes, as its data and as a browser sees it."""

import base64
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import zlib

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--enable-logging=stderr", "--virtual-time-budget=20000"]
OWN, SHARED = 1, 2


class Tags(html.parser.HTMLParser):
    """The attributes of all elements, and the text of the element with an id."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(dict(attributes).get("id"))

    def handle_endtag(self, tag):
        if self.open:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1]:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def find(self, tag, **wanted):
        return [a for t, a in self.elements if t == tag and all(a.get(k.replace("_", "-")) == v for k, v in wanted.items())]


class Dump:
    """The data of a page, decoded without the page's own scripts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.page = (self.folder / "index.html").read_text()
        tags = Tags(self.page)
        (data,) = tags.find("script", id="data")
        text = base64.b64decode(tags.texts["data"])
        self.data = json.loads(zlib.decompress(text) if data["data-encoding"] == "deflate" else text)
        self.phases = {p["name"]: p for p in self.data["phases"]}
        self.names = list(self.phases)
        for phase in self.phases.values():
            phase["lines"] = phase["text"].splitlines()

    def symbol(self, phase, line):
        return next((s for s in self.phases[phase]["symbols"] if s["first"] <= line <= s["last"]), None)

    def origins(self, phase, line):
        """The lines of the phase before that a line comes from."""
        symbol = self.symbol(phase, line)
        if symbol and "users" in symbol:
            return symbol["users"]
        origin = self.phases[phase]["origins"][line - 1]
        return origin if isinstance(origin, list) else [origin] if origin else []

    def back(self, phase, line, to):
        """All lines of the phase `to`, further up, that a line comes from."""
        lines = {line}
        for index in range(self.names.index(phase), self.names.index(to), -1):
            lines = {origin for l in lines for origin in self.origins(self.names[index], l)}
        return lines

    def text(self, phase, line):
        return self.phases[phase]["lines"][line - 1]

    def find(self, phase, pattern):
        return [i + 1 for i, line in enumerate(self.phases[phase]["lines"]) if re.search(pattern, line)]


class Browser:
    """Pages as headless Chromium leaves them."""

    def __init__(self, profile):
        self.profile = profile

    def run(self, path, fragment, *flags):
        result = subprocess.run(
            [BROWSER, *FLAGS, f"--user-data-dir={self.profile}", *flags, f"{pathlib.Path(path).as_uri()}#{fragment}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        console = [line for line in result.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
        return result.stdout.decode(), console

    def tags(self, path, fragment):
        dom, console = self.run(path, fragment, "--dump-dom")
        return Tags(dom), console
