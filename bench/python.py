"""Python's own pools of processes, forked: multiprocessing.Pool ("python-pool")
and concurrent.futures.ProcessPoolExecutor ("python-executor").

    python.py SYSTEM [WORKLOAD...]

prints the lines that bench.h tells of.  There are fewer and smaller tasks than
elsewhere, because a task takes many times as long; and W4 has a speed-up over a
loop in Python, not a time to be compared with the loop in C.
"""

import collections
import concurrent.futures
import multiprocessing
import os
import platform
import signal
import statistics
import struct
import sys
import time

WORKERS = 2
MANY_WORKERS = 16
IN_FLIGHT = 4
MIB = 1 << 20
FULL = os.environ.get("BENCH") == "full"
PATIENCE = 3  # seconds until what a kill took with it is given up

context = multiprocessing.get_context("fork")


def sized(quick, full):
    return full if FULL else quick


def die(text):
    sys.exit("bench/%s: %s" % (system.name, text))


def emit(workload, metric, value, unit):
    if unit != "text":
        value = ("%.0f" if value >= 1000 else "%.4g") % value
    print(system.name, workload, metric, value, unit, sep="\t", flush=True)


def check(what, got, expected):
    if got != expected:
        die("wrong %s: %s instead of %s" % (what, got, expected))


def quantile(values, q):
    return sorted(values)[int((len(values) - 1) * q + 0.5)]


# ------------------------------------------------- what the workers run


def square(x):
    return x * x


def give_back(payload):
    return payload


def is_prime(n):
    if n < 4 or n % 2 == 0:
        return n in (2, 3)
    d = 3
    while d * d <= n:
        if n % d == 0:
            return False
        d += 2
    return True


# ------------------------------------------------------------ the systems


class Pool:
    """multiprocessing.Pool"""

    name = "python-pool"

    def __init__(self, workers):
        self.pool = context.Pool(workers)

    def close(self):
        self.pool.close()
        self.pool.join()

    def stream(self, function, items):
        """One message for each item, in the quickest way there is."""
        return self.pool.imap_unordered(function, items)

    def submit(self, function, item):
        return self.pool.apply_async(function, (item,))

    @staticmethod
    def result(handle, timeout=None):
        return handle.get(timeout)


class Executor:
    """concurrent.futures.ProcessPoolExecutor"""

    name = "python-executor"

    def __init__(self, workers):
        self.pool = concurrent.futures.ProcessPoolExecutor(workers, context)

    def close(self):
        self.pool.shutdown()

    def stream(self, function, items):
        return self.pool.map(function, items)

    def submit(self, function, item):
        return self.pool.submit(function, item)

    @staticmethod
    def result(handle, timeout=None):
        return handle.result(timeout)


# ---------------------------------------------------------- the workloads


def version():
    emit("W0", "version", platform.python_version(), "text")


