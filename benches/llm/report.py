#!/usr/bin/env python3
"""Seventeen answers of one interview, side by side: viva's engine and llama.cpp's server.

Usage: report.py EVAL_WORKER LLAMA_SERVER MODELS_DIR [--repeats N] [--threads N] [--model smollm2|gemma] [--quick]

Both get the same model file and the same prompts (a rubric of ~530 tokens, then a question and an answer of ~185), greedy, at
most 250 new tokens, and answer by the same schema. llama-server gets a compact grammar written by hand, which is its best, in
three ways: one after the other with its prompt cache, and 8 or 17 slots at once; and, as people would send it, the JSON schema.
viva's engine runs the batch, the batch without AVX-512, and three kinds of serial: one lane with all that the batch has as well
(the rubric computed once, forced tokens jumped over); one that computes each prompt anew; and the old workers' way, which takes
a step for every token besides. Repeats are interleaved; medians are printed, and written to --save as JSON.
A foreign program on the machine spoils spinning threads on either side: the load average is printed with each run."""
import argparse, json, os, socket, statistics, subprocess, sys, tempfile, threading, time, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sample

MODELS = {"smollm2": ("SmolLM2-135M-Instruct.Q4_1.gguf", "en"), "gemma": ("gemma-3-270m-q4_k_m.gguf", "mix")}
MAX_TOKENS = 250
ANSWERS = 17


def viva(args, model, prompts, lanes, instructions=None, flags=()):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
        with open(source, "w") as file:
            for prompt in prompts:
                file.write(json.dumps({"prompt": prompt, "json_schema": sample.schema(), "max_tokens": MAX_TOKENS}) + "\n")
        command = [args.worker, "batch", "--model", f"gguf:{model}", "--in", source, "--out", target, "--json", "--lanes", str(lanes)]
        command += ["--threads", str(args.threads)] + (["--instructions", instructions] if instructions else []) + list(flags)
        summary = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        texts = [json.loads(line)["text"] for line in open(target)]
    return dict(wall=summary["wall_s"], new=summary["new"], prompt=summary["prompt"] - summary["cached"], first=summary["first_complete_s"], valid=valid(texts), peak=summary["peak_mib"], grammar=summary["mask_share"] + summary["commit_share"])


def llama(args, model, prompts, slots, constraint):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = str(args.threads)
    command = [args.server, "-m", model, "--host", "127.0.0.1", "--port", str(port), "-t", threads, "-tb", threads, "-c", str(1536 * slots), "-np", str(slots)]
    server = subprocess.Popen(command + (["--no-kv-unified"] if slots > 1 else []), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def call(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers={"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=900))

    try:
        for _ in range(600):
            try:
                if call("/health").get("status") == "ok":
                    break
            except OSError:
                time.sleep(0.1)
        call("/completion", {"prompt": "hi", "n_predict": 2, "temperature": 0})
        answers, done = [None] * len(prompts), [0.0] * len(prompts)

        def one(index):
            body = {"prompt": prompts[index], "n_predict": MAX_TOKENS, "temperature": 0, "cache_prompt": True, **constraint}
            answers[index] = call("/completion", body)
            done[index] = time.monotonic() - begin

        begin = time.monotonic()
        if slots == 1:
            for index in range(len(prompts)):
                one(index)
        else:
            callers = [threading.Thread(target=one, args=(index,)) for index in range(len(prompts))]
            [caller.start() for caller in callers]
            [caller.join() for caller in callers]
        wall = time.monotonic() - begin
        peak = next(int(line.split()[1]) // 1024 for line in open(f"/proc/{server.pid}/status") if line.startswith("VmHWM"))
    finally:
        server.terminate()
        server.wait()
    timings = [answer["timings"] for answer in answers]
    new, prompt = (sum(timing[key] for timing in timings) for key in ("predicted_n", "prompt_n"))
    return dict(wall=wall, new=new, prompt=prompt, first=min(done), valid=valid(answer["content"] for answer in answers), peak=peak, grammar=0)


def valid(texts):
    def parses(text):
        try:
            return isinstance(json.loads(text), dict)
        except ValueError:
            return False

    return sum(map(parses, texts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker"), parser.add_argument("server"), parser.add_argument("models")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--save", help="a file for the runs, as JSON; those that it has already count as well")
    parser.add_argument("--only", action="append", help="only ways whose names contain this")
    parser.add_argument("--quick", action="store_true", help="only the batch and llama-server's serial run")
    args = parser.parse_args()
    grammar = {"grammar": sample.GBNF}
    for name in args.model or MODELS:
        file, kind = MODELS[name]
        model, prompts = os.path.join(args.models, file), sample.prompts(kind, kind == "en")
        ways = {
            "viva, all at once": lambda: viva(args, model, prompts, 32),
            "llama-server, serial, cache": lambda: llama(args, model, prompts, 1, grammar),
            "llama-server, 8 slots": lambda: llama(args, model, prompts, 8, grammar),
            "llama-server, 17 slots": lambda: llama(args, model, prompts, ANSWERS, grammar),
            "llama-server, JSON schema, serial, cache": lambda: llama(args, model, prompts, 1, {"json_schema": sample.schema()}),
            "viva, one at a time": lambda: viva(args, model, prompts, 1),
            "viva, one at a time, each prompt anew": lambda: viva(args, model, prompts, 1, flags=["--no-reuse"]),
            "viva, one at a time, and each token a step": lambda: viva(args, model, prompts, 1, flags=["--no-reuse", "--no-jump"]),
            "viva, all at once, AVX2": lambda: viva(args, model, prompts, 32, "avx2"),
        }
        if args.quick:
            ways = dict(list(ways.items())[:2])
        if args.only:
            ways = {way: run for way, run in ways.items() if any(part in way for part in args.only)}
        saved = json.load(open(args.save)) if args.save and os.path.exists(args.save) else {}
        runs = {way: saved.get(name, {}).get(way, []) for way in ways}
        for repeat in range(args.repeats):
            for way, run in ways.items():
                load = os.getloadavg()[0]
                runs[way].append(run())
                print(f"# {name}, {way}, run {repeat + 1}: {runs[way][-1]['wall']:.2f} s (load {load:.1f})", file=sys.stderr, flush=True)
                if args.save:
                    saved.setdefault(name, {})[way] = runs[way]
                    json.dump(saved, open(args.save, "w"), indent=1)
        print(f"\n{name} ({file}), {args.threads} threads, medians")
        print(f"{'':42} {'runs':>4} {'wall s':>8} {'s/1000 new':>10} {'first s':>8} {'prefilled':>9} {'new':>6} {'valid':>5} {'MiB':>5} {'grammar':>7} {'x viva':>6}")
        middle = lambda way, key: statistics.median(run[key] for run in runs[way])
        base = runs.get("viva, all at once") or next(iter(runs.values()))
        for way in ways:
            wall, new = middle(way, "wall"), middle(way, "new")
            row = f"{way:42} {len(runs[way]):4} {wall:8.2f} {wall / new * 1e3:10.2f} {middle(way, 'first'):8.2f} {middle(way, 'prompt'):9.0f} {new:6.0f} {middle(way, 'valid'):5.0f}"
            print(f"{row} {middle(way, 'peak'):5.0f} {middle(way, 'grammar'):7.1%} {wall / statistics.median(run['wall'] for run in base):6.2f}")


main()
