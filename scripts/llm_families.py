#!/usr/bin/env python3
"""Golden logits of tiny random models, one of each family, for viva-llm's tests.

Usage: llm_families.py OUT_DIR                    (writes OUT_DIR/families.json; needs numpy)
       llm_families.py OUT_DIR LLAMA_SERVER       (then runs the same weights through llama.cpp; needs gguf, too)

The forward passes below are written from the papers and model cards (RoPE: Su et al. 2021; GQA: Ainslie et al. 2023; RMSNorm:
Zhang and Sennrich 2019; Qwen2 and Qwen3 technical reports; Gemma 3 report; EXAONE 3.5 report), in f64, one position at a time,
with none of the engine's code or layouts. The weights are drawn from a generator that both sides can write in three lines."""
import json, math, os, socket, subprocess, sys, tempfile, time, urllib.request, zlib

import numpy as np

WIDTH, INNER, VOCABULARY, LAYERS, LENGTH = 64, 96, 48, 7, 90
FAMILIES = {
    "llama": dict(heads=4, kv_heads=2, head=16),
    "qwen2": dict(heads=4, kv_heads=2, head=16, bias=True),
    "qwen3": dict(heads=4, kv_heads=1, head=32, head_norms=True),
    "gemma3": dict(heads=2, kv_heads=1, head=32, head_norms=True, post_norms=True, gelu=True, window=20, tied=True, base=1e6),
    "exaone": dict(heads=4, kv_heads=2, head=16, factors=True),
}


def draw(name, *shape):
    """Uniform in +-0.5 / sqrt(columns), or around 1 for norms."""
    state, values = zlib.crc32(name.encode()), []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24 - 0.5)
    values = np.float32(values)
    if "norm" in name:
        values = values + np.float32(1)
    elif len(shape) == 2:
        values = values * np.float32(4 / math.sqrt(shape[1]))
    return values.reshape(shape).astype(np.float64)


def norm(x, weight):
    return x / math.sqrt((x * x).mean() + 1e-5) * weight


def rotate(x, position, base, interleaved, factors):
    """x: one head."""
    half = len(x) // 2
    angles = position * base ** (-np.arange(half) / half) / factors
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = (x[0::2], x[1::2]) if interleaved else (x[:half], x[half:])
    a, b = a * cos - b * sin, b * cos + a * sin
    return np.stack([a, b], 1).ravel() if interleaved else np.concatenate([a, b])


def logits(family, tokens, heads, kv_heads, head, bias=False, head_norms=False, post_norms=False, gelu=False, window=None, tied=False, base=1e4, factors=False):
    weight = lambda name, *shape: draw(f"{family}.{name}", *shape)
    embedding = weight("token_embd.weight", VOCABULARY, WIDTH)
    output = embedding if tied else weight("output.weight", VOCABULARY, WIDTH)
    divisors = 1 + np.arange(head // 2) / 8 if factors else np.ones(head // 2)
    x = embedding[tokens] * (math.sqrt(WIDTH) if family == "gemma3" else 1)
    for layer in range(LAYERS):
        own = lambda part, *shape: weight(f"blk.{layer}.{part}", *shape)
        local = window is not None and (layer + 1) % 6 != 0
        q_w, k_w, v_w = (own(f"attn_{n}.weight", h * head, WIDTH) for n, h in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
        q_b, k_b, v_b = (own(f"attn_{n}.bias", h * head) if bias else 0 for n, h in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
        o_w = own("attn_output.weight", WIDTH, heads * head)
        keys, values, mixed = [], [], []
        for position, row in enumerate(x):
            h = norm(row, own("attn_norm.weight", WIDTH))
            q, k, v = (q_w @ h + q_b).reshape(heads, head), (k_w @ h + k_b).reshape(kv_heads, head), (v_w @ h + v_b).reshape(kv_heads, head)
            if head_norms:
                q = np.array([norm(one, own("attn_q_norm.weight", head)) for one in q])
                k = np.array([norm(one, own("attn_k_norm.weight", head)) for one in k])
            turn = lambda one: rotate(one, position, 1e4 if local else base, family == "llama", divisors)
            keys.append([turn(one) for one in k])
            values.append(v)
            first = max(0, position + 1 - window) if local else 0
            heads_out = []
            for index, one in enumerate(q):
                shared = index // (heads // kv_heads)
                scores = np.array([np.dot(turn(one), key[shared]) for key in keys[first:]]) / math.sqrt(head)
                weights = np.exp(scores - scores.max())
                heads_out.append(sum(w * value[shared] for w, value in zip(weights, values[first:])) / weights.sum())
            mixed.append(np.concatenate(heads_out))
        for position in range(len(x)):
            y = o_w @ mixed[position]
            x[position] += norm(y, own("post_attention_norm.weight", WIDTH)) if post_norms else y
            h = norm(x[position], own("ffn_norm.weight", WIDTH))
            gate, up = own("ffn_gate.weight", INNER, WIDTH) @ h, own("ffn_up.weight", INNER, WIDTH) @ h
            gate = gate * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3))) if gelu else gate / (1 + np.exp(-gate))
            y = own("ffn_down.weight", WIDTH, INNER) @ (gate * up)
            x[position] += norm(y, own("post_ffw_norm.weight", WIDTH)) if post_norms else y
    return [output @ norm(row, weight("output_norm.weight", WIDTH)) for row in x]


