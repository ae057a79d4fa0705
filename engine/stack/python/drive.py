"""A client process as `engine drive` is one, whose calls a real Python client makes.

Closed loop: each client is a thread of this one process, as users of the reference suite have them.
"""

import base64
import errno
import json
import os
import platform
import queue
import sys
import threading
import time
from array import array
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from importlib import metadata

from clients import CLIENTS, CallFailed
from fill import Fill

VERSION = 1
# What an assignment may say; of another key nobody knows what it would have changed.
KEYS = set(
    "version address transport options nonce ca pin part gives_way_ns call payload chunk split fill work hold_ns seed "
    "clients warmup iterations duration_ns rate ramp arrivals wait timeout_ns drain_ns verify".split()
)
SHOWN_FAILURES = 5
ERRORS = ("connect", "status", "short", "corrupt", "protocol")
# What a machine runs out of while it dials, by the error that says so.
LACKS = {
    errno.EADDRNOTAVAIL: "ports",
    errno.EADDRINUSE: "ports",
    errno.EMFILE: "descriptors",
    errno.ENFILE: "descriptors",
    errno.ENOBUFS: "buffers",
    errno.ENOMEM: "buffers",
}
# So much later than its time-out a call has to be over.
OVERDUE_NS = 1_000_000_000
# What a reply may be that was not the one that was asked for.
REPLIED = ("status", "short", "corrupt", "protocol")
# After these the connection is dialled anew, so that no late reply is ever matched.
BREAKING = ("connect", "timeout", "protocol", "censored")


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Engine:
    """The other end of stdin; when it is gone, so is this process."""

    def __init__(self):
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in sys.stdin:
            self.lines.put(line)
        os._exit(0)

    def told(self, word):
        line = json.loads(self.lines.get())
        if word not in line:
            raise CallFailed("assignment", f"a line with `{word}` was due, not {json.dumps(line)[:200]}")
        return line[word]


class Work:
    """What the assignment's calls ask, each in its turn, and the check of each reply."""

    def __init__(self, job):
        call, payload, chunk = job["call"], job.get("payload") or 0, job.get("chunk")
        self.fill = Fill.of(job.get("fill", "zeros"), job.get("seed", 0))
        self.n, self.hold = job.get("work") or 0, (job.get("hold_ns") or 0) / 1e9
        self.squares = self.n and (self.n - 1) * self.n * (2 * self.n - 1) // 6
        # A split into calls asks for each chunk by itself, from the fill's beginning.
        self.sizes, self.chunk = [payload], chunk
        if chunk and job.get("split") == "calls":
            self.sizes = [min(chunk, payload - begin) for begin in range(0, payload, chunk)] or [0]
            self.chunk = None
        self.sends, self.gets = call in ("echo", "upload"), call in ("echo", "download")
        if call == "upload" and self.chunk:
            self.bodies = {payload: self.fill.chunks(payload, self.chunk)}
        elif self.sends:
            self.bodies = {size: self.fill.bytes(size) for size in self.sizes}
        self.do = getattr(self, call)

    def size(self, number):
        """The payload of the call of that number."""
        return self.sizes[number % len(self.sizes)]

    def ping(self, client, size, content):
        if client.ping() != "pong":
            raise CallFailed("protocol", "the answer to a ping is not pong")

    connect = ping

    def echo(self, client, size, content):
        self.same([client.echo(self.bodies[size])], size, content)

    def upload(self, client, size, content):
        send = client.upload_chunks if self.chunk else client.upload
        self.sized(send(self.bodies[size]), size)

    def download(self, client, size, content):
        chunks = client.download_chunks(size, self.chunk) if self.chunk else [client.download(size)]
        self.same(chunks, size, content)

    def compute(self, client, size, content):
        result = client.compute(self.n)
        if result != self.squares:
            raise CallFailed("corrupt", f"{result} came where {self.squares} was right")

    def sleep(self, client, size, content):
        if client.sleep(self.hold) != self.hold:
            raise CallFailed("corrupt", "the server slept for another time than it was asked to")

    @staticmethod
    def sized(size, expected):
        if size != expected:
            raise CallFailed("short", f"{size} bytes came where {expected} were expected")

    def same(self, chunks, expected, content):
        self.sized(sum(len(chunk) for chunk in chunks), expected)
        offset = 0
        for chunk in chunks if content else ():
            if not self.fill.matches(chunk, offset):
                raise CallFailed("corrupt", f"the content differs in the piece at offset {offset}")
            offset += len(chunk)


