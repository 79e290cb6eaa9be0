"""What the check of the headers' comments finds, and what it lets pass. Run by ctest."""

import tempfile
import unittest
from pathlib import Path

import house_form
from header import Header

OPENING = "/* See tappet/plugin.h for the rules. */\n#include <stdint.h>\n#include <stddef.h>\n"


def mistakes(declarations):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "some.h")
        path.write_text(OPENING + declarations, encoding="utf-8")
        return [line.split(": ", 1)[1] for line in house_form.mistakes(Header(path, []))]


class MissingComments(unittest.TestCase):
    def test_everything_public_needs_one(self):
        self.assertEqual(["f has no comment"], mistakes("\nvoid f(void);\n"))
        self.assertEqual(["M has no comment"], mistakes("\n#define M 1\n"))
        self.assertEqual(["the list of A has no comment", "A has no comment"], mistakes("\nenum { A = 1 };\n"))
        self.assertEqual(["a has no comment"], mistakes("/* A type. */\ntypedef struct t {\n\tint a;\n} t;\n"))

    def test_one_behind_the_declaration_counts(self):
        self.assertEqual([], mistakes("/* A list. */\nenum {\n\tA = 1, /* one */\n\tB = 2  /* two */\n};\n"))

    def test_that_of_the_neighbour_does_not_count(self):
        found = mistakes("/* A list. */\nenum {\n\tA = 1, /* one */\n\tB = 2\n};\n/* Does it. */\nvoid f(void);\nvoid g(void);\n")
        self.assertEqual(["B has no comment", "g has no comment"], found)

    def test_one_after_an_empty_line_is_of_nobody(self):
        self.assertEqual(["f has no comment"], mistakes("/* About much. */\n\nvoid f(void);\n"))


class Form(unittest.TestCase):
    def wants(self, what, text, declaration):
        self.assertEqual([], mistakes(f"/* {text} */\n{declaration}\n"))
        self.assertEqual([f"the comment of f does not say {what}"], mistakes(f"/* Does it. */\n{declaration}\n"))

    def test_of_results(self):
        self.wants('what it gives: "Errors: ...", or when 1 and when 0', "Errors: TAPPET_EINVAL.", "int32_t f(void);")

    def test_of_callbacks(self):
        self.wants("when its callback fires", "It fires once.", "void f(void (*cb)(void *arg), void *arg);")

    def test_of_what_is_handed_out(self):
        self.wants("how long that which it hands out is valid", "Valid for ever.", "const char *f(void);")

    def test_of_numbers(self):
        self.wants("the unit of its numbers", "In bytes.", "void f(uint64_t amount);")
        self.assertEqual([], mistakes("/* Waits. */\nvoid f(int64_t delay_ms);\n"))


class Opening(unittest.TestCase):
    def test_names_the_rules(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "some.h")
            path.write_text("/* A header. */\n", encoding="utf-8")
            self.assertEqual(1, len(list(house_form.mistakes(Header(path, [])))))


if __name__ == "__main__":
    unittest.main()
