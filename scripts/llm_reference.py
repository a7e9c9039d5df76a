#!/usr/bin/env python3
"""Golden values for viva-llm's tests, from llama.cpp.

Usage: llm_reference.py LLAMA_SERVER MODEL.gguf OUT_DIR NAME

Writes OUT_DIR/NAME.tokens.json (2,000 strings and their ids, special tokens not parsed; llama-tokenize, which stands beside
llama-server, is asked for some of them as well and must agree) and OUT_DIR/NAME.greedy.json (20 prompts: prompt ids, the greedy
continuation by weights dequantised to f32, and the gap between the two likeliest log-probabilities at each step).
Needs: pip install gguf numpy."""
import json, os, random, socket, subprocess, sys, tempfile, time, urllib.request

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter, GGMLQuantizationType
from gguf.quants import dequantize

SERVER, MODEL, OUT, NAME = sys.argv[1:5]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
STEPS = 64

PROMPTS = [
    "The capital of Korea is",
    "To make a cup of tea, first",
    "def fibonacci(n):\n    ",
    "Once upon a time there was a small village where",
    "The three most important qualities of a software engineer are",
    "A process differs from a thread because",
    "안녕하세요. 저는 백엔드 개발자로",
    "서울은 대한민국의 수도이며",
    "1, 1, 2, 3, 5, 8, 13,",
    "{\"name\": \"Viva\", \"kind\": \"service\", \"port\":",
    "When I disagreed with my manager, I",
    "An index in a relational database is",
    "The deadline was two days away, so we",
    "Question: What is a deadlock?\nAnswer:",
    "팀에서 갈등이 생겼을 때 저는",
    "데이터베이스 인덱스는",
    "가장 어려웠던 프로젝트는",
    "질문: 자기소개를 해 주세요.\n답변:",
    "오늘 날씨가 좋아서",
    "면접관: 왜 지원하셨나요?\n지원자: 저는",
]

EN = "I we they candidate server database index query thread process lock memory cache network latency throughput design test deploy review team conflict deadline result because however therefore although measured improved 42 1,000 99.9% C++ O(n)".split()
KO = "저는 우리는 개발자 서버 데이터베이스 인덱스 쿼리 스레드 프로세스 메모리 캐시 네트워크 지연 처리량 설계 테스트 배포 팀 갈등 마감 결과 그래서 하지만 측정했습니다 개선했고 10,000건 3분 2.5배 뷁 ㅋㅋ 음... 어, 그".split()
CODE = ["fn main() {}", "let x = &mut y;", "if a <= b && c != d {", "\treturn self._cache[key]", "SELECT * FROM t WHERE id=1;", "useEffect(() => {}, [])", "a[i]++ // note", "<div class=\"x\">", "https://example.com/a?b=c#d", "\\n\\t\\\"", "0x1F_u8", "==>", "'''doc'''"]
CONTROL = ["\x01", "\x07\x08", "\x1b[31m", "\x7f", "\r\n", "\r", "\x0b\x0c", "\u0085", "\u2028", "\u2029", "\ufeff", "\u00ad", "\u202e", "\ufffd", "\t\t\t", "\n \n\t\n"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🇰🇷", "❤️", "🚀🚀", "e\u0301", "\u200b", "ﷺ", "𝒳", "日本語", "Ünïcödé", "\u00a0", "…", "—"]


def strings():
    rng = random.Random(20260101)
    fixed = ["a", " a", "  a", "a ", "\n", "\n\n", "\t", "가", " 가", "'s", "don't", "I'LL", "1", "12345678", "3.14", "<|im_start|>", "<start_of_turn>user", "<eos>", "<|im_end|>\n<|im_start|>system", "<unused0>", "[multimodal]", "<0x0A>", "▁", "Ġ"]
    out = list(fixed)
    while len(out) < 2000:
        # The first 500 are of text, code and emoji; after them come control characters too.
        known = [EN, KO, CODE, EMOJI] if len(out) < 500 else [EN, KO, CODE, EMOJI, CONTROL]
        kinds = rng.sample(known, rng.randint(1, 4))
        words = [rng.choice(rng.choice(kinds)) for _ in range(rng.randint(1, 14))]
        gap = rng.choice([" ", " ", " ", "", "  ", "\n", ", "])
        out.append(rng.choice(["", "", " ", "\n"]) + gap.join(words) + rng.choice(["", ".", "!", " "]))
    return out


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data=data, headers={"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=600))


def agrees(text, ids):
    """The program loads the model for each string, so it is asked for a few only."""
    program = os.path.join(os.path.dirname(SERVER), "llama-tokenize")
    command = [program, "-m", MODEL, "--stdin", "--ids", "--no-bos", "--no-parse-special", "--no-escape", "--log-disable"]
    said = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout.decode().strip()
    if json.loads(said) != ids:
        raise SystemExit(f"llama-tokenize and llama-server disagree on {text!r}: {said} and {ids}")


def full_precision(path, out):
    """The same model with every tensor as f32, so that only the arithmetic differs."""
    reader = GGUFReader(path)
    writer = GGUFWriter(out, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type", "general.quantization_version"):
            continue
        kind = field.types[0]
        sub = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub)
    for tensor in reader.tensors:
        data = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
        writer.add_tensor(tensor.name, data.reshape([int(n) for n in reversed(tensor.shape)]), raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path):
    args = [SERVER, "-m", path, "--host", "127.0.0.1", "--port", str(PORT), "-t", "1", "-c", "2048", "-np", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32", "--no-webui"]
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            if call("/health").get("status") == "ok":
                return process
        except OSError:
            time.sleep(0.2)
    raise SystemExit("llama-server did not start")


def greedy(prompt):
    ids = call("/tokenize", {"content": prompt, "add_special": True, "parse_special": False})["tokens"]
    body = {"prompt": ids, "n_predict": STEPS, "temperature": 0, "n_probs": 2, "cache_prompt": False, "ignore_eos": True, "return_tokens": True, "samplers": ["temperature"]}
    answer = call("/completion", body)
    steps = answer["completion_probabilities"]
    gaps = [round(s["top_logprobs"][0]["logprob"] - s["top_logprobs"][1]["logprob"], 5) for s in steps]
    return {"prompt": prompt, "ids": ids, "tokens": answer["tokens"], "gaps": gaps}


def dump(name, value):
    with open(os.path.join(OUT, f"{NAME}.{name}.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(v, ensure_ascii=False) for v in value) + "\n]\n")


with tempfile.TemporaryDirectory() as folder:
    full = os.path.join(folder, "f32.gguf")
    full_precision(MODEL, full)
    process = serve(full)
    try:
        tokenize = lambda text: call("/tokenize", {"content": text, "add_special": False, "parse_special": False})["tokens"]
        texts = strings()
        ids = [tokenize(text) for text in texts]
        for index in range(0, len(texts), 100):
            agrees(texts[index], ids[index])
        dump("tokens", [{"text": text, "ids": ids} for text, ids in zip(texts, ids)])
        dump("greedy", [greedy(prompt) for prompt in PROMPTS])
    finally:
        process.terminate()
        process.wait()
