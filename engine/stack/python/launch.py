"""What every launcher does: read its arguments, say when it listens, and leave nothing behind."""

import argparse
import ctypes
import fcntl
import json
import os
import platform
import select
import signal
import sys
from importlib import metadata

from fill import Fill

PR_SET_PDEATHSIG = 1
HELD = []


def arguments():
    """What the engine wants served, and how."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--nonce", required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on, at any port")
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--timeout", type=float, required=True, help="seconds that a request may take")
    parser.add_argument("--fill", choices=["zeros", "text", "random"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--ballast", type=int, default=0, help="bytes to hold from before serving")
    parser.add_argument("--facts", type=json.loads, default={})
    return parser.parse_args()


def fills(wanted):
    """The bytes of data and of files: as asked, or the reference suite's."""
    if wanted.fill is None:
        return Fill.constant(ord("x")), Fill.constant(0)
    fill = Fill.of(wanted.fill, wanted.seed)
    return fill, fill


def hold_ballast(wanted):
    """Writes and holds the memory that is asked for; whatever is forked inherits it."""
    piece = 1 << 20
    HELD[:] = [os.urandom(min(piece, wanted.ballast - at)) for at in range(0, wanted.ballast, piece)]


def leave_nothing_behind():
    """Ends this process when stdin closes, and every process that it forks when it ends itself."""
    # A signal, because a thread that waits for stdin would be one too many in a process that forks.
    signal.signal(signal.SIGIO, lambda *_: stop_if_stdin_ended())
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    stop_if_stdin_ended()

    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def die_with_parent():
        # The parent may be gone before its death can be signalled.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)

    os.register_at_fork(after_in_child=die_with_parent)


def stop_if_stdin_ended():
    while select.select([0], [], [], 0)[0]:
        if not os.read(0, 4096):
            os._exit(0)


def ready(wanted, port, packages, pid=None):
    """Prints the one line that says where the server listens, with the versions of `packages`."""
    facts = dict(wanted.facts, python=platform.python_version())
    facts.update((package, metadata.version(package)) for package in packages)
    line = {"address": f"{wanted.host}:{port}", "pid": pid or os.getpid(), "nonce": wanted.nonce, "facts": facts}
    sys.stdout.write(json.dumps({"ready": line}) + "\n")
    sys.stdout.flush()
