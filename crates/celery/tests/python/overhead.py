"""What a worker costs: processor time of it and its children, from /proc."""

import os
import time

import backlog
from app import app

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def family(pid):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(stat(name)[1])
        except FileNotFoundError:
            pass
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def cpu_s(pid):
    """User and system time of the worker, its children, and those of them that have ended."""
    return sum(int(ticks) for member in family(pid) for ticks in stat(member)[11:15]) * TICK_S


def resident_mib(pid):
    return sum(backlog.resident_mib(member) for member in family(pid))


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
