"""Lets a worker do tasks, and takes down what they cost."""

import time

import backlog
from app import app
from cost import cpu_s, resident_mib


def measure(pid, count):
    """Lets the worker do `count` tasks: CPU per task (ms), tasks per second, memory while idle and after (MiB)."""
    store = app.backend.client
    store.flushdb()
    idle_mib, before, started = resident_mib(pid), cpu_s(pid), time.monotonic()
    backlog.fill(count)
    while store.dbsize() < count:
        time.sleep(0.02)
    took = time.monotonic() - started
    return {"cpu_ms": (cpu_s(pid) - before) * 1000 / count, "per_s": count / took, "idle_mib": idle_mib, "busy_mib": resident_mib(pid)}
