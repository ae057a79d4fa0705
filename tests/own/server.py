"""A server of somebody's own, which serves lines, or breaks in the way that it is told."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time

how, port = sys.argv[1], sys.argv[2]


def listener(where):
    host, _, number = where.rpartition(":")
    if not number.isdigit():
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(where)
    else:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host or "127.0.0.1", int(number)))
    listening.listen(1024)
    return listening


def echo(connection):
    with connection:
        while line := connection.recv(65536):
            connection.sendall(line)


def echo_with_work(connection):
    with connection:
        while line := connection.recv(65536):
            sum(range(10_000))
            connection.sendall(line)


def serve(listening, most=None, how=echo):
    served = 0
    while most is None or served < most:
        connection, _ = listening.accept()
        served += 1
        if most is None:
            threading.Thread(target=how, args=(connection,), daemon=True).start()


def forever():
    while True:
        signal.pause()


def ask_the_store(connection):
    with connection, socket.socket(socket.AF_UNIX) as store:
        store.connect(os.environ["STORE"])
        while line := connection.recv(65536):
            store.sendall(line)
            connection.sendall(store.recv(65536))


if how == "serve":
    serve(listener(port))
elif how == "with-store":
    serve(listener(port), how=ask_the_store)
elif how == "store":
    # What the kernel calls it: PR_SET_NAME of prctl(2).
    ctypes.CDLL(None).prctl(15, b"postgres", 0, 0, 0)
    serve(listener(port), how=echo_with_work)
elif how == "busy":
    until = time.process_time() + 0.2
    listening = listener(port)
    threading.Thread(target=serve, args=(listening,), daemon=True).start()
    while True:
        pass
elif how == "silent":
    print("still thinking", flush=True)
    forever()
elif how == "exits":
    print("address in use", file=sys.stderr)
    sys.exit(98)
elif how == "elsewhere":
    serve(listener("0"))
elif how == "background":
    if os.fork():
        sys.exit(0)
    os.setsid()
    serve(listener(port))
elif how == "runaway":
    if not os.fork():
        os.setsid()
        serve(listener(port))
    forever()
elif how == "forks":
    listening = listener(port)
    for _ in range(3):
        if not os.fork():
            serve(listening)
    forever()
elif how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(listener(port))
elif how == "noisy":
    for _ in range(1600):
        os.write(2, b"x" * 65535 + b"\n")
    os.write(2, b"the last word\n")
    serve(listener(port), most=5)
    sys.exit(3)
elif how == "dies":
    serve(listener(port), most=20)
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "robbed":
    thief = socket.socket(socket.AF_UNIX)
    thief.connect(os.environ["THIEF"])
    thief.sendall(port.encode() + b"\n")
    thief.recv(10)
    serve(listener(port))
