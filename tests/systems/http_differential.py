"""Requests that a client may spell in more than one way, to a real Flask server and to ours: what differs.

Takes the two addresses, the real one first; prints each difference and how many requests were compared, as JSON.
"""

import json
import socket
import sys

CHUNKED = "/upload-file-chunked"


def request(method, target, body=b"", fields=()):
    lines = [f"{method} {target} HTTP/1.1", "Host: peer", "Connection: close", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def upload(text):
    body = text if isinstance(text, bytes) else text.encode()
    return request("POST", CHUNKED, body, ["Content-Type: application/json"])


REQUESTS = [
    request("GET", "/ping"),
    request("GET", "/ping?a=b"),
    request("GET", "http://peer/ping"),
    request("GET", "HTTP://peer/ping"),
    request("GET", "Http://peer:80/ping?x"),
    request("GET", "https://peer/ping"),
    request("GET", "HTTPS://peer/download/3"),
    request("GET", "HTTP://peer/missing"),
    request("GET", "/%70ing"),
    request("OPTIONS", "/ping"),
    request("OPTIONS", "/upload"),
    request("OPTIONS", "/missing"),
    request("HEAD", "/ping"),
    request("GET", "/upload"),
    request("POST", "/ping"),
    upload('{"chunks": ["00ff", "0a"]}'),
    upload('{"chunks":[]}'),
    upload(' \t\r\n{ "chunks" : [ "00" , "FFaa" ] } \n'),
    upload('{"\\u0063hunks": ["00"]}'),
    upload('{"\\u0063\\u0068unk\\u0073": ["00"]}'),
    upload('{"chunks": ["\\u0030\\u0030"]}'),
    upload('{"chunks": ["00 ff  0a "]}'),
    upload('{"chunks": ["00\\n\\tff"]}'),
    upload('{"name": "a", "chunks": ["00"]}'),
    upload('{"chunks": ["00"], "name": "a"}'),
    upload('{"a": [1, -2.5e3, true, null, {"chunks": ["zz", {}]}, []], "chunks": ["0011"], "b": {"c": "\\"]}"}}'),
    upload('{"a": "\\\\", "chunks": ["00"], "é": "ü"}'),
    upload('{"a": NaN, "chunks": ["00"]}'),
    upload('{"chunks": ["00"], "a": tru}'),
    upload('{"chunks": ["00"], "a": 01}'),
    upload('{"chunks": ["00"], }'),
    upload('{"chunks": ["00"], "a"}'),
    upload('{"chunks": ["00"], "a": [}'),
    upload('{"chunks": ["00"]} x'),
    upload('{"chunks": ["00"'),
    upload('{"chunks": ["0\\x30"]}'),
    upload('{"chunks": ["00"], "a": "\n"}'),
    upload(b""),
]


def reply(address, sent):
    """The status, and the body where it is JSON."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(sent)
        came = b""
        while piece := connection.recv(65536):
            came += piece
    head, _, body = came.partition(b"\r\n\r\n")
    allow = [sorted(line[6:].decode().replace(",", " ").split()) for line in head.split(b"\r\n")
             if line.lower().startswith(b"allow:")]
    return [int(head.split()[1]), allow, body.decode() if b"application/json" in head else ""]


def main():
    differences = []
    for sent in REQUESTS:
        real, ours = (reply(address, sent) for address in sys.argv[1:3])
        if real != ours:
            differences.append([sent.decode(), real, ours])
    json.dump({"compared": len(REQUESTS), "differences": differences}, sys.stdout)


main()
