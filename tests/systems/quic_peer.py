"""The other end of our QUIC and HTTP/3, by aioquic: `call TRANSPORT ADDRESS NONCE CA`, `serve TRANSPORT`, or
`serve-leaving N FILE`, which serves HTTP/3, goes away after N requests on a connection, and writes into the file how many
pings it answered."""

import asyncio
import datetime
import ipaddress
import json
import os
import struct
import sys
import tempfile
import time

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import FrameType, H3Connection, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ALPN = {"quic": "engine-frames", "http3": "h3"}
MORE, REPLY, FAILED = 0x80, 0x40, 0x20
NONCE, PING, ECHO, UPLOAD, DOWNLOAD, COMPUTE, SLEEP = range(7)
TOKEN = "the-token-of-aioquic"
# The answer that a test looks for as an error.
UNLUCKY = 13


def frames(kind, body, chunk=None):
    size = chunk or max(len(body), 1)
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    tags = [kind | MORE] * (len(pieces) - 1) + [kind]
    return b"".join(struct.pack(">QB", len(piece), tag) + piece for piece, tag in zip(pieces, tags))


def unframe(data):
    pieces, at = [], 0
    while at < len(data):
        length, tag = struct.unpack_from(">QB", data, at)
        pieces.append(data[at + 9 : at + 9 + length])
        at += 9 + length
        last = not tag & MORE
        assert last == (at == len(data)), "frames end with the stream"
    return tag, pieces


