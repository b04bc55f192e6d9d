"""llmc tokenize."""

import unittest

from llmc_case import FAILED, MODEL, WRONG_USAGE, LlmcCase, read_bytes

TEXT = "Good morrow, cousin.\nIs the day so young? \N{SNOWMAN}"


class Tokenize(LlmcCase):
    def ids(self, *arguments):
        line = self.done("tokenize", MODEL, *arguments).decode()
        self.assertEqual(line.count("\n"), 1)
        return [int(word) for word in line.split()]

    def test_there_and_back(self):
        ids = self.ids("-p", TEXT)
        self.assertEqual(ids[0], 1)  # BOS
        self.assertEqual(self.ids("-p", TEXT, "--no-bos"), ids[1:])
        self.assertEqual(self.ids("-f", self.file("text", TEXT)), ids)
        text = self.done("tokenize", MODEL, "--ids", ",".join(map(str, ids))).decode()
        self.assertEqual(text, TEXT + "\n")

    def test_json(self):
        ids = self.ids("-p", TEXT)
        answer = self.json("tokenize", MODEL, "-p", TEXT, "--json")
        self.assertEqual(answer["tokens"], ids)
        self.assertEqual(len(answer["pieces"]), len(ids))
        back = self.json("tokenize", MODEL, "--ids", ",".join(map(str, ids)), "--json")
        self.assertEqual(back, {"tokens": ids, "text": TEXT})

    def test_count(self):
        ids = self.ids("-p", TEXT)
        self.assertEqual(self.json("tokenize", MODEL, "-p", TEXT, "--count"),
                         {"tokens": len(ids), "unique": len(set(ids))})

    def test_special_tokens(self):
        self.assertEqual(self.ids("-p", "</s>", "--no-bos", "--parse-special"), [2])
        self.assertNotIn(2, self.ids("-p", "</s>", "--no-bos"))

    def test_empty_text(self):
        self.assertEqual(self.ids("-p", ""), [1])
        self.assertEqual(self.ids("-p", "", "--no-bos"), [])

    def test_vocabulary_only_file(self):
        """The same ids from a file that ends after its metadata."""
        whole = read_bytes(MODEL)
        first_tensor = whole.index(b"token_embd.weight") - 8
        vocabulary = self.file("vocabulary.gguf", whole[:8] + bytes(8) + whole[16:first_tensor])
        self.assertEqual(self.done("tokenize", vocabulary, "-p", TEXT),
                         self.done("tokenize", MODEL, "-p", TEXT))
        self.refused(FAILED, "run", vocabulary, "-p", TEXT, tells=["vocabulary.gguf"])

    def test_errors(self):
        self.refused(WRONG_USAGE, "tokenize", MODEL)
        self.refused(WRONG_USAGE, "tokenize", MODEL, "-p", "x", "--ids", "1")
        self.refused(WRONG_USAGE, "tokenize", MODEL, "--ids", "one")
        self.refused(FAILED, "tokenize", MODEL, "--ids", "1,2048", tells=["2048"])
        path = self.file("latin1.txt", b"caf\xe9 au lait")
        self.refused(FAILED, "tokenize", MODEL, "-f", path, tells=["latin1.txt", "offset 3"])


if __name__ == "__main__":
    unittest.main()
