"""Exit codes, help, and files that are no models."""

import os
import subprocess
import unittest

from llmc_case import DONE, FAILED, LLMC, MODEL, WRONG_USAGE, LlmcCase, read_bytes

# And what each calls its first argument.
COMMANDS = {"run": "MODEL", "chat": "MODEL", "compile": "MODEL", "inspect": "MODEL", "tokenize": "MODEL", "perplexity": "MODEL",
            "quantize": "ARGUMENTS", "imatrix": "MODEL", "bench": "MODEL", "export-lora": "MODEL"}


class Usage(LlmcCase):
    def test_help_of_each_command(self):
        overview = self.done("--help").decode()
        for command in COMMANDS:
            self.assertIn(command, overview)
            self.assertIn(f"llmc {command}", self.done(command, "--help").decode())
        self.assertRegex(self.done("--version").decode(), r"^llmc \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        self.refused(WRONG_USAGE)
        self.refused(WRONG_USAGE, "nonsense", tells=["'nonsense'"])
        for command, argument in COMMANDS.items():
            self.refused(WRONG_USAGE, command, tells=[argument])
            self.refused(WRONG_USAGE, command, MODEL, "--no-such-flag", tells=["--no-such-flag"])

    def test_numbers_out_of_range(self):
        for flag, value in [("-t", "1000"), ("-t", "-1"), ("-c", "-1"), ("-c", "1e9"), ("-n", "-2"),
                            ("-n", "many"), ("-c", "99999999999999999999"), ("--temp", "nan"),
                            ("--top-p", "1.5"), ("--repeat-penalty", "0"), ("--seed", "-2"),
                            ("--cache-type-k", "q3"), ("--cache-type-v", "q3"), ("--target-cpu", "abacus")]:
            with self.subTest(flag=flag, value=value):
                self.refused(WRONG_USAGE, "run", MODEL, "-p", "x", flag, value,
                             tells=[flag.strip("-") if len(flag) > 2 else ""])

    def test_files_that_are_no_models(self):
        whole = read_bytes(MODEL)
        bad = {
            "empty.gguf": b"",
            "text.gguf": b"Friends, Romans, countrymen",
            "header.gguf": whole[:20],
            "metadata.gguf": whole[:5000],
            "tensors.gguf": whole[: len(whole) // 2],
            "last.gguf": whole[:-1],
        }
        for name, content in bad.items():
            path = self.file(name, content)
            for command in ["run", "perplexity", "inspect", "compile", "tokenize"]:
                text = {"run": ["-p", "x"], "tokenize": ["-p", "x"], "perplexity": ["-f", path]}
                with self.subTest(name=name, command=command):
                    self.refused(FAILED, command, path, *text.get(command, []), tells=[name])
        for path in [self.folder, self.folder / "missing.gguf", "/dev/null"]:
            self.refused(FAILED, "run", path, "-p", "x", tells=[str(path)])

    def test_unknown_architecture(self):
        whole = read_bytes(MODEL)
        path = self.file("other.gguf", whole.replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0zebra", 1))
        self.refused(FAILED, "run", path, "-p", "x", tells=["other.gguf", "zebra", "llama"])

    def test_without_home(self):
        for environment in [{}, {"HOME": "/nonexistent"}, {"XDG_CACHE_HOME": "/dev/null"}]:
            self.done("run", MODEL, "-p", "x", "-n", 1, "-t", 1, env=environment)

    def test_closed_streams(self):
        for closed in [0, 1, 2]:
            result = subprocess.run([LLMC, "run", MODEL, "-p", "x", "-n", "2", "-t", "1"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    preexec_fn=lambda: os.close(closed))
            self.assertEqual(result.returncode, DONE, closed)

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([LLMC, "tokenize", MODEL, "-p", "x"], stdout=full,
                                    stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(b"No space left", result.stderr)

    def test_reader_that_leaves(self):
        read, write = os.pipe()
        os.close(read)
        result = subprocess.run([LLMC, "run", MODEL, "-p", "x", "-t", "1"], stdout=write,
                                stderr=subprocess.PIPE,
                                restore_signals=True)
        os.close(write)
        self.assertEqual(result.stderr, b"")
        self.assertLess(result.returncode, 0)


if __name__ == "__main__":
    unittest.main()