class Web(QuicConnectionProtocol):
    """Requests and replies with a stream for each, at either end."""

    answer = None

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.http, self.heads, self.bodies, self.waiting = H3Connection(self._quic), {}, {}, {}

    def quic_event_received(self, event):
        for event in self.http.handle_event(event):
            stream = event.stream_id
            if isinstance(event, HeadersReceived):
                self.heads[stream] = dict(event.headers)
            elif isinstance(event, DataReceived):
                self.bodies.setdefault(stream, []).append(event.data)
            if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
                whole = self.heads.pop(stream), b"".join(self.bodies.pop(stream, []))
                if stream in self.waiting:
                    self.waiting.pop(stream).set_result(whole)
                elif self.answer:
                    asyncio.ensure_future(self.reply(stream, *whole))

    async def ask(self, method, path, body=None):
        stream = self._quic.get_next_available_stream_id()
        head = [(b":method", method), (b":scheme", b"https"), (b":authority", b"127.0.0.1"), (b":path", path.encode())]
        self.waiting[stream] = asyncio.get_event_loop().create_future()
        self.http.send_headers(stream, head, end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        head, body = await self.waiting[stream]
        return int(head[b":status"]), body

    async def reply(self, stream, head, body):
        status, body = await self.answer(head[b":method"], head[b":path"].decode(), body)
        self.http.send_headers(stream, [(b":status", str(status).encode())])
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()


async def call_quic(peer, nonce):
    async def ask(data):
        reader, writer = await peer.create_stream()
        writer.write(data)
        writer.write_eof()
        return unframe(await reader.read())

    assert await ask(frames(PING, b"")) == (REPLY | PING, [b"pong"])
    assert await ask(frames(NONCE, b"")) == (REPLY | NONCE, [nonce.encode()])
    for body in (b"", b"a", os.urandom(70_000), os.urandom(2_000_000)):
        assert await ask(frames(ECHO, body)) == (REPLY | ECHO, [body])
        tag, pieces = await ask(frames(ECHO, body, 65_536))
        assert tag == REPLY | ECHO and b"".join(pieces) == body and len(pieces) == max(1, -(-len(body) // 65_536))
        assert await ask(frames(UPLOAD, body, 65_536)) == (REPLY | UPLOAD, [len(body).to_bytes(16, "big")])
    assert await ask(frames(DOWNLOAD, struct.pack(">QQ", 2_000_000, 0))) == (REPLY | DOWNLOAD, [b"x" * 2_000_000])
    assert (await ask(frames(COMPUTE, struct.pack(">Q", 10))))[1] == [(285).to_bytes(16, "big")]
    began = time.monotonic()
    assert (await ask(frames(SLEEP, struct.pack(">Q", 20_000_000))))[1] == [(20_000_000).to_bytes(16, "big")]
    assert time.monotonic() - began >= 0.02
    together = await asyncio.gather(*(ask(frames(ECHO, bytes([n]) * 10_000)) for n in range(50)))
    assert together == [(REPLY | ECHO, [bytes([n]) * 10_000]) for n in range(50)]


async def call_http3(peer, nonce):
    assert await peer.ask(b"GET", "/ping") == (200, b'{"response":"pong"}\n')
    status, body = await peer.ask(b"GET", "/nonce")
    assert (status, json.loads(body)) == (200, {"nonce": nonce})
    for body in (b"", b"a", os.urandom(70_000), os.urandom(2_000_000)):
        assert await peer.ask(b"POST", "/echo", body) == (200, body)
        status, said = await peer.ask(b"POST", "/upload", body)
        assert (status, json.loads(said)) == (200, {"size": len(body)})
    assert await peer.ask(b"GET", "/download/2000000") == (200, b"x" * 2_000_000)
    assert await peer.ask(b"GET", "/download-file/2000000") == (200, bytes(2_000_000))
    status, said = await peer.ask(b"GET", "/compute/10")
    assert (status, json.loads(said)) == (200, {"result": 285})
    assert (await peer.ask(b"GET", "/sleep/0.02"))[0] == 200
    for method, path, expected in ((b"GET", "/nothing", 404), (b"GET", "/echo", 405), (b"POST", "/ping", 405)):
        assert (await peer.ask(method, path, b"" if method == b"POST" else None))[0] == expected, path
    together = await asyncio.gather(*(peer.ask(b"POST", "/echo", bytes([n]) * 10_000) for n in range(50)))
    assert together == [(200, bytes([n]) * 10_000) for n in range(50)]


async def call(transport, address, nonce, ca):
    host, port = address.rsplit(":", 1)
    settings = QuicConfiguration(is_client=True, alpn_protocols=[ALPN[transport]], cadata=ca.encode())
    protocol, calls = {"quic": (QuicConnectionProtocol, call_quic), "http3": (Web, call_http3)}[transport]
    async with connect(host, int(port), configuration=settings, create_protocol=protocol) as peer:
        await calls(peer, nonce)


async def answer_frames(reader, writer):
    tag, pieces = unframe(await reader.read())
    kind, body, chunk = tag & 0x0F, b"".join(pieces), None
    number = lambda n: n.to_bytes(16, "big")  # noqa: E731
    if kind == NONCE:
        reply = TOKEN.encode()
    elif kind == PING:
        reply = b"pong"
    elif kind == ECHO:
        reply, chunk = body, len(pieces[0]) if len(pieces) > 1 else None
    elif kind == UPLOAD:
        reply = number(len(body))
    elif kind == DOWNLOAD:
        length, chunk = struct.unpack(">QQ", body)
        reply = bytes(length)
    elif kind == COMPUTE:
        n = int.from_bytes(body, "big")
        if n == UNLUCKY:
            kind, reply = kind | FAILED, struct.pack(">H", 500) + b"13 is not computed"
        else:
            reply = number(sum(i * i for i in range(n)))
    else:
        await asyncio.sleep(int.from_bytes(body, "big") / 1e9)
        reply = number(int.from_bytes(body, "big"))
    writer.write(frames(REPLY | kind, reply, chunk))
    writer.write_eof()


async def answer_web(method, path, body):
    name, _, rest = path.partition("?")[0][1:].partition("/")
    if name == "nonce":
        return 200, json.dumps({"nonce": TOKEN}).encode()
    if name == "ping":
        return 200, b'{"response": "pong"}'
    if name == "echo":
        return 200, body
    if name in ("upload", "upload-file"):
        return 200, json.dumps({"size": len(body)}).encode()
    if name in ("download", "download-file"):
        return 200, bytes(int(rest))
    if name == "compute" and int(rest) != UNLUCKY:
        return 200, json.dumps({"result": sum(i * i for i in range(int(rest)))}).encode()
    if name == "sleep":
        await asyncio.sleep(float(rest))
        return 200, json.dumps({"duration": float(rest)}).encode()
    return 500, b"13 is not computed"


class WebServer(Web):
    answer = staticmethod(answer_web)


class Leaving(WebServer):
    """Goes away after so many requests, and rejects what comes after them (RFC 9114, 5.2)."""

    limit = pings = 0

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.taken, self.beyond = 0, 0

    async def reply(self, stream, head, body):
        if self.taken == self.limit:
            rejected = 0x10B
            self._quic.reset_stream(stream, rejected)
            self.transmit()
            return
        self.taken, self.beyond = self.taken + 1, max(self.beyond, stream + 4)
        if self.taken == self.limit:
            away = encode_frame(FrameType.GOAWAY, encode_uint_var(self.beyond))
            self._quic.send_stream_data(self.http._local_control_stream_id, away)
        await super().reply(stream, head, body)
        Leaving.pings += head[b":path"] == b"/ping"


def certificate(folder):
    """An authority, and a key and certificate for 127.0.0.1 by it; the authority's as PEM."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("aioquic", "localhost")]
    now = datetime.datetime.now(datetime.timezone.utc)

    def issue(which, extension):
        made = x509.CertificateBuilder().subject_name(names[which]).issuer_name(names[0])
        made = made.public_key(keys[which].public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(days=1))
        made = made.not_valid_after(now + datetime.timedelta(days=1)).add_extension(extension, critical=False)
        return made.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    ca = issue(0, x509.BasicConstraints(ca=True, path_length=None))
    with open(os.path.join(folder, "chain.pem"), "wb") as file:
        file.write(issue(1, address))
    with open(os.path.join(folder, "key.pem"), "wb") as file:
        plain = serialization.NoEncryption()
        file.write(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return ca.decode()


async def host(transport, web=WebServer):
    settings = QuicConfiguration(is_client=False, alpn_protocols=[ALPN[transport]], max_data=16 << 20)
    with tempfile.TemporaryDirectory() as folder:
        ca = certificate(folder)
        settings.load_cert_chain(os.path.join(folder, "chain.pem"), os.path.join(folder, "key.pem"))
    more = {
        "quic": {"stream_handler": lambda reader, writer: asyncio.ensure_future(answer_frames(reader, writer))},
        "http3": {"create_protocol": web},
    }[transport]
    server = await serve("127.0.0.1", 0, configuration=settings, **more)
    port = server._transport.get_extra_info("sockname")[1]
    ready = {"address": f"127.0.0.1:{port}", "pid": os.getpid(), "nonce": TOKEN, "facts": {}, "ca": ca}
    print(json.dumps({"ready": ready}), flush=True)
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)


if sys.argv[1] == "call":
    asyncio.run(call(*sys.argv[2:6]))
elif sys.argv[1] == "serve-leaving":
    Leaving.limit = int(sys.argv[2])
    asyncio.run(host("http3", Leaving))
    with open(sys.argv[3], "w") as counted:
        counted.write(str(Leaving.pings))
else:
    asyncio.run(host(sys.argv[2]))