class Caller:
    """One client of the load: a thread with at most one call in flight."""

    def __init__(self, load):
        self.load = load
        self.client = load.client()
        self.connected = False
        self.checked = False
        # Whether it waits for a reply, and whether its connection was cut since none came for too long.
        self.calling = self.cut = False
        self.counts = dict.fromkeys(("ok", "timeout", "censored") + ERRORS, 0)
        self.response, self.service = Times(), Times()
        self.dials, self.first_answers = Times(), Times()
        self.reconnects = 0
        self.lacked = []
        self.ended = 0
        self.payload = 0
        self.failures = []

    def prepare(self):
        """Connects, has the server prove who it is, and warms up."""
        try:
            self.dial()
            if self.load.nonce is None:
                self.client.ping()
            elif self.client.nonce() != self.load.nonce:
                raise CallFailed("nonce", f"the server at {self.load.address} is not the one that was launched")
        except Exception as error:
            raise self.failed(error) from None
        if self.load.connects:
            self.hang_up()
        for number in range(self.load.warmup):
            try:
                self.call(self.load.work.size(number))
            except CallFailed as failure:
                # A reply that is wrong before anything is timed would never be looked at again.
                if failure.kind in ("short", "corrupt", "protocol"):
                    raise

    def run(self, start):
        start.wait()
        load = self.load
        calls = 0
        while calls < load.iterations and not load.over and time.perf_counter_ns() < load.last_start_ns:
            if calls == 1 and load.gives_way_s:
                # Other processes that share the core are to begin as well.
                time.sleep(load.gives_way_s)
            size = load.work.size(calls)
            calls += 1
            self.begun = time.perf_counter_ns()
            try:
                took = self.call(size)
            except CallFailed as failure:
                self.settle_failure(failure)
            else:
                self.counts["ok"] += 1
                self.payload += size
                self.response.answered.append(self.ended - self.begun)
                self.service.answered.append(took)
                if load.connects:
                    self.dials.answered.append(self.client.dial_ns)
                    self.first_answers.answered.append(took - self.client.dial_ns)

    def settle_failure(self, failure):
        kind = "censored" if self.load.over else failure.kind
        self.counts[kind] += 1
        if kind == "connect" and failure.lacks:
            self.lacked.append(failure.lacks)
        if kind in ("timeout", "censored"):
            self.response.given_up.append(self.ended - self.begun)
            self.service.given_up.append(self.ended - self.sent)
        if len(self.failures) < SHOWN_FAILURES:
            self.failures.append(f"{kind}: {failure}")

    def call(self, size):
        """Makes one call, returns how long its service took, and dials anew where the last one broke."""
        load = self.load
        content = load.all_content or not self.checked
        self.sent, self.cut, self.calling = time.perf_counter_ns(), False, True
        try:
            if load.connects:
                self.dial()
            elif not self.connected:
                self.dial()
                self.sent = time.perf_counter_ns()
            load.work.do(self.client, size, content)
            self.ended = time.perf_counter_ns()
            if self.too_late():
                raise self.timed_out()
            self.checked = True
            return self.ended - self.sent
        except Exception as error:
            self.ended = time.perf_counter_ns()
            failure = self.failed(error)
            if (failure.kind in REPLIED or self.cut) and self.too_late():
                failure = self.timed_out()
            if failure.kind in BREAKING and not load.connects:
                self.reconnects += 1
                # Who has not answered may not answer a goodbye either.
                self.client.wire.cut()
                self.hang_up()
            raise failure from None
        finally:
            self.calling = False
            if load.connects:
                self.hang_up()

    def cut_if_overdue(self):
        """Ends a wait that its library would not end: rpyc reads on while bytes of a long reply come."""
        if self.calling and time.perf_counter_ns() - self.sent > self.load.timeout * 1e9 + OVERDUE_NS:
            self.cut = True
            self.client.wire.cut()

    def too_late(self):
        # rpyc begins to count when all is sent, requests anew with each read: a reply may still come too late.
        return self.ended - self.sent > self.load.timeout * 1e9

    def timed_out(self):
        return CallFailed("timeout", f"the reply came after {(self.ended - self.sent) / 1e9:.3f} s")

    def failed(self, error):
        failure = error if isinstance(error, CallFailed) else self.client.failure(error)
        failure.lacks = lack_of(error)
        return failure

    def dial(self):
        self.client.dial()
        self.connected = True

    def hang_up(self):
        self.connected = False
        self.client.close()


