"""llmc chat, and llmc run --chat."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from llmc_case import DONE, FAILED, INTERRUPTED, LLMC, MODEL, WRONG_USAGE, LlmcCase, llmc, read_bytes

# A play's form, which the model knows: speakers and what they say.
PLAY = """{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}ROMEO:
{{ m.content }}

{% else %}JULIET:
{{ m.content }}

{% endif %}{% endfor %}{% if add_generation_prompt %}JULIET:
{% endif %}"""


class ChatCase(LlmcCase):
    def setUp(self):
        super().setUp()
        self.play = self.file("play.jinja", PLAY)

    def options(self, *more):
        """Greedy and short, unless `more` says otherwise."""
        rest = [word for flag, value in [("--temp", 0), ("-n", 12)] if flag not in more for word in (flag, value)]
        return ["--chat-template", self.play, *rest, *more]

    def chat(self, text, *more, **options):
        return llmc("chat", MODEL, *self.options(*more), input=text.encode(), **options)

    def answers(self, text, *more):
        """What a chat whose input is `text` prints."""
        result = self.chat(text, *more)
        self.assertEqual(result.returncode, DONE, result.stderr.decode())
        return result.stdout.decode()

    def saved(self, text, *more):
        """The messages of a chat whose input is `text`."""
        path = self.folder / "saved.json"
        self.answers(text + f"/save {path}\n", *more)
        return json.loads(path.read_text())["messages"]

    def complete(self, prompt):
        """What the model says after a text, greedily."""
        return self.json("run", MODEL, "-p", prompt, "--temp", 0, "-n", 12, "--json")["text"]


class Run(ChatCase):
    def test_prompt_goes_through_the_template(self):
        answer = self.json("run", MODEL, "--chat", "-p", "What light?", "--system", "ACT I", *self.options("--json"))
        self.assertEqual(answer["text"], self.complete("ACT I\n\nROMEO:\nWhat light?\n\nJULIET:\n"))
        plain = self.json("run", MODEL, "-p", "ACT I\n\nROMEO:\nWhat light?\n\nJULIET:\n", "-n", 1, "--json")
        self.assertEqual(answer["prompt_tokens"], plain["prompt_tokens"])

    def test_names(self):
        echoed = self.done("run", MODEL, "--chat", "-p", "Hi", "--chat-template", "alpaca", "-n", 0, "--echo").decode()
        self.assertEqual(echoed, "### Instruction:\nHi\n\n### Response:\n")

    def test_refusals(self):
        self.refused(WRONG_USAGE, "run", MODEL, "-p", "x", "--system", "y", tells=["--chat"])
        self.refused(WRONG_USAGE, "run", MODEL, "-p", "x", "--chat-template", "y", tells=["--chat"])
        self.refused(FAILED, "run", MODEL, "-p", "x", "--chat", tells=["no chat template", "--chat-template", "chatml"])
        self.refused(FAILED, "run", MODEL, "-p", "x", "--chat", "--chat-template", "chatlm",
                     tells=["chatlm", "chatml"])
        broken = self.file("broken.jinja", "\n{% if %}")
        self.refused(FAILED, "run", MODEL, "-p", "x", "--chat", "--chat-template", broken, tells=["broken.jinja:2: "])
        raising = self.file("raising.jinja", "{{ raise_exception('No\nsystem messages') }}")
        self.refused(FAILED, "run", MODEL, "-p", "x", "--chat", "--chat-template", raising,
                     tells=["raising.jinja:1: No system messages"])
        empty = self.file("empty.jinja", "")
        self.assertEqual(self.json("run", MODEL, "-p", "x", "--chat", "--chat-template", empty, "-n", 0,
                                   "--json")["prompt_tokens"], 1)
        endless = self.file("endless.jinja", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")
        self.refused(FAILED, "run", MODEL, "-p", "x", "--chat", "--chat-template", endless,
                     tells=["endless.jinja:1: "])


class Pipe(ChatCase):
    def test_history(self):
        first = self.complete("ROMEO:\nWhat light?\n\nJULIET:\n")
        second = self.complete(f"ROMEO:\nWhat light?\n\nJULIET:\n{first}\n\nROMEO:\nSpeak!\n\nJULIET:\n")
        messages = self.saved("What light?\nSpeak!\n")
        self.assertEqual(messages, [
            {"role": "user", "content": "What light?"}, {"role": "assistant", "content": first},
            {"role": "user", "content": "Speak!"}, {"role": "assistant", "content": second}])

    def test_answers_are_all_of_the_output(self):
        first, second = (m["content"] for m in self.saved("What light?\nSpeak!\n") if m["role"] == "assistant")
        line = lambda text: text if text.endswith("\n") else text + "\n"
        self.assertEqual(self.answers("What light?\nSpeak!\n"), line(first) + line(second))
        # Without a newline at the end, with \r, with empty lines.
        self.assertEqual(self.answers("What light?\r\n\n  \nSpeak!"), line(first) + line(second))

    def test_cache_is_kept(self):
        error = self.chat("What light?\nSpeak!\n", "--stats").stderr.decode()
        reads = re.findall(r"prompt: (\d+) tokens, [\d.]+ tokens/s(?: \((\d+) before it kept\))?; generated: 12 ", error)
        self.assertEqual(len(reads), 2, error)
        self.assertEqual(reads[0][1], "")
        whole = self.json("run", MODEL, "-p", "ROMEO:\nWhat light?\n\nJULIET:\n", "-n", 1, "--json")["prompt_tokens"]
        self.assertEqual(int(reads[0][0]), whole)
        # The first answer's last token is sampled and not yet read.
        self.assertGreaterEqual(int(reads[1][1]), whole)
        self.assertLess(int(reads[1][0]), 25)

    def test_lines_and_blocks(self):
        def first(text):
            return self.saved(text)[0]["content"]

        self.assertEqual(first("one \\\ntwo\\\nthree\n"), "one \ntwo\nthree")
        self.assertEqual(first('"""\none\n\n/two\\\n"""\n'), "one\n\n/two\\")
        self.assertEqual(first('"""one\ntwo"""\n'), "one\ntwo")
        self.assertEqual(first('"""one line"""\n'), "one line")
        self.assertEqual(first('"""\nclosed\n"""\n'), "closed")
        self.assertEqual(first("//system is a word\n"), "/system is a word")
        self.assertEqual(first("/etc/hosts is a file\n"), "/etc/hosts is a file")
        # An end of the input ends a block, too.
        self.assertNotEqual(self.answers('"""\nhalf\n'), "")

    def test_commands(self):
        self.assertEqual(self.answers("/help\n").count("/regen"), 1)
        self.assertEqual(self.answers("/exit\nWhat light?\n"), "")
        self.assertEqual(self.answers(""), "")
        self.assertEqual([m["role"] for m in self.saved("a\n/clear\nb\n", "--system", "S")],
                         ["system", "user", "assistant"])
        self.assertEqual(self.saved("/system  Be brief. \na\n", "--system", "S")[0],
                         {"role": "system", "content": "Be brief."})
        self.assertEqual(self.saved("/system\na\n", "--system", "S")[0]["role"], "user")

    def test_regen(self):
        # Greedy, so that it is the same answer again.
        once, again = self.saved("a\nb\n"), self.saved("a\nb\n/regen\n")
        self.assertEqual(once, again)
        # And not with a temperature.
        path = self.folder / "drawn.json"
        drawn = self.chat(f"a\n/regen\n/save {path}\n", "--temp", 1.5, "--seed", 3)
        self.assertEqual(drawn.returncode, DONE)
        [_, last] = json.loads(path.read_text())["messages"]
        self.assertTrue(drawn.stdout.decode().rstrip("\n").endswith(last["content"].rstrip("\n")))
        self.assertNotEqual(drawn.stdout.decode().rstrip("\n"), last["content"].rstrip("\n") + "\n" + last["content"].rstrip("\n"))

    def test_save_and_load(self):
        messages = self.saved("What light?\n")
        path = self.folder / "saved.json"
        more = self.saved(f"/load {path}\nSpeak!\n")
        self.assertEqual(more[:2], messages)
        self.assertEqual(more, self.saved("What light?\nSpeak!\n"))
        self.saved("What light?\n")
        self.assertEqual(self.saved("Speak!\n", "--load", path), more)

    def test_bad_files(self):
        for name, content in [("text.json", "no JSON"), ("list.json", "[]"), ("none.json", '{"messages": 1}'),
                              ("role.json", '{"messages": [{"content": "x"}]}'),
                              ("content.json", '{"messages": [{"role": "user"}]}'),
                              ("number.json", '{"messages": [{"role": "user", "content": 5}]}'),
                              ("other.json", '{"messages": [{"role": "king", "content": "x"}]}'),
                              ("deep.json", "[" * 100000), ("bytes.json", b'{"messages": [{"role": "user", "content": "\xff"}]}')]:
            path = self.file(name, content)
            with self.subTest(name=name):
                self.refused(FAILED, "chat", MODEL, *self.options(), input=f"/load {path}\n".encode(), tells=[name])
                self.refused(FAILED, "chat", MODEL, *self.options("--load", path), tells=[name])
        self.refused(FAILED, "chat", MODEL, *self.options(), input=b"/load\n", tells=["/load needs"])
        self.refused(FAILED, "chat", MODEL, *self.options(), input=b"/save /no/such/folder/x\n", tells=["/no/such/folder"])
        self.refused(FAILED, "chat", MODEL, *self.options(), input=b"/nonsense\n", tells=["/nonsense", "/help"])
        self.refused(FAILED, "chat", MODEL, *self.options(), input=b"/regen\n", tells=["no message"])
        self.refused(FAILED, "chat", MODEL, *self.options(), input=b"a\xff\n", tells=["not UTF-8"])
        self.assertEqual([name for name in self.names() if "saved" in name or "tmp" in name], [])

    def test_full_context(self):
        result = self.chat("word " * 40 + "\n", "-c", "32")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("the context holds 32", result.stderr.decode())
        self.assertIn("/clear", result.stderr.decode())
        result = self.chat("What light?\n", "-c", "24", "-n", "-1", "--ignore-eos")
        self.assertEqual(result.returncode, DONE)
        self.assertIn("the context of 24 tokens is full; /clear", result.stderr.decode())
        result = self.chat("What light?\nSpeak!\n", "-c", "24", "-n", "-1", "--ignore-eos")
        self.assertEqual(result.returncode, FAILED)

    def test_ctrl_c_ends_a_script(self):
        process = subprocess.Popen([LLMC, "chat", MODEL, *map(str, self.options("-n", -1, "-c", 200000, "--ignore-eos"))],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(b"What light?\nSpeak!\n")
        process.stdin.flush()
        self.assertTrue(process.stdout.read(10))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED)

    def test_answers_end_at_the_end_of_a_turn(self):
        # The model's file, in which a newline ends the text.
        newline = self.json("tokenize", MODEL, "-p", "a\n", "--json")["tokens"][-1]
        whole, key = read_bytes(MODEL), b"tokenizer.ggml.eos_token_id"
        value = whole.index(key) + len(key) + 4
        model = self.file("ends.gguf", whole[:value] + newline.to_bytes(4, "little") + whole[value + 4:])
        text = self.json("run", MODEL, "-p", "ROMEO:\nWhat light?\n\nJULIET:\n", "--temp", 0, "-n", 50, "--json")["text"]
        line = text.split("\n")[0]
        self.assertNotIn(line, ["", text])
        result = llmc("chat", model, *self.options("-n", 50), input=b"What light?\n")
        self.assertEqual(result.stdout.decode(), line + "\n")


