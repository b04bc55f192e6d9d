"""Random templates by a grammar that stays with what both interpreters print the same way."""

import random

VARIABLES = {
    "i": 7, "j": -3, "f": 2.5, "t": True, "n": None, "s": "Hello wörld", "e": "", "w": "  two\n lines \t",
    "o": "outer", "l": [3, 1, 2], "x": ["b", "A", "c", "a"], "d": {"k": 1, "role": "user", "z": [1, {"y": None}]},
    "m": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi\n"},
          {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {"a": 1.0, "b": "é"}}]},
          {"role": "tool", "content": "42", "id": 5}],
}


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.locals = []

    def one(self, *choices):
        return self.random.choice(choices)

    def number(self, depth):
        if depth <= 0:
            return self.one("i", "j", "f", "0", "1", "2", "-5", "3.25", "10", "1e3", "t")
        a, b = (lambda: self.number(depth - 1)), (lambda: self.number(depth - 1))
        return self.one(
            lambda: f"({a()} {self.one('+', '-', '*', '/', '//', '%')} {b()})",
            lambda: f"{a()} {self.one('+', '-', '*')} {b()}",
            lambda: f"-{a()}",
            lambda: f"({a()})|abs",
            lambda: f"{self.sequence(depth - 1)}|length",
            lambda: f"{self.text(depth - 1)}|length",
            lambda: f"({a()})|round({self.one('', '1', '2')})",
            lambda: f"{self.text(depth - 1)}|int({self.one('', '9')})",
            lambda: f"({a()})|{self.one('int', 'float')}",
            lambda: f"({a()} if {self.truth(depth - 1)} else {b()})",
            lambda: f"({self.text(depth - 1)}).{self.one('find', 'count')}({self.text(0)})",
            lambda: f"{self.one('l', '[1, 4, 2]')}|{self.one('sum', 'max', 'min', 'first', 'last')}",
            lambda: f"({self.one('i', 'j', '3')} ** {self.one('0', '2', '3')})",
        )()

    def text(self, depth):
        if depth <= 0:
            return self.one("s", "e", "w", "d.role", "'a'", "'l'", "\"o w\"", "'A-b c'", "'\\n'", "m[1].content",
                            "m[0]['role']", "'ÄÖ é'")
        a, b = (lambda: self.text(depth - 1)), (lambda: self.text(depth - 1))
        return self.one(
            lambda: f"({a()} + {b()})",
            lambda: f"({a()} ~ {self.any(depth - 1)})",
            lambda: f"({a()} * {self.one('2', '0', 'i')})",
            lambda: f"{a()}|{self.one('upper', 'lower', 'title', 'capitalize', 'trim', 'string', 'reverse')}",
            lambda: f"({a()}).{self.one('upper', 'lower', 'title', 'capitalize', 'strip', 'lstrip', 'rstrip', 'swapcase')}()",
            lambda: f"({a()}).{self.one('strip', 'lstrip', 'rstrip')}({b()})",
            lambda: f"({a()}).replace({self.text(0)}, {self.text(0)})",
            lambda: f"{a()}|replace({self.text(0)}, {self.text(0)})",
            lambda: f"({a()})[{self.bound()}:{self.bound()}]",
            lambda: f"({a()})[{self.bound()}:{self.bound()}:{self.one('2', '-1', '-2', '1')}]",
            lambda: f"{self.sequence(depth - 1)}|join({self.one('', self.text(0))})",
            lambda: f"{self.any(depth - 1)}|tojson{self.one('', '', '(indent=2)', '(sort_keys=true)')}",
            lambda: f"{self.any(depth - 1)}|string",
            lambda: f"({a()} if {self.truth(depth - 1)} else {b()})",
            lambda: f"{a()}|indent({self.one('', '2', '3, true', '2, false, true')})",
            lambda: f"{a()}|center({self.one('4', '9', '12')})",
            lambda: f"{a()}|truncate({self.one('5', '9', '8, true', '6, false, e, 0')})",
            lambda: f"({self.one(repr('%s/%s'), repr('%s: %5s|'))} % ({self.any(depth - 1)}, {a()}))",
            lambda: f"'%05.1f|%-6d|%+d|%x' % ({self.number(0)}, {self.number(0)}, i, i)",
            lambda: f"'{{}}-{{:>7}}|{{k}}'.format({self.any(depth - 1)}, {a()}, k={self.number(0)})",
            lambda: f"({a()})|default({b()}{self.one('', ', true')})",
            lambda: f"({a()}).removeprefix({self.text(0)}).removesuffix({self.text(0)})",
        )()

    def bound(self):
        return self.one("", "0", "1", "-1", "2", "-3", "100", "-100")

    def sequence(self, depth):
        if depth <= 0:
            return self.one("l", "x", "[]", "m", "[1, 'a', none]", "d.z", "(1, 2)", "(i,)", "range(4)|list")
        a = lambda: self.sequence(depth - 1)
        return self.one(
            lambda: f"[{self.any(depth - 1)}, {self.any(depth - 1)}]",
            lambda: f"({a()} + {a()})",
            lambda: f"({a()})[{self.bound()}:{self.bound()}:{self.one('', '2', '-1')}]",
            lambda: f"{a()}|reverse|list",
            lambda: f"({self.one('x', 'l')}|sort({self.one('', 'reverse=true', 'case_sensitive=true')}))",
            lambda: f"{self.one('x', 'l', 'l + l')}|unique|list",
            lambda: f"({self.text(depth - 1)}).split({self.one('', self.one(repr(' '), repr('l'), repr('o')))})",
            lambda: f"({self.text(depth - 1)}).{self.one('splitlines()', 'rsplit(None, 1)', 'partition(' + repr('l') + ')')}",
            lambda: f"{self.text(depth - 1)}|list",
            lambda: f"m|selectattr('{self.one('role', 'content', 'tool_calls', 'id')}'{self.test_argument()})|list",
            lambda: f"m|rejectattr('{self.one('role', 'content', 'tool_calls')}')|list",
            lambda: f"m|map(attribute='{self.one('role', 'content')}')|list",
            lambda: f"m|map(attribute='id', default={self.any(0)})|list",
            lambda: f"x|map('{self.one('upper', 'length', 'trim')}')|list",
            lambda: f"{a()}|{self.one('select', 'reject')}('{self.one('defined', 'string', 'number', 'none')}')|list",
            lambda: f"d.{self.one('items', 'keys', 'values')}()|list",
            lambda: f"d|{self.one('items|list', 'dictsort', 'list')}",
        )()

    def test_argument(self):
        return self.one("", ", 'defined'", ", 'equalto', 'user'", ", 'in', ['user', 'tool']", ", 'string'", ", 'none'")

    def mapping(self, depth):
        if depth <= 0:
            return self.one("d", "{}", "m[2]", "{'a': 1}")
        return self.one(lambda: f"{{'p': {self.any(depth - 1)}, {self.text(0)}: {self.any(depth - 1)}}}",
                        lambda: f"dict(d, q={self.any(depth - 1)})",
                        lambda: f"dict({self.one('d.items()', 'x|map(' + repr('list') + ')|map(' + repr('first') + ')|list')})"
                        if self.random.random() < 0.2 else "d")()

    def truth(self, depth):
        if depth <= 0:
            return self.one("t", "false", "n", "i", "e", "s", "l", "[]", "missing")
        a = lambda: self.truth(depth - 1)
        return self.one(
            lambda: f"not {a()}",
            lambda: f"({a()} {self.one('and', 'or')} {a()})",
            lambda: f"{self.number(depth - 1)} {self.one('<', '>', '<=', '>=', '==', '!=')} {self.number(depth - 1)}",
            lambda: f"{self.number(0)} < {self.number(0)} <= {self.number(0)}",
            lambda: f"{self.text(depth - 1)} {self.one('<', '>', '==', '!=', 'in', 'not in')} {self.text(depth - 1)}",
            lambda: f"{self.any(depth - 1)} {self.one('in', 'not in')} {self.sequence(depth - 1)}",
            lambda: f"{self.text(0)} in {self.mapping(depth - 1)}",
            lambda: f"{self.any(depth - 1)} {self.one('==', '!=')} {self.any(depth - 1)}",
            lambda: f"({self.any(depth - 1)}) is {self.one('', 'not ')}{self.test()}",
            lambda: f"({self.text(depth - 1)}).{self.one('startswith', 'endswith')}({self.one(self.text(0), '(' + repr('H') + ', ' + repr('a') + ')')})",
            lambda: f"({self.text(depth - 1)}).{self.one('isdigit', 'isalpha', 'isspace', 'isupper', 'islower', 'isalnum')}()",
            lambda: f"{self.one('missing', 'd.nothing', 'm[9]', 'n')} is {self.one('defined', 'undefined', 'none', 'string')}",
        )()

    def test(self):
        return self.one("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping",
                        "iterable", "sequence", "true", "false", "odd", "even", "divisibleby(2)", "divisibleby 3",
                        "eq(i)", "equalto 'a'", "in [1, 'a']", "sameas(none)", "lower", "upper", "ne(2)", "gt(1)")

    def any(self, depth):
        return self.one(self.number, self.text, self.sequence, self.mapping, self.truth,
                        lambda _: self.one("n", "m[0]", "missing", "d.k", "d['z'][1]", "m[-1].id", *self.locals))(depth)

    def sign(self):
        return self.one("", "", "", "-", "+")

    def tag(self, text):
        return "{%" + self.sign() + " " + text + " " + self.sign() + "%}"

    def output(self, depth):
        return "{{" + self.one("", "", "-") + " " + self.any(depth) + " " + self.one("", "", "-") + "}}"

    def space(self):
        return self.one("", " ", "\n", "\n  ", "  \n", "\n\n", "a", " b ", "\t")

    def body(self, depth, loop=False):
        parts = []
        for _ in range(self.random.randint(1, 3)):
            parts += [self.space(), self.statement(depth, loop), self.space()]
        return "".join(parts)

    def statement(self, depth, loop):
        if depth <= 0:
            return self.output(2)
        body = lambda loop=loop: self.body(depth - 1, loop)
        name = self.one("u", "v")
        choices = [
            lambda: self.output(3),
            lambda: "{#" + self.sign() + " note " + self.sign() + "#}",
            lambda: self.tag("if " + self.truth(2)) + body() + self.tag("elif " + self.truth(1)) + body()
            + self.tag("else") + body() + self.tag("endif"),
            lambda: self.tag("if " + self.truth(2)) + body() + self.tag("endif"),
            lambda: self.tag("for q in " + self.sequence(2) + self.one("", " if " + self.truth(1), " if q")) + body(True)
            + self.one("", self.tag("else") + body()) + self.tag("endfor"),
            lambda: self.tag("for k, v in d.items()") + body(True) + self.tag("endfor"),
            lambda: self.tag(f"set {name} = {self.any(3)}") + "{{ " + name + " }}",
            # Read in front: what Jinja takes a name for that is set behind an inner block's use of it is its own.
            lambda: "{{ o }}" + self.tag(f"set o = {self.any(3)}") + "{{ o }}",
            lambda: self.tag(f"set {name}{self.one('', ' | trim', ' | upper | replace(' + repr('A') + ', ' + repr('b') + ')')}")
            + body() + self.tag("endset") + "{{ " + name + " }}",
            lambda: self.tag("set ns = namespace(c=0, s='')") + self.tag("for q in " + self.sequence(1))
            + self.tag("set ns.c = ns.c + 1") + self.tag(f"set ns.s = {self.any(1)}") + self.tag("endfor")
            + "{{ ns.c }}{{ ns.s }}",
            lambda: self.tag(f"macro fn(a, b={self.any(1)})") + body(False) + "{{ a }}|{{ b }}" + self.tag("endmacro")
            + "{{ fn(" + self.one(self.any(1), self.any(1) + ", b=" + self.any(1), "b=1", "") + ") }}",
            lambda: self.tag("macro g(a)") + "<{{ caller(a) }}>" + self.tag("endmacro") + self.tag(f"call(y) g({self.any(1)})")
            + "{{ y }}" + body(False) + self.tag("endcall"),
            lambda: self.tag("filter " + self.one("upper", "trim", "indent(2)")) + body() + self.tag("endfilter"),
            lambda: self.tag(f"with y = {self.any(1)}") + "{{ y }}" + body() + self.tag("endwith"),
            lambda: self.tag("raw") + self.space() + "{{ i }}" + self.space() + self.tag("endraw"),
            lambda: self.tag("generation") + body() + self.tag("endgeneration"),
        ]
        if loop:
            choices += [
                lambda: "{{ loop." + self.one("index", "index0", "first", "last", "length", "revindex", "revindex0",
                                              "previtem", "nextitem", "cycle('o', 'p')", "changed(i)", "depth") + " }}",
                lambda: self.tag("if loop.index " + self.one("==", ">") + " 2") + self.tag(self.one("break", "continue"))
                + self.tag("endif"),
            ]
        return self.random.choice(choices)()


def random_cases(count, seed=0):
    for i in range(count):
        grammar = Grammar(seed * 1_000_003 + i)
        template = "{{ " + grammar.any(4) + " }}" if i % 2 else grammar.body(3)
        yield template, VARIABLES
