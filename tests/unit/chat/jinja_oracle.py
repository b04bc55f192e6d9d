"""Jinja2 as Hugging Face sets it up for chat templates, and the program that is compared with it."""

import datetime
import json
import subprocess

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = 1_700_000_000  # what strftime_now() formats, in UTC


class Generation(jinja2.ext.Extension):
    """{% generation %}, which marks what the assistant says and writes its body as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_same")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    result = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(
        NOW, datetime.timezone.utc).strftime(form)
    return result


class Jinja:
    def __init__(self):
        self.environment = environment()

    def render(self, template, variables):
        """The text, or the exception."""
        try:
            return self.environment.from_string(template).render(**variables)
        except Exception as error:  # Python's own errors come through a template, too
            return error


def render_all(program, cases):
    """What the program makes of each (template, variables): {"text"} or {"error"}."""
    lines = "".join(json.dumps({"template": template, "variables": variables, "now": NOW}) + "\n"
                    for template, variables in cases)
    done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True,
                          env={"TZ": "UTC"})
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def differences(program, cases):
    """Cases of which the program and Jinja think differently, with what each says."""
    jinja = Jinja()
    for (template, variables), ours in zip(cases, render_all(program, cases)):
        theirs = jinja.render(template, variables)
        same = ours.get("text") == theirs if isinstance(theirs, str) else "error" in ours
        if not same:
            yield template, variables, ours, theirs
