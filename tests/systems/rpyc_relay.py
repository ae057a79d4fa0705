"""A relay that writes down what passes through it: the frames of rpyc, taken apart, without ids.

Prints a ready line; when stdin closes, writes a list for each way and kind of message to the file it was given.
"""

import json
import os
import socket
import struct
import sys
import threading
import zlib

from rpyc.core import brine

HOST, PORT = sys.argv[1].rsplit(":", 1)
KINDS = {1: "request", 2: "reply", 3: "exception"}


def nameless(value):
    """A value with the ids in names of objects struck out, and what JSON cannot say in words."""
    if isinstance(value, tuple):
        if len(value) == 3 and isinstance(value[0], str) and "." in value[0]:
            return [value[0], "id", "id"]
        return [nameless(item) for item in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes, crc {zlib.crc32(value)}"
    return value if isinstance(value, (int, str, type(None))) else repr(value)


def frames(stream):
    while stream:
        length, compressed = struct.unpack_from("!LB", stream)
        payload, end, stream = stream[5 : 5 + length], stream[5 + length], stream[6 + length :]
        assert end == ord("\n")
        if compressed:
            payload = zlib.decompress(payload)
        sequence, said = brine.load(payload[1:])
        yield KINDS[payload[0]], [sequence, compressed, nameless(said)]


def carry(source, target, heard):
    while data := source.recv(1 << 16):
        heard.extend(data)
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


listener = socket.create_server(("127.0.0.1", 0))
up, down = bytearray(), bytearray()


def relay():
    client, _ = listener.accept()
    server = socket.create_connection((HOST, int(PORT)))
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ways = [(client, server, up), (server, client, down)]
    threads = [threading.Thread(target=carry, args=way) for way in ways]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


relaying = threading.Thread(target=relay, daemon=True)
relaying.start()
print(json.dumps({"ready": {"address": f"127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}}), flush=True)
sys.stdin.read()
relaying.join()
said = {f"{way} {kind}": [] for way in ("up", "down") for kind in KINDS.values()}
for way, stream in (("up", up), ("down", down)):
    for kind, frame in frames(bytes(stream)):
        said[f"{way} {kind}"].append(frame)
with open(sys.argv[2], "w") as file:
    json.dump(said, file)
