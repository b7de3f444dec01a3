"""Random patterns, and which of the fixture's texts Python's re.fullmatch takes: fixtures/regex.json.

usage: python make-regex.py [SEED COUNT] > fixtures/regex.json
"""
import json
import random
import re
import sys
import warnings

warnings.simplefilter("ignore")
seed, count = (int(x) for x in sys.argv[1:3]) if len(sys.argv) > 2 else (0, 260)
pick = random.Random(seed)

TEXTS = ["", "a", "A", "b", "aa", "aB", "ab", "ba", "abab", "a1", "1", "a.b", "x.a.b", "_a", "a\n", "\n", "a b", "-", "]", "ab\n1", "aaab", "\u00e9A", "k\u212a", "\u0663"]
ATOMS = ["a", "b", "A", "k", "1", "_", ".", r"\.", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B", "^", "$", r"\A", r"\Z", " ", "-", "]", "{", "}", "a{", "{,}", r"\x61",
         r"\u0061", r"\141", r"\n", r"\-", r"\q", "#", "\u00e9", "K", r"\1", r"\2", "(?P=n)", "(?#c)"]
SETS = ["[ab]", "[^a]", "[a-c]", "[]a]", "[^]a]", r"[\w.]", r"[^\W]", r"[\D]", "[a-]", "[-a]", r"[\]\-]", r"[\b]", "[A-Z]", r"[^\s\d]", "[b-a]", "[a", "[|&~]", "[[a]", r"[\x61-\x62]"]
REPEATS = ["*", "+", "?", "{2}", "{,2}", "{1,}", "{1,2}", "{2,1}", "*?", "+?", "??", "{1,2}?", "*+", "++", "?+", "{1,2}+", "**", " *"]
OPENINGS = ["(", "(", "(?:", "(?P<n>", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?s:", "(?x:", "(?-i:", "(?a:", "(?(1)", "(?m:", "(?z:"]
FLAGS = ["(?i)", "(?s)", "(?x)", "(?m)", "(?a)", "(?im)", "(?L)", "(?au)"]


def atom(depth):
    roll = pick.random()
    if depth > 0 and roll < 0.3:
        return pick.choice(OPENINGS) + alternatives(depth - 1) + ")"
    return pick.choice(SETS) if roll < 0.45 else pick.choice(ATOMS)


def sequence(depth):
    parts = []
    for _ in range(pick.choice([0, 1, 1, 2, 2, 3])):
        parts.append(atom(depth) + (pick.choice(REPEATS) if pick.random() < 0.35 else ""))
    return "".join(parts)


def alternatives(depth):
    return "|".join(sequence(depth) for _ in range(pick.choice([1, 1, 1, 2, 2, 3])))


def pattern():
    head = pick.choice(FLAGS) if pick.random() < 0.2 else ""
    return head + alternatives(2) + (pick.choice(["(?i)", ")", "(", "\\"]) if pick.random() < 0.04 else "")


cases = {}
while len(cases) < count:
    one = pattern()
    try:
        compiled = re.compile(one)
        cases[one] = "".join(str(int(compiled.fullmatch(text) is not None)) for text in TEXTS)
    except SystemError:
        continue  # A bug of re itself: "The span of capturing group is wrong".
    except re.error:
        # A quarter at most of what Python refuses.
        if pick.random() < 0.25:
            cases[one] = None

# Code points of the classes, as ranges, up to the first astral plane.
def ranges(expression):
    found, start = [], None
    for code in range(0x10000):
        if 0xD800 <= code <= 0xDFFF:
            matched = False
        else:
            matched = re.fullmatch(expression, chr(code)) is not None
        if matched and start is None:
            start = code
        if not matched and start is not None:
            found.append([start, code - 1])
            start = None
    return found


print(json.dumps({"python": sys.version.split()[0], "texts": TEXTS, "cases": cases, "space": ranges(r"\s"), "ascii": {k: ranges(f"(?a){k}") for k in [r"\s", r"\w", r"\d"]},
                  "ignoring case": {c: "".join(chr(x) for a, b in ranges(f"(?i){c}") for x in range(a, b + 1)) for c in "aikst"}}))
