#!/usr/bin/env python3
"""Prefill and batched decode in tokens per second, viva's engine beside llama.cpp's own benchmarks; and what a report costs
against its number of answers.

Usage: speed.py EVAL_WORKER LLAMA_BIN_DIR MODELS_DIR [--repeats N] [--threads N] [--plot OUT.png]

Prefill: a prompt of 512 tokens (llama-bench -p 512). Decode: 17 sequences over 400 shared tokens, 64 new tokens each
(llama-batched-bench -pps -npp 400 -ntg 64 -npl 17); ours is what 64 tokens take more than one. Medians.
--plot runs 1 to 128 answers of the report's job instead, and draws seconds against their number."""
import argparse, json, os, re, statistics, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sample

MODELS = {"smollm2": ("SmolLM2-135M-Instruct.Q4_1.gguf", "en"), "gemma": ("gemma-3-270m-q4_k_m.gguf", "mix")}


def batch(args, model, requests, flags=()):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
        with open(source, "w") as file:
            file.writelines(json.dumps(request) + "\n" for request in requests)
        command = [args.worker, "batch", "--model", f"gguf:{model}", "--in", source, "--out", target, "--json", "--threads", str(args.threads), *flags]
        summary = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return summary, [json.loads(line) for line in open(target)]


def words(model, count):
    """A prompt of about so many tokens: short English words are one each."""
    return " ".join(["time", "work", "team", "data", "plan", "code", "test", "week"][i * 5 % 8] for i in range(count))


def ours(args, model):
    _, [prefill] = batch(args, model, [{"prompt": words(model, 511), "max_tokens": 1}])
    seconds = prefill["first_token_ms"] / 1e3
    # One token each, and 64: what the second run takes more is decoding.
    ends = [f" {letter}" for letter in "abcdefghijklmnopq"]

    def run(tokens):
        lines = [{"prompt": words(model, 399) + end, "max_tokens": tokens, "temperature": 1.0, "seed": i} for i, end in enumerate(ends)]
        return batch(args, model, lines, ["--lanes", "17"])

    (short, _), (long, answers) = run(1), run(64)
    decoded, steps = sum(answer["tokens"]["new"] - 1 for answer in answers), long["wall_s"] - short["wall_s"]
    return prefill["tokens"]["prompt"] / seconds, decoded / steps


def theirs(args, model):
    threads = str(args.threads)
    bench = subprocess.run([f"{args.llama}/llama-bench", "-m", model, "-p", "512", "-n", "0", "-t", threads, "-r", "1", "-o", "json"], check=True, capture_output=True, text=True)
    prefill = json.loads(bench.stdout)[0]["avg_ts"]
    command = [f"{args.llama}/llama-batched-bench", "-m", model, "-c", "4096", "-b", "2048", "-ub", "512", "-npp", "400", "-ntg", "64", "-npl", "17", "-pps", "-t", threads, "-tb", threads]
    batched = subprocess.run(command, check=True, capture_output=True, text=True)
    # | PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s | T s | S t/s |
    row = next(line for line in (batched.stdout + batched.stderr).splitlines() if re.match(r"\|\s+400 \|\s+64 \|\s+17 \|", line))
    return prefill, float(row.split("|")[8])


def plot(args):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for name, (file, kind) in MODELS.items():
        model, prompts = os.path.join(args.models, file), sample.prompts(kind, kind == "en")
        counts, walls, steps = [1, 2, 4, 8, 17, 32, 64, 128], [], []
        for count in counts:
            # Every answer has its own words: the same one twice would be the same computation.
            own = [prompts[i % 17].replace("Answer: ", f"Answer: (number {i}) ") for i in range(count)]
            summary, _ = batch(args, model, [{"prompt": prompt, "json_schema": sample.schema(), "max_tokens": 250} for prompt in own], ["--lanes", "128"])
            walls.append(summary["wall_s"]), steps.append(summary["step_s"] / summary["steps"] * 1e3)
            print(f"{name}: {count:4} answers {walls[-1]:7.2f} s, {walls[-1] / count:6.3f} s each, {summary['steps']} steps of {steps[-1]:.1f} ms", flush=True)
        axes[0].plot(counts, walls, "o-", label=name)
        axes[0].plot(counts, [walls[0] * n for n in counts], ":", color=axes[0].lines[-1].get_color(), label=f"{name}, if each cost as much as the first")
        axes[1].plot(counts, [wall / n for wall, n in zip(walls, counts)], "o-", label=name)
    for axis, what in zip(axes, ("seconds for the whole report", "seconds for each answer")):
        axis.set(xscale="log", yscale="log", xlabel="answers", ylabel=what)
        axis.set_xticks(counts, [str(n) for n in counts])
        axis.grid(True, which="both", alpha=0.3), axis.legend(fontsize=7)
    figure.tight_layout(), figure.savefig(args.plot, dpi=110)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker"), parser.add_argument("llama"), parser.add_argument("models")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plot")
    args = parser.parse_args()
    if args.plot:
        return plot(args)
    for name, (file, _) in MODELS.items():
        model = os.path.join(args.models, file)
        runs = [(ours(args, model), theirs(args, model)) for _ in range(args.repeats)]
        for index, what in enumerate(("prefill of 512", "decode, 17 over 400")):
            mine, other = (statistics.median(run[side][index] for run in runs) for side in (0, 1))
            print(f"{name}: {what}: viva {mine:.0f} tokens/s, llama.cpp {other:.0f}, {mine / other:.2f}x", flush=True)


main()
