#!/usr/bin/env python3
"""Viva's engines beside ONNX Runtime on the same files, the same ids, the same number of threads, in one run.

  side_by_side.py MODELS [REPEATS] [kokoro] [piper]

MODELS holds kokoro-82m-int8.onnx, voices_ja.npz, vocab.json and en_US-joe-medium.onnx(.json). Engines take turns, one process each, noise
off, warm; medians of REPEATS (5). `x` is audio over time on the clock; beside it the same over processor time, the only figure to trust
where other programs run. `first` is the time to the first audio, `cold` from a fresh process with its files in cache to the end
of the first utterance. ONNX Runtime gets its defaults but for the threads.
Needs: pip install onnxruntime numpy; cargo build --release -p viva-speech --example measure
"""
import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEASURE = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT + "/target"), "release/examples/measure")
# Five English questions in Piper's own phonemes (1.6 to 7 s), and four Korean ones in Viva's (64 symbols and less).
PIPER = [
    "plˈiːz ˌɪntɹədˈuːs jɔːɹsˈɛlf.",
    "wʌt wʌz ðə mˈoʊst dˈɪfɪkəlt pɹˈɑːdʒɛkt juː hæv wˈɜːkt ˈɔn, ænd hˌaʊ dɪd juː hˈændəl ɪt?",
    "ɛksplˈeɪn ðə dˈɪfɹəns bᵻtwˌiːn ɐ pɹˈɑːsɛs ænd ɐ θɹˈɛd.",
    "hˌaʊ wʊd juː dɪzˈaɪn ɐ sˈɪstəm ðæt sˈɜːvz tˈɛn θˈaʊzənd ɹᵻkwˈɛsts pɜː sˈɛkənd?",
    "tˈɛl mˌiː ɐbˌaʊt ɐ tˈaɪm wɛn juː dˌɪsɐɡɹˈiːd wɪð ɐ tˈiːmmeɪt, ænd dɪskɹˈaɪb hˌaʊ ðə tˈuː ʌv juː ɹᵻzˈɑːlvd ɪt ɪnðɪ ˈɛnd.",
]
KOKORO = [
    "ʨaɡisoɡɛɾɯl hɛʨusejo.",
    "kaʥaŋ ʌɾjʌwʌtʰdʌn pʰɯɾoʥɛkʰtʰɯnɯn muʌɕiʌtko, ʌtʌkʰe hɛɡjʌlhɛnnajo?",
    "pʰɯɾosesɯwa sɯɾedɯe ʨʰaiɾɯl sʌlmjʌŋhɛ ʨusejo.",
    "ʨiwʌnhaɕin toŋɡiwa ipsa hu pʰobuɾɯl malsɯmhɛ ʨusejo.",
]


def ids_of(engine, models):
    if engine == "kokoro":
        vocab = json.load(open(models + "/vocab.json", encoding="utf-8"))["vocab"]
        return [[vocab[symbol] for symbol in text if symbol in vocab] for text in KOKORO]
    alphabet = json.load(open(models + "/en_US-joe-medium.onnx.json", encoding="utf-8"))["phoneme_id_map"]
    pad = alphabet["_"]
    each = lambda text: [id for symbol in text if symbol in alphabet for id in alphabet[symbol] + pad]
    return [alphabet["^"] + pad + each(text) + alphabet["$"] for text in PIPER]


def peer(engine, models, repeats, threads):
    """The peer's own process: prints what `measure` prints."""
    start = time.perf_counter()
    import numpy as np
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    name = "kokoro-82m-int8.onnx" if engine == "kokoro" else "en_US-joe-medium.onnx"
    net = onnxruntime.InferenceSession(f"{models}/{name}", options)
    rate = 24_000 if engine == "kokoro" else 22_050
    styles = np.load(models + "/voices_ja.npz")["jf_alpha"] if engine == "kokoro" else None
    opened = time.perf_counter() - start
    for ids in ids_of(engine, models):
        if engine == "kokoro":
            feed = {"tokens": np.array([[0] + ids + [0]]), "style": styles[len(ids)].astype(np.float32), "speed": np.array([1.0], np.float32)}
        else:
            feed = {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": np.array([0, 1, 0], np.float32)}
        walls, busy = [], []
        for _ in range(repeats + 1):
            wall, processor = time.perf_counter(), time.process_time()
            samples = net.run(None, feed)[0].size
            walls.append(time.perf_counter() - wall)
            busy.append(time.process_time() - processor)
        print(json.dumps({"audio_s": samples / rate, "cold_s": opened + walls[0], "wall_s": walls[1:], "processor_s": busy[1:], "first_s": walls[1:]}))


def run(who, engine, models, repeats, threads, isa=""):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "VIVA_SIMD": isa}
    if who == "viva":
        lines = "\n".join(" ".join(map(str, ids)) for ids in ids_of(engine, models))
        command = [MEASURE, models, engine, str(repeats)]
    else:
        lines, command = "", [sys.executable, os.path.abspath(__file__), "--peer", engine, models, str(repeats), str(threads)]
    found = subprocess.run(command, input=lines, capture_output=True, text=True, env=environment)
    if found.returncode != 0:
        sys.exit(f"{command}: {found.stderr}")
    return [json.loads(line) for line in found.stdout.splitlines()]


def total(rows, field):
    return sum(statistics.median(row[field]) for row in rows)


def main(models, repeats="5", *engines):
    repeats = int(repeats)
    print(f"{'engine':22} threads  audio s     x  x/processor  first ms  cold ms")
    for engine in engines or ("kokoro", "piper"):
        for threads in (1, 2):
            rates = {}
            for who, isa in (("onnxruntime", ""), ("viva", ""), ("viva", "avx2")):
                rows = run(who, engine, models, repeats, threads, isa)
                audio = sum(row["audio_s"] for row in rows)
                wall, busy = audio / total(rows, "wall_s"), audio / total(rows, "processor_s")
                first = 1e3 * statistics.median(total([row], "first_s") for row in rows)
                label = f"{engine} {who} {isa}".strip()
                print(f"{label:22} {threads:7} {audio:8.2f} {wall:5.2f} {busy:12.2f} {first:9.0f} {1e3 * rows[0]['cold_s']:8.0f}", flush=True)
                rates[label] = (wall, busy)
            theirs, ours = rates[f"{engine} onnxruntime"], rates[f"{engine} viva"]
            print(f"  viva / onnxruntime: {ours[0] / theirs[0]:.2f} on the clock, {ours[1] / theirs[1]:.2f} by processor time")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    elif len(sys.argv) < 2:
        sys.exit(__doc__)
    else:
        main(*sys.argv[1:])
