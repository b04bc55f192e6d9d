"""Object code runs only with this user's seal, in a .llmc as in the cache; all else is compiled again."""

import concurrent.futures
import json
import os
import pathlib
import stat
import tempfile
import unittest

from gguf_bytes import File
from hostile_case import FAILED, HostileCase, Outcome
from make_model import make_model

SEAL = 32


def home(folder):
    return {f"XDG_{kind}_HOME": str(pathlib.Path(folder, kind.lower())) for kind in ("CACHE", "CONFIG", "STATE")}


class Sealed(HostileCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.home = home(cls.shared.name)
        cls.raw = {}
        for dim in (32, 64):
            source, target = (pathlib.Path(cls.shared.name, f"{dim}{suffix}") for suffix in (".gguf", ".llmc"))
            make_model(str(source), dim=dim, layers=1, heads=2, ffn=64, vocab=270, type="Q8_0")
            outcome = Outcome(["compile", source, "-o", target, "-t", "1"], cls.home)
            assert outcome.code == 0, outcome.stderr
            cls.raw[dim] = target.read_bytes()
        cls.tokens = json.loads(cls.outcome(cls, source.with_name("32.gguf"), cls.home).stdout)["tokens"]

    def outcome(self, path, environment, *more):
        outcome = Outcome(["run", path, "-p", "a", "-n", "4", "--temp", "0", "-t", "1", "--json", *more], environment)
        assert outcome.code == 0, outcome.stderr
        return outcome

    def answer(self, path, environment, *more):
        return json.loads(self.outcome(path, environment, *more).stdout)["tokens"]

    def code_runs(self, raw, *more, state=None):
        """Runs a .llmc with an empty cache; whether its own code was taken. The answer must be right."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            path = pathlib.Path(folder, "m.llmc")
            path.write_bytes(raw)
            environment = {**home(folder), "XDG_STATE_HOME": state or self.home["XDG_STATE_HOME"]}
            outcome = self.outcome(path, environment, *more)
            self.assertEqual(json.loads(outcome.stdout)["tokens"], self.tokens)
            # Who waits for a compilation is told why.
            compiled = "compiled its program" in outcome.stderr
            kept = list(pathlib.Path(folder, "cache").rglob("*.a"))
            self.assertEqual(len(kept), compiled and state != "/dev/null")
            return not compiled

    def key(self, state=None):
        return pathlib.Path(state or self.home["XDG_STATE_HOME"], "llmc", "object.key")

    def test_own_code_runs(self):
        self.assertTrue(self.code_runs(self.raw[32]))
        self.assertEqual(stat.S_IMODE(self.key().stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.key().parent.stat().st_mode), 0o700)

    def test_any_other_byte(self):
        code = File.read(self.raw[32]).tensor("llmc.object").data
        at = self.raw[32].index(code[: 4 * SEAL])
        end = at + len(code.rstrip(b"\0"))
        places = [at, at + 7, at + SEAL - 1, at + SEAL, end - 1, *range(at + SEAL + 1, end, (end - at) // 8)]
        for place in places:
            with self.subTest(place=place - at):
                raw = bytearray(self.raw[32])
                raw[place] ^= 1 << place % 8
                self.assertFalse(self.code_runs(bytes(raw)))

    def test_code_of_something_else(self):
        file, other = File.read(self.raw[32]), File.read(self.raw[64])
        code = file.tensor("llmc.object")

        def with_code(data):
            changed = file.copy()
            tensor = changed.tensor("llmc.object")
            tensor.data = data + bytes(len(code.data) - len(data))
            tensor.dims = [len(data)]
            return changed.build()

        self.assertTrue(self.code_runs(with_code(code.data[: code.dims[0]])))
        for name, data in {"none": b"", "seal": code.data[:SEAL], "shorter": code.data[: code.dims[0] - 1],
                           "longer": code.data[: code.dims[0]] + b"\0",
                           "another's": other.tensor("llmc.object").data[: len(code.data)]}.items():
            if data:
                with self.subTest(code=name):
                    self.assertFalse(self.code_runs(with_code(data)))
        # Not what the code was made for.
        self.assertFalse(self.code_runs(self.raw[32], "--target-cpu=x86-64-v3"))
        self.assertFalse(self.code_runs(self.raw[32], "--max-rows=64"))
        self.assertFalse(self.code_runs(self.raw[32].replace(b"eps 9.99999974E-6", b"eps 1.00000974E-5")))

    def test_other_keys(self):
        state = str(self.folder / "another")
        self.assertFalse(self.code_runs(self.raw[32], state=state))
        first = self.key(state).read_bytes()
        self.assertEqual(len(first), 32)
        self.key(state).unlink()
        self.assertFalse(self.code_runs(self.raw[32], state=state))
        self.assertNotEqual(self.key(state).read_bytes(), first)
        self.key(state).write_bytes(self.key().read_bytes())
        self.assertTrue(self.code_runs(self.raw[32], state=state))
        # Where no key can be made nothing is kept, and everything runs.
        self.assertFalse(self.code_runs(self.raw[32], state="/dev/null"))

    def test_keys_that_are_refused(self):
        state = self.folder / "state"
        key = self.key(state)
        key.parent.mkdir(parents=True)
        path = self.folder / "m.llmc"
        path.write_bytes(self.raw[32])
        good = self.key().read_bytes()

        def plain(mode=0o600, content=good):
            key.write_bytes(content)
            key.chmod(mode)

        makers = {"chmod 600": [lambda mode=mode: plain(mode) for mode in (0o644, 0o640, 0o620, 0o601, 0o666)],
                  "bytes instead of 32": [lambda size=size: plain(content=good[:size]) for size in (0, 1, 31)],
                  "has 33 bytes": [lambda: plain(content=good + b"x")],
                  "symbolic link": [lambda: key.symlink_to(self.key()), lambda: key.symlink_to(self.folder / "no")],
                  "not a plain file": [key.mkdir, lambda: os.mkfifo(key, 0o600)]}
        if os.geteuid() == 0:
            makers["another user"] = [lambda: [plain(), os.chown(key, 1, 1)]]
        for tells, ways in makers.items():
            for make in ways:
                with self.subTest(tells=tells):
                    make()
                    for model in (path, pathlib.Path(self.shared.name, "32.gguf")):
                        outcome = self.llmc("run", model, "-p", "a", "-n", "1")
                        self.assertEqual(outcome.code, FAILED)
                        self.assertEqual(list(outcome.complaints("object.key", [tells, "; "])), [], outcome.stderr)
                    self.assertFalse((self.folder / "no").exists())
                    key.rmdir() if key.is_dir() and not key.is_symlink() else key.unlink()
        self.assertEqual(self.key().read_bytes(), good)

    def test_cache(self):
        source = pathlib.Path(self.shared.name, "32.gguf")
        self.environment["XDG_STATE_HOME"] = self.home["XDG_STATE_HOME"]
        cache = self.folder / "cache" / "llmc"
        self.answer(source, self.environment)
        (kept,) = cache.glob("*.a")
        good = kept.read_bytes()
        victim = self.folder / "victim"

        def replace(raw):
            kept.unlink()
            kept.write_bytes(raw)

        def link():
            victim.write_bytes(b"mine")
            kept.unlink()
            kept.symlink_to(victim)

        ways = {"whole": None, "flipped": lambda: replace(good[:-1] + bytes([good[-1] ^ 1])),
                "seal": lambda: replace(bytes([good[0] ^ 1]) + good[1:]), "cut": lambda: replace(good[:-1]),
                "empty": lambda: replace(b""), "unsealed": lambda: replace(good[SEAL:]),
                "old": lambda: replace(b"0" * 64 + good[SEAL:]), "link": link}
        for name, spoil in ways.items():
            with self.subTest(way=name):
                if spoil:
                    spoil()
                self.assertEqual(self.answer(source, self.environment), self.tokens)
                self.assertFalse(kept.is_symlink())
                self.assertEqual(kept.read_bytes(), good)
        self.assertEqual(victim.read_bytes(), b"mine")

    def test_first_uses_at_once(self):
        path = self.folder / "m.llmc"
        state = self.folder / "state"
        path.write_bytes(self.raw[32])

        def start(i):
            self.answer(path, {**home(self.folder / str(i)), "XDG_STATE_HOME": str(state)})
            return self.key(state).read_bytes()

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            self.assertEqual(len(set(pool.map(start, range(6)))), 1)
        self.assertEqual([p.name for p in self.key(state).parent.iterdir()], ["object.key"])


if __name__ == "__main__":
    unittest.main()
