"""A server of somebody's own, which serves lines, or breaks in the way that it is told."""

import os
import signal
import socket
import sys
import threading
import time

how, port = sys.argv[1], sys.argv[2]


def listener(where):
    if not where.isdigit():
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(where)
    else:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", int(where)))
    listening.listen(1024)
    return listening


def echo(connection):
    with connection:
        while line := connection.recv(65536):
            connection.sendall(line)


def serve(listening, most=None):
    served = 0
    while most is None or served < most:
        connection, _ = listening.accept()
        served += 1
        if most is None:
            threading.Thread(target=echo, args=(connection,), daemon=True).start()


def forever():
    while True:
        signal.pause()


if how == "serve":
    serve(listener(port))
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
