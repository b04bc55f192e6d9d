"""Templates and conversations of many kinds, rendered by llmc and by Jinja. Usage: check_conversations.py PROGRAM"""

import pathlib
import sys

try:
    import jinja2  # noqa: F401
except ImportError:
    print("python3-jinja2 is not there")
    sys.exit(77)

from conversations import requests
from jinja_oracle import Jinja, differences


def templates():
    folder = pathlib.Path(__file__).resolve().parent / "templates"
    for path in sorted(folder.glob("*.jinja")):
        text = path.read_text()
        yield path.name, text
        # As files of other systems have it, and with nothing at the end.
        yield path.name + " with \\r\\n", text.replace("\n", "\r\n")
        yield path.name + " without its last newline", text.rstrip("\n")


def main(program):
    cases = [(text, variables) for _, text in templates() for variables in requests()]
    names = {text: name for name, text in templates()}
    wrong = list(differences(program, cases))
    for template, variables, ours, theirs in wrong[:10]:
        print(f"{names[template]}: {variables}\n  llmc  {ours}\n  jinja {theirs!r}")
    jinja = Jinja()
    rendered = sum(isinstance(jinja.render(*case), str) for case in cases)
    print(f"{len(cases)} renderings, {len(cases) - rendered} of them errors; {len(wrong)} differ")
    # Most must be texts, or little was compared.
    return 1 if wrong or rendered < 0.7 * len(cases) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
