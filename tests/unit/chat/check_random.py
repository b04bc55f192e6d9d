"""Random templates, rendered by llmc and by Jinja. Usage: check_random.py PROGRAM [COUNT [SEED]]"""

import sys

try:
    import jinja2  # noqa: F401
except ImportError:
    print("python3-jinja2 is not there")
    sys.exit(77)

from jinja_oracle import Jinja, differences
from random_templates import random_cases


def main(program, count=1000, seed=0):
    cases = list(random_cases(int(count), int(seed)))
    wrong = list(differences(program, cases))
    for template, _, ours, theirs in wrong[:10]:
        print(f"{template!r}\n  llmc  {ours}\n  jinja {theirs!r}")
    jinja = Jinja()
    rendered = sum(isinstance(jinja.render(*case), str) for case in cases)
    print(f"{len(cases)} templates, {len(cases) - rendered} of them errors; {len(wrong)} differ")
    return 1 if wrong or rendered < 0.7 * len(cases) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