def lack_of(error):
    """What the kernel said this machine had no more of, if that is why, however deep the libraries wrapped it."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in LACKS:
            return LACKS[error.errno]
        inner = [getattr(error, "reason", None), *getattr(error, "args", ())]
        error = error.__cause__ or error.__context__ or next((e for e in inner if isinstance(e, Exception)), None)
    return None


class Times:
    """Times in nanoseconds: of answered calls, and how long those had lasted that were given up."""

    def __init__(self):
        self.answered, self.given_up = array("Q"), array("Q")

    def told(self):
        return {"samples_ns": as_text(self.answered), "given_up_ns": as_text(self.given_up)}


def as_text(times):
    if sys.byteorder == "big":
        times.byteswap()
    return base64.b64encode(times.tobytes()).decode()


def merged(parts):
    all_times = Times()
    for part in parts:
        all_times.answered.extend(part.answered)
        all_times.given_up.extend(part.given_up)
    return all_times.told()


class Load:
    """The assignment, and the callers that carry it out."""

    def __init__(self, job):
        if job["version"] != VERSION:
            raise CallFailed("assignment", f"these lines are of version {VERSION}, not {job['version']}")
        unknown = sorted(set(job) - KEYS)
        if unknown or job.get("rate") or job.get("ramp"):
            what = f"the key `{unknown[0]}`" if unknown else "a rate"
            raise CallFailed("assignment", f"the Python driver does not know what to do with {what}")
        if job.get("pin"):
            # Those that there are: the thread that listens is older than its assignment.
            for thread in os.listdir("/proc/self/task"):
                os.sched_setaffinity(int(thread), job["pin"])
        if job["transport"] not in CLIENTS:
            raise CallFailed("assignment", f"the Python driver does not speak {job['transport']}")
        self.kind = CLIENTS[job["transport"]]
        self.address, self.nonce = job["address"], job.get("nonce")
        self.options, self.timeout = job.get("options") or {}, job["timeout_ns"] / 1e9
        self.connects = job["call"] == "connect"
        self.all_content = job.get("verify") == "content"
        self.duration_ns, self.drain_ns = job.get("duration_ns"), job["drain_ns"]
        self.gives_way_s = (job.get("gives_way_ns") or 0) / 1e9
        self.over = False
        self.last_start_ns = sys.maxsize
        self.work = Work(job)
        each = len(self.work.sizes)
        self.warmup = (job.get("warmup") or 0) * each
        self.iterations = sys.maxsize if job.get("iterations") is None else job["iterations"] * each
        self.callers = [Caller(self) for _ in range(job["clients"])]
        self.pool = ThreadPoolExecutor(max_workers=job["clients"])

    def client(self):
        return self.kind(self.address, self.options, self.timeout)

    def arm(self):
        for armed in [self.pool.submit(caller.prepare) for caller in self.callers]:
            armed.result()

    def run(self):
        """Runs the timed window; a second at a time, so as to say how far it has come."""
        barrier = threading.Barrier(len(self.callers) + 1, action=self.begin)
        running = [self.pool.submit(caller.run, barrier) for caller in self.callers]
        barrier.wait()
        while running:
            left_s = (self.end_ns() - time.perf_counter_ns()) / 1e9
            done, running = wait(running, timeout=max(0.0, min(1.0, left_s)), return_when=FIRST_EXCEPTION)
            for caller in done:
                caller.result()
            if running:
                if left_s <= 0 and not self.over:
                    self.give_up()
                elif self.over:
                    time.sleep(0.01)
                else:
                    for caller in self.callers:
                        caller.cut_if_overdue()
                    say(progress={"ended": sum(sum(caller.counts.values()) for caller in self.callers)})
        self.ended_ns = max(caller.ended for caller in self.callers)
        self.wire_after = self.wire()
        self.dials_after = self.dials()

    def begin(self):
        self.wire_before = self.wire()
        self.dials_before = self.dials()
        self.reconnects_before = sum(caller.reconnects for caller in self.callers)
        self.retries_before = self.retries()
        self.started_ns = time.perf_counter_ns()
        if self.duration_ns is not None:
            self.last_start_ns = self.started_ns + self.duration_ns

    def end_ns(self):
        return sys.maxsize if self.duration_ns is None else self.last_start_ns + self.drain_ns

    def give_up(self):
        """Draining is over: what is still unanswered is censored."""
        self.over = True
        for caller in self.callers:
            caller.client.wire.cut()

    def wire(self):
        totals = [caller.client.wire.total() for caller in self.callers]
        return sum(up for up, _ in totals), sum(down for _, down in totals)

    def dials(self):
        wires = [caller.client.wire for caller in self.callers]
        return sum(wire.dials for wire in wires), sum(wire.dial_ns for wire in wires)

    def retries(self):
        return sum(getattr(caller.client, "retries", 0) for caller in self.callers)

    def measured(self):
        callers, total = self.callers, {}
        for kind in callers[0].counts:
            total[kind] = sum(caller.counts[kind] for caller in callers)
        elapsed_ns = max(1, self.ended_ns - self.started_ns)
        connect = None
        if self.connects:
            dials, answers = [c.dials for c in callers], [c.first_answers for c in callers]
            connect = {"dial": merged(dials), "tls": None, "first_answer": merged(answers)}
        payload = sum(caller.payload for caller in callers)
        failures = [failure for caller in callers for failure in caller.failures]
        return {
            "counts": {
                "scheduled": sum(total.values()),
                "ok": total["ok"],
                "error": {kind: total[kind] for kind in ERRORS},
                "timeout": total["timeout"],
                "censored": total["censored"],
            },
            "elapsed_ns": elapsed_ns,
            "calls_per_s": total["ok"] * 1e9 / elapsed_ns,
            "response_time": merged(caller.response for caller in callers),
            "service_time": merged(caller.service for caller in callers),
            "connect": connect,
            "bytes": {
                "payload_up": payload if self.work.sends else 0,
                "payload_down": payload if self.work.gets else 0,
                # A reset connection looks like one whose peer's FIN was counted as a byte.
                "wire_up": max(self.wire_after[0] - self.wire_before[0], 0),
                "wire_down": max(self.wire_after[1] - self.wire_before[1], 0),
            },
            "messages_per_call": None,
            "retries": self.retries() - self.retries_before,
            "reconnects": sum(caller.reconnects for caller in callers) - self.reconnects_before,
            "dials": self.dials_after[0] - self.dials_before[0],
            "dial_ns": self.dials_after[1] - self.dials_before[1],
            # These clients ask nothing again by themselves; what urllib3 is told to retry is in `retries`.
            "resent": 0,
            "generator": self.generator(),
            "clients": [self.told_of(caller) for caller in callers],
            "failures": failures[:SHOWN_FAILURES],
            "facts": self.facts(),
        }

    def generator(self):
        lacked = [what for caller in self.callers for what in caller.lacked]
        return {"lacked": {"what": lacked[0], "calls": len(lacked)}} if lacked else {}

    @staticmethod
    def told_of(caller):
        counts = caller.counts
        times = sorted(caller.response.answered + caller.response.given_up)

        def quantile(per_hundred):
            return times[(len(times) * per_hundred + 99) // 100 - 1] if times else 0

        return {
            "ok": counts["ok"],
            "error": sum(counts[kind] for kind in ERRORS),
            "timeout": counts["timeout"],
            "censored": counts["censored"],
            "p50_ns": quantile(50),
            "p99_ns": quantile(99),
        }

    def facts(self):
        clients = len(self.callers)
        again = " at a time, dialled anew" if self.dials_after[0] > self.dials_before[0] else ""
        facts = {
            "driver": f"{self.kind.about}, a thread for each client in one process",
            "loop": "closed",
            "connections": f"{min(clients, self.options.get('pool', clients))}{again}",
            "python": platform.python_version(),
        }
        facts.update((package, metadata.version(package)) for package in self.kind.versions)
        return facts


def main():
    engine = Engine()
    try:
        job = engine.told("assignment")
        try:
            load = Load(job)
        except (KeyError, TypeError, ValueError) as error:
            raise CallFailed("assignment", f"{type(error).__name__}: {error}") from None
        load.arm()
        say(armed={"clients": len(load.callers)})
        at_ns = engine.told("go").get("at_ns")
        if at_ns is not None:
            time.sleep(max(0, at_ns - time.monotonic_ns()) / 1e9)
        began_ns = time.monotonic_ns()
        load.run()
        say(done={"began_ns": began_ns})
        engine.told("report")
        say(measured=load.measured())
    except CallFailed as failure:
        lacks = {"lacks": failure.lacks} if failure.lacks else {}
        say(failed={"class": failure.kind, "reason": str(failure), **lacks})
    os._exit(0)


main()
