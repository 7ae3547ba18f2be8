"""Compiles mutated models and looks for crashes: fuzz.py HEEDC SOURCE FOLDER FIRST COUNT [STAGE].

Input number n depends on n alone. The compiler may refuse a text (exit code 1) or take it (0); any other code, a signal, or more
than a minute is a failure, and the text stays in FOLDER. What is taken goes on to STAGE (default: derived).
"""

import os
import pathlib
import random
import re
import resource
import subprocess
import sys

compiler, source, folder, first, count = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
stage = sys.argv[6] if len(sys.argv) > 6 else "derived"

TOKEN = re.compile(r'#[^\n]*|"[^"\n]*"|[A-Za-z_]\w*|\d[\w.]*|->|[<>=!]=|\s+|.', re.S)
NUMBERS = ["0", "1", "2", "3", "7", "255", "4096", "4097", "65536", "2147483648", "4611686018427387904", "9223372036854775807",
           "9223372036854775808", "1e308", "1e999", "0.0", "1e-320", "-1"]
WORDS = ["fn", "layer", "model", "param", "dim", "repeat", "where", "until", "from", "text", "const", "import", "sum", "softmax", "argmax",
         "dot", "concat", "select", "exp", "true", "i", "j", "t", "n", "x", "y", "f32", "i32", "bool", "int", "not", "and", "or", "as"]
SIGNS = list("()[]{}=+-*/%^@,;:<>") + ["->", "<=", ">=", "==", "!=", "\"", "#", "\n", "$", "\0", "\u00e9", "\u202e"]

KINDS = {
    "arithmetic": ["+", "-", "*", "/", "%", "@", "^"],
    "comparison": ["==", "!=", "<", "<=", ">", ">="],
    "logic": ["and", "or"],
    "reduction": ["sum", "mean", "max", "min", "product", "argmax", "argmin", "any", "all", "softmax"],
    "function": ["exp", "log", "sqrt", "tanh", "floor", "abs", "float", "int", "dot", "concat", "erf", "sin"],
    "element": ["f32", "f64", "f16", "bf16", "i32", "i8", "bool", "int", "float", "fn", "list"],
    "clause": ["where", "until"],
}
RESERVED = set("as const dim false fn from import not param repeat text true layer model".split())

# The library stands in front of some models, so that its text is mutated as well.
LIBRARY = sorted((source / "lib").glob("*.heed"))
MODELS = sorted(path for folder in ("check", "e2e", "import", "frontend/library", "pipeline/Inputs")
                for path in (source / "test" / folder).rglob("*.heed") if "import" not in path.read_text())
MODELS += sorted((source / "examples").rglob("*.heed"))


def mutateTokens(generator, text):
    tokens = TOKEN.findall(text)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 8))):
        if not tokens:
            break
        at = generator.randrange(len(tokens))
        # White space says little; look for something else.
        while tokens[at].isspace() and at + 1 < len(tokens):
            at += 1
        way = generator.randrange(8)
        if way == 0:
            del tokens[at]
        elif way == 1:
            tokens.insert(at, tokens[at])
        elif way == 2:
            other = generator.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif way == 3:
            tokens[at] = tokens[generator.randrange(len(tokens))]
        elif way == 4:
            digits = [k for k, token in enumerate(tokens) if token[0].isdigit()]
            tokens[generator.choice(digits or [at])] = generator.choice(NUMBERS)
        elif way == 5:
            tokens[at] = generator.choice(WORDS + SIGNS)
        elif way == 6:
            tokens.insert(at, generator.choice(WORDS + SIGNS))
        else:
            length = generator.randrange(1, 30)
            piece = tokens[at : at + length]
            other = generator.randrange(len(tokens))
            tokens[other:other] = piece
    return "".join(tokens)


def kind(token):
    for name, members in KINDS.items():
        if token in members:
            return name
    if token[0].isdigit():
        return "number"
    return "name" if re.match(r"[A-Za-z_]", token) and token not in RESERVED else None


def mutateMeaning(generator, text):
    """Tokens become others of their kind, so that most texts are well formed and get to the checker."""
    tokens = TOKEN.findall(text)
    kinds = [kind(token) for token in tokens]
    for _ in range(generator.choice((1, 1, 2, 3))):
        at = generator.choice([k for k, name in enumerate(kinds) if name])
        if kinds[at] == "name":
            tokens[at] = tokens[generator.choice([k for k, name in enumerate(kinds) if name == "name"])]
        elif kinds[at] == "number":
            tokens[at] = generator.choice(NUMBERS)
        else:
            tokens[at] = generator.choice(KINDS[kinds[at]])
    return "".join(tokens)


def mutateBytes(generator, data):
    data = bytearray(data)
    for _ in range(generator.choice((1, 2, 5, 50))):
        if data:
            data[generator.randrange(len(data))] = generator.randrange(256)
    return bytes(data)


def mutant(number):
    generator = random.Random(number)
    text = generator.choice(MODELS).read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    if generator.random() < 0.3:
        text = generator.choice(LIBRARY).read_text(encoding="utf-8") + text
    way = generator.random()
    if way < 0.6:
        return mutateMeaning(generator, text).encode("utf-8", errors="replace")
    if way < 0.85:
        return mutateTokens(generator, text).encode("utf-8", errors="replace")
    if way < 0.9:
        return mutateBytes(generator, text.encode())
    if way < 0.95:
        data = text.encode()
        return data[: generator.randrange(len(data) + 1)]
    # One expression, nested.
    at = generator.randrange(len(text) + 1)
    depth, pair = generator.choice((3, 200, 260, 5000)), generator.choice(("()", "[]", "- ", "{}", "f)"))
    return (text[:at] + pair[0] * depth + "x" + pair[1] * depth + text[at:]).encode()


def limitMemory():
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


def compile(path, *flags):
    try:
        run = subprocess.run([compiler, path, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60,
                             preexec_fn=None if os.environ.get("HEED_SANITIZE") else limitMemory)
    except subprocess.TimeoutExpired:
        return "takes too long"
    if run.returncode not in (0, 1):
        return "exit code %d: %s" % (run.returncode, run.stderr.decode(errors="replace")[-400:])
    if run.returncode == 1 and b"error:" not in run.stderr:
        return "refused without an error"
    return run.returncode


def main():
    os.makedirs(folder, exist_ok=True)
    taken = failures = 0
    for number in range(first, first + count):
        path = os.path.join(folder, "%d.heed" % number)
        with open(path, "wb") as file:
            file.write(mutant(number))
        result = compile(path)
        if result == 0:
            taken += 1
            result = compile(path, "--emit=" + stage, "-o", os.path.join(folder, "output"))
        if isinstance(result, str):
            failures += 1
            print("%s: %s" % (path, result), flush=True)
        else:
            os.remove(path)
    print("%d texts, %d taken, %d failures" % (count, taken, failures))
    sys.exit(failures > 0)


main()
