"""Writes a text that tries a limit of the parser: texts.py NAME FILE."""

import sys

HEAD = "fn f(x: [n]) -> y: [n] {\n  y = "
TAIL = "\n}\n"


def nest(left, right, depth):
    return HEAD + left * depth + "x" + right * depth + TAIL


TEXTS = {
    "parentheses-250": nest("(", ")", 250),
    "parentheses-300": nest("(", ")", 300),
    "parentheses-million": nest("(", ")", 1000000),
    "calls-million": nest("f(", ")", 1000000),
    "subscripts-million": nest("x[", "]", 1000000),
    "lists-million": nest("[", "]", 1000000),
    "signs-million": nest("-", "", 1000000),
    "negations-million": nest("not ", "", 1000000),
    "repeats-million": HEAD + "x\n" + "repeat 2 { " * 1000000 + "}" * 1000000 + TAIL,
    "open-million": HEAD + "(" * 1000000,
    "sum-100000": HEAD + "x" + " + x" * 100000 + TAIL,
    "power-100000": HEAD + "x" + " ^ x" * 100000 + TAIL,
    "and-100000": HEAD + "x where x < 1" + " and x < 1" * 100000 + TAIL,
    "brackets-100000": HEAD + "x" + "[i]" * 100000 + TAIL,
    "million-bytes": HEAD + "x\n" + "".join(
        "  s%d[i, j] = dot(q[i], k[j]) / sqrt(d) where abs(i - j) <= w or g[j]\n" % i for i in range(14000)) + TAIL,
    "errors-100000": HEAD + "x\n" + "a = ?\n" * 100000 + TAIL,
    "one-line": "?" * 1000000,
    "16-mebibytes": "#" * (16 << 20),
    "larger": "#" * ((16 << 20) + 1),
    "name-128": HEAD + "x\n" + "a" * 128 + " = x" + TAIL,
    "name-129": HEAD + "x\n" + "a" * 129 + " = x" + TAIL,
    "nul": "fn f\0",
    "not-utf8": b"# fine\n# \xff\n",
    "overlong": b"# \xc0\xaf\n",
    "surrogate": b"# \xed\xa0\x80\n",
    "cut-off": b"# \xe2\x82",
    "bidirectional": '# fine\nconst a = "\u202e"\n',
    "windows": "\ufeffconst a = 1\r\nconst b = 2 # x\r\n",
    "empty": "",
    "no-newline": "const a = 1",
}

text = TEXTS[sys.argv[1]]
with open(sys.argv[2], "wb") as file:
    file.write(text if isinstance(text, bytes) else text.encode())