class Terminal(ChatCase):
    """A chat on a terminal of its own."""

    def start(self, *more):
        self.process, self.terminal = None, None
        leader, follower = pty.openpty()
        self.process = subprocess.Popen([LLMC, "chat", MODEL, *map(str, self.options(*more))], stdin=follower,
                                        stdout=follower, stderr=follower, start_new_session=True,
                                        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
        os.close(follower)
        self.terminal, self.output = leader, ""
        self.addCleanup(os.close, leader)
        self.addCleanup(self.process.kill)
        self.wait_for(r"Ctrl-D ends\.\r\n> $")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern, seconds=60):
        """Reads until what came since the last call matches; that is its result."""
        end = time.time() + seconds
        while not re.search(pattern, self.output):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.time()))
            if not ready:
                self.fail(f"no {pattern!r} in {self.output!r}")
            try:
                self.output += os.read(self.terminal, 4096).decode(errors="replace")
            except OSError:
                self.fail(f"the program ended at {self.output!r}")
        result, self.output = self.output, ""
        return result

    def exit_code(self):
        return self.process.wait(timeout=60)

    def test_talk(self):
        self.start()
        self.type("What light?\n")
        answer = self.wait_for(r"\n> $")
        self.assertGreater(len(answer), len("What light?\r\n> "))
        self.type("one\\\n")
        self.wait_for(r"\. $")
        self.type("two\n")
        self.wait_for(r"\n> $")
        self.type("/nonsense\n")
        self.assertIn("there is no command /nonsense", self.wait_for(r"\n> $"))
        self.type("\x04")
        self.assertEqual(self.exit_code(), DONE)

    def test_ctrl_c_stops_an_answer_only(self):
        self.start("-n", "-1", "-c", "200000", "--ignore-eos")
        self.type("What light?\n")
        self.wait_for(r"light\?\r\n[^\r]{3}")
        self.type("\x03")
        self.wait_for(r"\n> $")
        self.type("/clear\n")
        self.wait_for(r"\n> $")
        self.type("Speak!\n")
        self.wait_for(r"Speak!\r\n[^\r]{3}")
        self.type("\x03")
        self.wait_for(r"\n> $")
        self.type("\x03")
        self.wait_for(r"Ctrl-C again or Ctrl-D ends\)\r\n> $")
        self.type("\x03")
        self.assertEqual(self.exit_code(), INTERRUPTED)

    def test_sigterm_ends_an_answer_and_the_program(self):
        self.start("-n", "-1", "-c", "200000", "--ignore-eos")
        self.type("What light?\n")
        self.wait_for(r"light\?\r\n[^\r]{3}")
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.exit_code(), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
