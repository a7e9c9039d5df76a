"""Runs the Python that tests send, one line of JSON for each piece, and answers each with one line of JSON.

A piece is statements, whose last one may be an expression: its value is the answer, or what was raised. Each test has names of its own,
beside those that are shared: `app` is the platform's app.
"""

import ast
import json
import sys

from app import app

SHARED = {"app": app}
SPACES = {"": SHARED}


def run(test, source):
    space = SPACES.setdefault(test, dict(SHARED))
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), space)
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), space) if last else None


for line in sys.stdin:
    try:
        answer = {"ok": run(*json.loads(line))}
    except Exception as error:
        kind = type(error)
        bases = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
        answer = {"raised": f"{kind.__module__}.{kind.__qualname__}", "bases": bases, "args": list(error.args), "text": str(error)}
    # What Python writes for numbers that are none is no JSON.
    plain = json.loads(json.dumps(answer, default=repr), parse_constant=str)
    print("answer: " + json.dumps(plain), flush=True)
