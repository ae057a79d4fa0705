"""Calls every endpoint of one server with requests, and checks each reply byte for byte.

Usage: http_calls.py HOST:PORT keep|close
The last word says whether the server is expected to keep connections open.
"""

import socket
import sys

import requests

address, keeping = sys.argv[1], sys.argv[2] == "keep"
base = "http://" + address
host, port = address.rsplit(":", 1)
session = requests.Session()
session.trust_env = False
calls = opened = 0
connect = socket.socket.connect


def counted(connection, address):
    global opened
    opened += 1
    return connect(connection, address)


socket.socket.connect = counted

JSON = "application/json"
HTML = "text/html; charset=utf-8"
OCTETS = "application/octet-stream"
RANDOM = bytes((i * i * 7919 + i // 251) % 256 for i in range(300_000))


def expect(method, path, status, kind, body, **arguments):
    """Makes a call; `body` is the reply's, or what it has to begin with where the status is an error."""
    global calls
    calls += 1
    reply = session.request(method, base + path, timeout=30, **arguments)
    assert reply.status_code == status, (method, path, reply.status_code, reply.text[:200])
    assert reply.headers["Content-Type"] == kind, (path, reply.headers)
    assert reply.headers["Server"] == "engine" and reply.headers["Date"].endswith(" GMT"), reply.headers
    assert (reply.headers.get("Connection") == "close") != keeping, (path, reply.headers)
    if status < 400:
        assert reply.content == body, (path, reply.content[:200])
    else:
        assert reply.content.startswith(body), (path, reply.content[:200])
    return reply


def page(status, name):
    return f"<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n<p>".encode()


def raw(request, half_close=False):
    """What the server writes on a connection of its own, until it closes it."""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        reply = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return reply
            reply += piece


def chunked(data, chunk):
    return [data[at : at + chunk].hex() for at in range(0, len(data), chunk)]


expect("GET", "/ping", 200, JSON, b'{"response":"pong"}\n')
for data in [b"", b"x", RANDOM]:
    size = b'{"size":%d}\n' % len(data)
    expect("POST", "/echo", 200, HTML, data, data=data)
    expect("POST", "/upload", 200, JSON, size, data=data)
    expect("POST", "/upload-file", 200, JSON, size, data=data)
    expect("POST", "/upload-file-chunked", 200, JSON, size, json={"chunks": chunked(data, 65_536)})
# A generator makes requests use chunked transfer coding.
expect("POST", "/echo", 200, HTML, RANDOM, data=(RANDOM[at : at + 7000] for at in range(0, len(RANDOM), 7000)))
for size in [0, 1, 300_000]:
    data = expect("GET", f"/download/{size}", 200, OCTETS, b"x" * size)
    file = expect("GET", f"/download-file/{size}", 200, OCTETS, b"\0" * size)
    assert data.headers["Content-Disposition"] == "attachment; filename=data.bin"
    assert file.headers["Content-Disposition"] == "attachment; filename=file.bin"
    assert file.headers["Cache-Control"] == "no-cache"
expect("GET", "/download-file-chunked/0/2", 200, JSON, b'{"chunks":[]}\n')
expect("GET", "/download-file-chunked/5/2", 200, JSON, b'{"chunks":["0000","0000","00"]}\n')
expect("GET", "/download-file-chunked/2/5", 200, JSON, b'{"chunks":["0000"]}\n')
chunks = session.get(base + "/download-file-chunked/1000000/65536", timeout=30).json()["chunks"]
calls += 1
assert [len(chunk) // 2 for chunk in chunks] == [65_536] * 15 + [16_960] and set("".join(chunks)) == {"0"}
expect("GET", "/compute/10", 200, JSON, b'{"result":285}\n')
expect("GET", "/sleep/0.01", 200, JSON, b'{"duration":0.01}\n')

expect("HEAD", "/download/1000", 200, OCTETS, b"")
assert expect("OPTIONS", "/ping", 200, HTML, b"").headers["Allow"] == "HEAD, GET, OPTIONS"
for path in ["/", "/pong", "/ping/", "/sleep/1", "/compute/-1", "/download/1.5"]:
    expect("GET", path, 404, HTML, page(404, "Not Found"))
assert expect("GET", "/echo", 405, HTML, page(405, "Method Not Allowed")).headers["Allow"] == "OPTIONS, POST"
expect("DELETE", "/ping", 405, HTML, page(405, "Method Not Allowed"))
expect("POST", "/upload-file-chunked", 415, HTML, page(415, "Unsupported Media Type"), data=b"{}")
for body in [b"", b"abc", b"{}", b'{"chunks":["zz"]}', b'{"chunks":["0"]}', b'{"chunks":["00"', b'{"chunks":[7]}']:
    headers = {"Content-Type": "application/json"}
    expect("POST", "/upload-file-chunked", 400, HTML, page(400, "Bad Request"), data=body, headers=headers)
expect("GET", "/ping", 200, JSON, b'{"response":"pong"}\n')

assert opened == (1 if keeping else calls), f"{calls} calls over {opened} connections"

# What breaks a connection breaks that one alone.
post = b"POST /upload HTTP/1.1\r\nHost: a\r\n"
assert raw(post + b"Content-Length: 10\r\n\r\nabc", half_close=True) == b""
assert raw(post + b"Content-Length: x\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
assert raw(post + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc").startswith(b"HTTP/1.1 400 Bad Request\r\n")
assert raw(post + b"Content-Length: 9999999999\r\n\r\nabc", half_close=True).startswith(b"HTTP/1.1 413 Content Too Large\r\n")
assert raw(b"GET /ping HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 200 + b"\r\n").startswith(b"HTTP/1.1 431 ")
assert raw(b"garbage\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
assert raw(b"GET /ping HTTP/1.0\r\n\r\n").endswith(b'Connection: close\r\n\r\n{"response":"pong"}\n')
pipelined = raw(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /compute/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
assert pipelined.count(b"HTTP/1.1 200 OK\r\n") == (2 if keeping else 1), pipelined
expect("GET", "/ping", 200, JSON, b'{"response":"pong"}\n')