def main():
    tokens = [(7 * i * i + 3 * i + 1) % VOCABULARY for i in range(LENGTH)]
    golden = {}
    for family, shape in FAMILIES.items():
        rows = logits(family, tokens, **shape)
        golden[family] = {str(row): [round(float(v), 5) for v in rows[row]] for row in (0, 15, 40, LENGTH - 1)}
    with open(f"{sys.argv[1]}/families.json", "w") as file:
        json.dump(dict(tokens=tokens, logits=golden), file)
    if len(sys.argv) > 2:
        check(sys.argv[2], tokens, golden)


def write(path, family, heads, kv_heads, head, bias=False, head_norms=False, post_norms=False, gelu=False, window=None, tied=False, base=1e4, factors=False):
    """The same model as a file for llama.cpp, with a vocabulary that means nothing."""
    import gguf

    writer = gguf.GGUFWriter(path, family)
    writer.add_context_length(128), writer.add_embedding_length(WIDTH), writer.add_block_count(LAYERS), writer.add_feed_forward_length(INNER)
    writer.add_head_count(heads), writer.add_head_count_kv(kv_heads), writer.add_key_length(head), writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-5), writer.add_rope_freq_base(base), writer.add_rope_dimension_count(head)
    if window:
        writer.add_sliding_window(window)
    pieces = ["<unk>", "<s>", "</s>", "<0x0A>"] + [f"piece{i}" for i in range(VOCABULARY - 4)]
    writer.add_tokenizer_model("llama"), writer.add_token_list(pieces), writer.add_token_scores([-float(i) for i in range(VOCABULARY)])
    writer.add_token_types([2, 3, 3, 6] + [1] * (VOCABULARY - 4)), writer.add_bos_token_id(1), writer.add_eos_token_id(2), writer.add_add_bos_token(False)

    def add(name, *shape):
        writer.add_tensor(name, draw(f"{family}.{name}", *shape).astype(np.float32))

    add("token_embd.weight", VOCABULARY, WIDTH), add("output_norm.weight", WIDTH)
    if not tied:
        add("output.weight", VOCABULARY, WIDTH)
    if factors:
        writer.add_tensor("rope_freqs.weight", (1 + np.arange(head // 2) / 8).astype(np.float32))
    for layer in range(LAYERS):
        own = lambda part, *shape: add(f"blk.{layer}.{part}", *shape)
        for part, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            own(f"attn_{part}.weight", count * head, WIDTH)
            if bias:
                own(f"attn_{part}.bias", count * head)
        own("attn_output.weight", WIDTH, heads * head), own("attn_norm.weight", WIDTH), own("ffn_norm.weight", WIDTH)
        own("ffn_gate.weight", INNER, WIDTH), own("ffn_up.weight", INNER, WIDTH), own("ffn_down.weight", WIDTH, INNER)
        if head_norms:
            own("attn_q_norm.weight", head), own("attn_k_norm.weight", head)
        if post_norms:
            own("post_attention_norm.weight", WIDTH), own("post_ffw_norm.weight", WIDTH)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()


def check(server, tokens, golden):
    """Log-probabilities of every token after each of the rows, llama.cpp's and these."""
    for family, shape in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            path = os.path.join(folder, "tiny.gguf")
            write(path, family, **shape)
            command = [server, "-m", path, "--host", "127.0.0.1", "--port", str(port), "-t", "1", "-c", "128", "-np", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32", "--no-warmup"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                worst = max(compare(port, process, tokens[: int(row) + 1], values) for row, values in golden[family].items())
            finally:
                process.terminate()
                process.wait()
        print(f"{family}: off llama.cpp's by at most {worst:.1e} in log-probability", flush=True)
        if worst > 1e-3:
            raise SystemExit(f"{family}: the forward pass above and llama.cpp's differ")


def compare(port, process, tokens, values):
    body = json.dumps(dict(prompt=tokens, n_predict=1, n_probs=VOCABULARY, cache_prompt=False, temperature=1.0, samplers=["temperature"])).encode()
    for _ in range(200):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/completion", data=body, headers={"Content-Type": "application/json"})
            answer = json.load(urllib.request.urlopen(request, timeout=60))
            break
        except OSError:
            if process.poll() is not None:
                raise SystemExit("llama-server did not start")
            time.sleep(0.1)
    theirs = {entry["id"]: entry["logprob"] for entry in answer["completion_probabilities"][0]["top_logprobs"]}
    ours = np.array(values) - max(values)
    ours -= math.log(np.exp(ours).sum())
    # Below e^-20 a server may round to nothing.
    return max(abs(ours[token] - logprob) for token, logprob in theirs.items() if ours[token] > -20)


main()