def rate():
    n = sized(10000, 50000)
    pool = system(WORKERS)
    sum(pool.stream(square, range(1000)))
    start = time.monotonic()
    total = sum(pool.stream(square, range(n)))
    seconds = time.monotonic() - start
    check("sum", total, (n - 1) * n * (2 * n - 1) // 6)
    emit("W1", "rate", n / seconds, "tasks/s")
    pool.close()


def round_trips():
    n = sized(1000, 4000)
    pool = system(WORKERS)
    times = []
    for i in range(n + n // 4):
        start = time.monotonic()
        result = pool.result(pool.submit(square, i))
        times.append(time.monotonic() - start)
        check("square", result, i * i)
    times = times[n // 4 :]
    emit("W2", "p50", quantile(times, 0.5) * 1e6, "us")
    emit("W2", "p99", quantile(times, 0.99) * 1e6, "us")
    pool.close()


def echo(pool, size, count):
    """Returns bytes a second.  The number goes beside the bytes, so that making
    them costs nothing."""
    body = os.urandom(1024) * (size // 1024)
    flight = collections.deque()
    start = time.monotonic()
    for i in range(count + IN_FLIGHT):
        if i >= IN_FLIGHT:
            number, back = pool.result(flight.popleft())
            check("number of a payload", number, i - IN_FLIGHT)
            check("length of a payload", len(back), size)
            check("end of a payload", back[-1024:], body[-1024:])
        if i < count:
            flight.append(pool.submit(give_back, (i, body)))
    return count * size / (time.monotonic() - start)


def echoes():
    pool = system(WORKERS)
    for metric, size, count in (
        ("echo_1MiB", MIB, sized(60, 400)),
        ("echo_64MiB", 64 * MIB, sized(2, 12)),
    ):
        echo(pool, size, 1)
        emit("W3", metric, echo(pool, size, count) / 1e9, "GB/s")
    pool.close()


def primes():
    # Of such a size that a task takes a millisecond, as it does in C.
    items = [100000000001 + 2 * i for i in range(sized(400, 2000))]
    start = time.monotonic()
    expected = sum(map(is_prime, items))
    serial = time.monotonic() - start
    pool = system(WORKERS)
    start = time.monotonic()
    count = sum(pool.stream(is_prime, items))
    seconds = time.monotonic() - start
    check("count of primes", count, expected)
    emit("W4", "speedup", serial / seconds, "x")
    pool.close()


def start_and_stop(workers):
    start = time.monotonic()
    pool = system(workers)
    check("squares", list(pool.stream(square, [3] * workers)), [9] * workers)
    pool.close()
    return time.monotonic() - start


def starts():
    for workers, times in (
        (WORKERS, sized(5, 25)),
        (MANY_WORKERS, sized(3, 10)),
    ):
        start_and_stop(workers)
        emit(
            "W5",
            "startstop_%d" % workers,
            statistics.median(start_and_stop(workers) for _ in range(times))
            * 1e3,
            "ms",
        )


def private_memory(pid):
    """The memory of a process that no other shares, KiB."""
    with open("/proc/%d/smaps_rollup" % pid) as lines:
        return sum(
            int(line.split()[1])
            for line in lines
            if line.startswith(("Private_Clean:", "Private_Dirty:"))
        )


def memory():
    pool = system(WORKERS)
    sum(pool.stream(square, range(sized(10000, 50000))))
    emit(
        "W6",
        "private_per_worker",
        max(private_memory(p.pid) for p in multiprocessing.active_children()),
        "KiB",
    )
    pool.close()


BYSTANDERS = 100


class Scene:
    """What the program and its workers tell each other beside the pool."""

    def __init__(self):
        self.long_runs = context.Event()
        self.stop = context.Event()
        self.killed_at = context.Value("d", 0, lock=False)


def compute(_):
    """Until told to stop, or long after that should have come."""
    start = time.monotonic()
    scene.long_runs.set()
    while not scene.stop.is_set() and time.monotonic() - start < 20:
        is_prime(1000003)
    return 9


def be_killed(_):
    time.sleep(0.02)
    scene.killed_at.value = time.monotonic()
    os.kill(os.getpid(), signal.SIGKILL)


def outcome(pool, handle, until):
    """Returns what became of a task by then, as a word, and when that was
    seen."""
    try:
        pool.result(handle, max(0, until - time.monotonic()))
        word = "done"
    except (multiprocessing.TimeoutError, concurrent.futures.TimeoutError):
        word = "waiting"
    except Exception:
        word = "lost"
    return word, time.monotonic()


def kills():
    """One worker is killed while the other computes and tasks wait behind
    both.  What has not ended some seconds later never does."""
    global scene
    scene = Scene()
    pool = system(WORKERS)
    others = [pool.submit(compute, 0)]
    scene.long_runs.wait()
    victim = pool.submit(be_killed, 0)
    others += [pool.submit(square, 3) for _ in range(BYSTANDERS)]
    while scene.killed_at.value == 0:
        time.sleep(0.001)
    killed_at = scene.killed_at.value
    until = killed_at + PATIENCE

    word, at = outcome(pool, others[1], until)
    emit_after("next_ok_after", at - killed_at, word == "done")
    word, at = outcome(pool, victim, until)
    emit_after("seen_after", at - killed_at, word == "lost")
    scene.stop.set()
    words = [outcome(pool, other, until + 1)[0] for other in others]
    emit("W7", "others_lost", len(words) - words.count("done"), "tasks")

    # A pool that lost a worker may not let itself be closed.
    for process in multiprocessing.active_children():
        process.kill()
    sys.stdout.flush()
    os._exit(0)


def emit_after(metric, seconds, happened):
    if happened:
        emit("W7", metric, seconds * 1e3, "ms")
    else:
        emit("W7", metric, "never", "text")


WORKLOADS = {
    "W0": version,
    "W1": rate,
    "W2": round_trips,
    "W3": echoes,
    "W4": primes,
    "W5": starts,
    "W6": memory,
    "W7": kills,
}
SYSTEMS = {each.name: each for each in (Pool, Executor)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in SYSTEMS:
        sys.exit("usage: python.py %s [W0 ...]" % "|".join(SYSTEMS))
    system = SYSTEMS[sys.argv[1]]
    # A run that hangs must not hang the whole benchmark.
    signal.alarm(300 if FULL else 60)
    for name in sys.argv[2:] or WORKLOADS:
        if name in WORKLOADS:
            WORKLOADS[name]()
