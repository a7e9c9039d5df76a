#!/usr/bin/env python3
"""The polling storm: 1,000 clients that ask every second, then the same clients told by server-sent events, then the old way.

    python3 benches/gateway/storm.py target/release/gateway [--clients 1000] [--targets 50] [--seconds 60]

Half of the targets are reports, half are questions' speech; nobody works on them, so that every request finds its job on its way.
The old way is a stand-in in Python for what the platform's backend does: it reads the database for every poll, and guards a
question's task by a lock in a store (GET, then SETEX 60) that this script plays at 0.3 ms a round trip. It keeps its connections
in threads, as a synchronous framework does. Times are the clients', this script's own delays included: one process, on the same
cores as what it measures. Needs nothing but Python; everything is kept in a temporary folder.
"""

import argparse
import asyncio
import hashlib
import http.server
import json
import os
import pathlib
import socket
import socketserver
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOKEN = "storm"
TICK_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK_S


def memory_mb(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def record(interview, transcript):
    """An evaluation as a worker stores it."""
    moment = "2026-03-01T12:58:06.163Z"
    model = dict(name="m", architecture="llama", parameters=1, quantisation="Q4_K_M", sha256="1" * 64, template_sha256=None, engine="e",
                 numeric_class="avx2")
    item = dict(name="logic", title="논리", score=7, max=10, evidence=[])
    return dict(schema_version=2, evaluation_id=f"e{transcript}", interview_id=interview, transcript_id=transcript, question_id=transcript,
                question="질문?", answer="답변 " * 60, stage="motivation", area="fit", language="ko",
                rubric=dict(id="r", version="1", sha256="0" * 64), status="scored", reason=None, items=[item] * 5, total=35, max=50,
                band="good", feedback="분명하게 말했습니다.", warnings=[],
                provenance=dict(computation=f"c{transcript}", input_sha256="2" * 64, prompt_version="1", model=model,
                                sampling=dict(temperature=0.1, top_p=0.95, seed=1, max_tokens=512, samples=1), usage=None, worker_id="w",
                                attempt=1, started_at=moment, finished_at=moment))


def fill(path, interviews):
    """Interviews of 17 answers, half of them evaluated."""
    db = sqlite3.connect(path, timeout=30)
    for interview in range(1, interviews + 1):
        db.execute("INSERT INTO interviews (id, position, status) VALUES (?, 'backend', 'COMPLETED')", (interview,))
        for n in range(17):
            number = interview * 100 + n
            db.execute("INSERT INTO questions (id, content, question_type, rubric_json) VALUES (?, ?, 'motivation', '{}')",
                       (number, f"질문 {number}?"))
            db.execute('INSERT INTO transcripts (id, interview_id, speaker, text, question_id, "order") VALUES (?, ?, \'USER\', ?, ?, ?)',
                       (number, interview, "답변 " * 60, number, n))
            if n % 2:
                continue
            body = record(interview, number)
            db.execute("INSERT INTO evaluations (evaluation_id, interview_id, transcript_id, question_id, computation, status, total, "
                       "record, finished_at_ms, salt) VALUES (?, ?, ?, ?, ?, 'scored', 35, ?, 0, 's')",
                       (body["evaluation_id"], interview, number, number, f"c{number}", json.dumps(body)))
    db.commit()
    db.close()


def tell(path, interview, kind):
    """What a worker tells in its unit of work."""
    db = sqlite3.connect(path, timeout=30)
    topic = f"interview/{interview}"
    db.execute("BEGIN IMMEDIATE")
    seq = db.execute("INSERT INTO event_heads (topic, seq) VALUES (?, 1) ON CONFLICT (topic) DO UPDATE SET seq = event_heads.seq + 1 "
                     "RETURNING seq", (topic,)).fetchone()[0]
    body = json.dumps({"sent_ns": time.monotonic_ns()})
    db.execute("INSERT INTO events (topic, seq, kind, body, at_ms) VALUES (?, ?, ?, ?, 0)", (topic, seq, kind, body))
    db.commit()
    db.close()


class Client:
    """One keep-alive connection."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, method, path):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        begin = time.monotonic()
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        if length:
            await self.reader.readexactly(length)
        return int(head.split()[1]), (time.monotonic() - begin) * 1000


def target(client, targets):
    """Reports for even targets, speech for odd ones."""
    which = client % targets
    interview = which // 2 + 1
    return (f"/v1/interviews/{interview}/report", "report") if which % 2 == 0 else (f"/v1/questions/{interview * 100 + 1}/speech", "speech")


async def poll(port, args, seconds):
    """Every client asks once a second: for the job first, then, in turn, for what there is and for the job again."""
    took, statuses = {"GET": [], "POST": []}, {}
    start = time.monotonic() + 1

    async def one(number):
        client = Client(port)
        path, _ = target(number, args.targets)
        for second in range(seconds):
            await asyncio.sleep(max(0.0, start + second + number / args.clients - time.monotonic()))
            # Whoever is answered too slowly asks less often.
            if time.monotonic() > start + seconds + 1:
                break
            method = "POST" if second % 2 == 0 else "GET"
            status, ms = await client.ask(method, path)
            took[method].append(ms)
            statuses[status] = statuses.get(status, 0) + 1
        client.writer.close()

    await asyncio.gather(*(one(number) for number in range(args.clients)))
    return took, statuses


async def listen(port, args, seconds, path):
    """Every client has a stream open; each second one interview in ten has news."""
    delays, opened = [], asyncio.Semaphore(100)
    told = 0

    async def one(number):
        interview = number % args.targets + 1
        async with opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /v1/interviews/{interview}/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
        while line := await reader.readline():
            if line.startswith(b"data:") and b"sent_ns" in line:
                delays.append((time.monotonic_ns() - json.loads(line[5:])["sent_ns"]) / 1e6)

    listeners = [asyncio.create_task(one(number)) for number in range(args.clients)]
    await asyncio.sleep(3)
    for second in range(seconds):
        begin = time.monotonic()
        for interview in range(second % 10 + 1, args.targets + 1, 10):
            await asyncio.to_thread(tell, path, interview, "answer.evaluated")
            told += sum(1 for number in range(args.clients) if number % args.targets + 1 == interview)
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - begin)))
    await asyncio.sleep(2)
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    return delays, told


class Old(http.server.BaseHTTPRequestHandler):
    """The platform's backend, as far as it matters here."""

    protocol_version = "HTTP/1.1"
    path_db, locks, published = None, {}, 0
    guard = threading.Lock()

    def log_message(self, *_):
        pass

    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def publish(self, key):
        time.sleep(0.0003)  # GET
        held = self.locks.get(key, 0) > time.monotonic()
        time.sleep(0.0003)  # SETEX
        if not held:
            self.locks[key] = time.monotonic() + 60
            with self.guard:
                Old.published += 1

    def do_GET(self):
        db = sqlite3.connect(f"file:{self.path_db}?mode=ro", uri=True)
        number = int(self.path.split("/")[3])
        if "report" in self.path:
            rows = db.execute("SELECT record FROM evaluations WHERE interview_id = ?", (number,)).fetchall()
            row = db.execute("SELECT summary_text FROM evaluation_reports WHERE interview_id = ?", (number,)).fetchone()
            self.answer({"id": 0, "report": row, "evaluations": [json.loads(record) for (record,) in rows]})
        else:
            db.execute("SELECT content FROM questions WHERE id = ?", (number,)).fetchone()
            self.publish(f"lock:tts:{number}")
            self.answer({"audio_url": None})
        db.close()

    def do_POST(self):
        # The report's task had no lock at all: every press of the button, and every reload, sent one.
        if "report" in self.path:
            with self.guard:
                Old.published += 1
        else:
            self.publish(f"lock:tts:{self.path.split('/')[3]}")
        self.answer({"message": "ok"})


class Threaded(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, request_queue_size = True, 1024


def old_server(path, port, pipe):
    Old.path_db = path
    server = Threaded(("127.0.0.1", port), Old)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    pipe.write(str(Old.published))
    pipe.flush()


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def line(name, took, cpu, seconds, memory, jobs):
    shown = f"{statistics.median(took):8.2f} {quantile(took, 0.99):8.2f} {max(took):8.1f}" if took else f"{'-':>8} {'-':>8} {'-':>8}"
    print(f"{name:<34} {len(took):>7} {shown} {100 * cpu / seconds:>7.1f} {memory[0]:>7.0f} {memory[1]:>7.0f}  {jobs}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gateway", nargs="?")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--old", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.old:
        return old_server(args.old, args.port, sys.stdout)
    with tempfile.TemporaryDirectory() as folder:
        run(args, pathlib.Path(folder))


def run(args, folder):
    port, path = free_port(), folder / "viva.db"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    (folder / "tokens.toml").write_text(f'[[token]]\nname = "storm"\nrole = "service"\nsha256 = "{digest}"\n')
    command = [args.gateway, "--listen", f"127.0.0.1:{port}", "--viva-data", folder, "--tokens", folder / "tokens.toml", "--rate-per-s", "1000"]
    gateway = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
            if gateway.poll() is not None:
                sys.exit("the gateway has ended")
    fill(path, args.targets)
    distinct = len({target(number, args.targets) for number in range(args.clients)})
    print(f"{args.clients} clients, {args.targets} targets, {args.seconds} s each; {os.cpu_count()} cores shared with the clients")
    print(f"{'':<34} {'answers':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'CPU %':>7} {'MB':>7} {'MB':>7}")
    before, memory = cpu_s(gateway.pid), memory_mb(gateway.pid)
    took, statuses = asyncio.run(poll(port, args, args.seconds))
    used, after = cpu_s(gateway.pid) - before, memory_mb(gateway.pid)
    jobs = sqlite3.connect(path).execute("SELECT COUNT(*) FROM outbox").fetchone()[0]
    line("gateway, asked: what there is", took["GET"], used, args.seconds, (memory, after), f"{jobs} jobs for {distinct} distinct; {statuses}")
    line("gateway, asked: for the job", took["POST"], used, args.seconds, (memory, after), "(the same run)")
    before = cpu_s(gateway.pid)
    delays, told = asyncio.run(listen(port, args, args.seconds, path))
    used = cpu_s(gateway.pid) - before
    line("gateway, telling: event to client", delays, used, args.seconds + 5, (after, memory_mb(gateway.pid)), f"{len(delays)} of {told} events arrived")
    gateway.terminate()
    gateway.wait()
    old_port = free_port()
    old = subprocess.Popen([sys.executable, __file__, "--old", str(path), "--port", str(old_port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(1)
    before, memory = cpu_s(old.pid), memory_mb(old.pid)
    took, _ = asyncio.run(poll(old_port, args, args.seconds))
    used, after = cpu_s(old.pid) - before, memory_mb(old.pid)
    published = old.communicate(b"")[0].decode()
    line("the old way, asked", took["GET"], used, args.seconds, (memory, after), f"{published} jobs for {distinct} distinct")


if __name__ == "__main__":
    main()
