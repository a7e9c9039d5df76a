"""Names of computations by the rule in digest.rs, from Python's hashlib. Run: python3 computation.py > computation.json"""

import hashlib
import json

CASES = [
    ("speech", [("text", "안녕하세요"), ("voice", "jf_alpha"), ("speed", "1")]),
    ("speech", [("speed", "1"), ("voice", "jf_alpha"), ("text", "안녕하세요")]),
    ("speech", [("text", "안녕하세요j"), ("voice", "f_alpha"), ("speed", "1")]),
    ("score", [("text", "안녕하세요"), ("voice", "jf_alpha"), ("speed", "1")]),
    ("speech", []),
    ("speech", [("", "")]),
]


def name(kind, inputs):
    hasher = hashlib.sha256()
    texts = ["viva/1", kind]
    for pair in sorted(inputs, key=lambda pair: [text.encode() for text in pair]):
        texts.extend(pair)
    for text in texts:
        data = text.encode()
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()


print(json.dumps([{"kind": k, "inputs": i, "name": name(k, i)} for k, i in CASES], ensure_ascii=False, indent=1))
