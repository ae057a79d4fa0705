"""HTTP/1.1 as h11 reads and writes it, at the other end of ours: it raises where a peer breaks a rule.

`h11_peer.py client ADDRESS` asks a server of ours everything that h11 can spell, and prints what came otherwise than due,
as JSON. `h11_peer.py server` prints a ready line, answers our client until its stdin ends, and prints how many requests it
read and what it found wrong with them.
"""

import json
import socket
import sys
import threading

import h11

BODY = bytes(range(256)) * 40


def ask(link, connection, request, pieces):
    """One request and its reply: status, fields and body."""
    link.sendall(connection.send(request))
    for piece in pieces:
        link.sendall(connection.send(h11.Data(data=piece)))
    link.sendall(connection.send(h11.EndOfMessage()))
    status, fields, body = None, {}, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(link.recv(65536))
        elif isinstance(event, h11.InformationalResponse):
            continue
        elif isinstance(event, h11.Response):
            status, fields = event.status_code, dict(event.headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            assert isinstance(event, h11.EndOfMessage), event
            return status, fields, body


def requests(host):
    """Each request with its pieces, and the status and body that are due."""
    sized = [("Host", host), ("Content-Length", str(len(BODY)))]
    chunked = [("Host", host), ("Transfer-Encoding", "chunked")]
    pieces = [BODY[at : at + 1000] for at in range(0, len(BODY), 1000)]
    size = json.dumps({"size": len(BODY)}, separators=(",", ":")).encode() + b"\n"

    def request(method, target, headers, version="1.1"):
        return h11.Request(method=method, target=target, headers=headers, http_version=version)

    for fields in ([], [("Accept", "*/*"), ("User-Agent", "h11")], [("X-Empty", "")], [("Connection", "close")]):
        yield request("GET", "/ping", [("Host", host), *fields]), [], 200, b'{"response":"pong"}\n'
    yield request("GET", f"http://{host}/ping", [("Host", host)]), [], 200, b'{"response":"pong"}\n'
    yield request("GET", "/compute/10", [("Host", host)]), [], 200, b'{"result":285}\n'
    for headers in (sized, chunked, [*sized, ("Expect", "100-continue")]):
        yield request("POST", "/echo", headers), pieces, 200, BODY
        yield request("POST", "/upload", headers), pieces, 200, size
    yield request("POST", "/echo", [("Host", host), ("Content-Length", "0")]), [], 200, b""
    yield request("GET", "/nowhere", [("Host", host)]), [], 404, None
    yield request("HEAD", "/ping", [("Host", host)]), [], None, b""
    yield request("DELETE", "/ping", [("Host", host)]), [], 405, None


def client(address):
    host, port = address.rsplit(":", 1)
    wrong, made = [], 0
    for each in (1, 3):
        for request, pieces, status, body in requests(address):
            link = socket.create_connection((host, int(port)), timeout=60)
            connection = h11.Connection(h11.CLIENT)
            what = f"{request.method.decode()} {request.target.decode()} {request.headers!r}"
            try:
                for _ in range(each):
                    got = ask(link, connection, request, pieces)
                    made += 1
                    if status not in (None, got[0]) or body not in (None, got[2]):
                        wrong.append(f"{what}: {got[0]} {got[2][:80]!r}")
                    if connection.our_state is h11.MUST_CLOSE or connection.their_state is h11.MUST_CLOSE:
                        # Who says that it closes does.
                        if link.recv(1):
                            wrong.append(f"{what}: more came where the connection was to be closed")
                        break
                    connection.start_next_cycle()
            except (h11.ProtocolError, OSError) as error:
                wrong.append(f"{what}: {type(error).__name__}: {error}")
            link.close()
    print(json.dumps({"made": made, "wrong": wrong}))


def answer(request, body):
    path = request.target.decode().split("?")[0]
    if path == "/ping":
        return b"application/json", b'{"response":"pong"}\n'
    if path == "/echo":
        return b"text/html; charset=utf-8", body
    return b"application/json", json.dumps({"size": len(body)}).encode()


def serve(link, told):
    connection, request, body = h11.Connection(h11.SERVER), None, b""
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(link.recv(65536))
            elif isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                kind, content = answer(request, body)
                headers = [(b"Content-Type", kind), (b"Content-Length", str(len(content)).encode())]
                said = connection.send(h11.Response(status_code=200, headers=headers))
                said += connection.send(h11.Data(data=content)) + connection.send(h11.EndOfMessage())
                link.sendall(said)
                told["read"] += 1
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            else:
                return
    except (h11.ProtocolError, OSError) as error:
        told["wrong"].append(f"{type(error).__name__}: {error}")
    finally:
        link.close()


def server():
    told = {"read": 0, "wrong": []}
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"ready": {"address": "%s:%d" % listener.getsockname()}}), flush=True)

    def accept():
        while True:
            link, _ = listener.accept()
            threading.Thread(target=serve, args=(link, told), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    with open(sys.argv[2], "w") as file:
        json.dump(told, file)


client(sys.argv[2]) if sys.argv[1] == "client" else server()
