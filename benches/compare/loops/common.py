"""What the loops in Python share: the fleet's file, threads, and what is said at the end."""

import concurrent.futures
import json
import os
import sys
import threading
import time

KEY = "glpat-KEYOFTHEADMINISTRATOR"


def peak_kb():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def run(turn):
    """Calls turn(world, places, name, user, id, token) for each credential that is not done yet, in so many threads."""
    world, fleet, places, threads, directory = sys.argv[1:]
    path = os.path.join(directory, "done")
    before = set(open(path).read().split()) if os.path.exists(path) else set()
    done, lock = open(path, "a", buffering=1), threading.Lock()
    took, problems = [], {}

    def one(line):
        name, user, number, token = line.rstrip("\n").split("\t")
        if name in before:
            return
        begun = time.monotonic()
        try:
            turn(world, int(places), name, user, number, token)
        except Exception as error:  # as scripts do: it is told, and the next one is tried
            with lock:
                said = type(error).__name__
                problems[said] = problems.get(said, 0) + 1
            return
        with lock:
            took.append(int((time.monotonic() - begun) * 1e6))
            done.write(name + "\n")

    with concurrent.futures.ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(one, open(fleet)))
    print(json.dumps({
        "completed": len(took), "failed": sum(problems.values()), "latencies_us": took, "problems": problems,
        "peak_kb": peak_kb(),
    }))
