"""What a process and its children cost, from /proc."""

import os

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def family(pid):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(stat(name)[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def cpu_s(pid):
    """User and system time, with that of children that have ended."""
    return sum(int(ticks) for member in family(pid) for ticks in stat(member)[11:15]) * TICK_S


def resident_mib(pid):
    def own(member):
        with open(f"/proc/{member}/status") as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:")), 0)

    return sum(own(member) for member in family(pid))
