"""The other end of our gRPC, by grpcio from engine.proto: `call ADDRESS NONCE [CA]`, `statuses ADDRESS`,
`status ADDRESS CODE`, `ask ADDRESS CLIENTS SECONDS`, which prints how many pings were answered and what CPU time that took,
`serve [KEY CERTIFICATE]`, or `serve-aging MS FILE`, which ends each connection after so long and writes into the file how
many pings it answered. With `call` and `serve` every message of ours has to be, byte for byte, what protobuf writes of it.
"""

import itertools
import json
import os
import queue
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "engine", "transport", "grpc")
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

made = tempfile.mkdtemp()
if protoc.main(["protoc", "-I", PROTO, "--python_out", made, "--grpc_python_out", made, "engine.proto"]) != 0:
    sys.exit("engine.proto does not compile")
sys.path.insert(0, made)
import engine_pb2 as messages  # noqa: E402
import engine_pb2_grpc as service  # noqa: E402


METHODS = messages.DESCRIPTOR.services_by_name["Engine"].methods


def reads(kind):
    """Reads a message of ours, which has to be what protobuf writes of it, byte for byte."""

    def read_one(content):
        message = kind.FromString(content)
        written = message.SerializeToString(deterministic=True)
        if written != content:
            raise ValueError(f"{kind.DESCRIPTOR.name}: {content[:40]!r} is {written[:40]!r} by protobuf")
        return message

    return read_one


def shape(method):
    """`unary_stream` of a method that is answered by several messages, and what it takes and gives."""
    ways = ["stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming)]
    return "_".join(ways), *(getattr(messages, kind.name) for kind in (method.input_type, method.output_type))


class Stub:
    """Each procedure, whose replies are compared with what protobuf writes of them."""

    def __init__(self, channel):
        for method in METHODS:
            way, takes, gives = shape(method)
            call = getattr(channel, way)(
                f"/engine.Engine/{method.name}",
                request_serializer=takes.SerializeToString,
                response_deserializer=reads(gives),
            )
            setattr(self, method.name, call)


def handlers(servicer):
    """The same of what is asked."""
    of = {}
    for method in METHODS:
        way, takes, gives = shape(method)
        of[method.name] = getattr(grpc, f"{way}_rpc_method_handler")(
            getattr(servicer, method.name), request_deserializer=reads(takes), response_serializer=gives.SerializeToString
        )
    return (grpc.method_handlers_generic_handler("engine.Engine", of),)


def pieces(body, size):
    return [body[at : at + size] for at in range(0, len(body), size)] or [b""]


def payloads(body, size):
    return (messages.Payload(content=piece) for piece in pieces(body, size))


def refused(call, code):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error.details()
    raise AssertionError(f"{code} was due")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def dial(address, ca):
    if ca is None:
        return grpc.insecure_channel(address, options=LARGE)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca)), options=LARGE)


def call(address, nonce, ca=None):
    with dial(address, ca) as channel:
        engine = Stub(channel)
        assert engine.Ping(messages.Empty()).response == "pong"
        assert engine.Nonce(messages.Empty()).nonce == nonce
        for body in (b"", b"a", os.urandom(70_000), os.urandom(3_000_000)):
            assert engine.Echo(messages.Payload(content=body)).content == body
            assert engine.Upload(messages.Payload(content=body)).len == len(body)
            assert engine.UploadChunks(payloads(body, 65_536)).len == len(body)
            back = [piece.content for piece in engine.EchoChunks(payloads(body, 65_536))]
            assert back == pieces(body, 65_536)
        assert engine.Download(messages.Wanted(len=3_000_000)).content == b"x" * 3_000_000
        chunks = [piece.content for piece in engine.DownloadChunks(messages.Wanted(len=150_000, chunk=65_536))]
        assert chunks == pieces(bytes(150_000), 65_536)
        total = engine.Compute(messages.Range(n=10_000_000))
        assert total.high * 2**64 + total.low == sum(i * i for i in range(10_000_000))
        began = time.monotonic()
        assert engine.Sleep(messages.Wait(ns=20_000_000)).ns == 20_000_000
        assert time.monotonic() - began >= 0.02
        futures = [engine.Echo.future(messages.Payload(content=bytes([i]) * 1000)) for i in range(64)]
        assert all(future.result().content == bytes([i]) * 1000 for i, future in enumerate(futures))

        ping_pong(engine)


def ping_pong(engine):
    """Each message is sent only when the one before it has come back."""
    messages_to_send = queue.Queue()
    replies = engine.EchoChunks(iter(messages_to_send.get, None), timeout=120)
    bodies = [b"", b"a", *[os.urandom(1000) for _ in range(200)], os.urandom(3_000_000), b"", os.urandom(40_000)]
    for body in bodies:
        messages_to_send.put(messages.Payload(content=body))
        assert next(replies).content == body
    messages_to_send.put(None)
    assert list(replies) == []
    # Messages of any lengths, and none at all, come back as they went.
    for bodies in ([b"ab", b"c", b"", b"defg" * 50_000, b"h"], []):
        back = engine.EchoChunks((messages.Payload(content=body) for body in bodies), timeout=120)
        assert [reply.content for reply in back] == bodies


def cancelled(engine):
    """Raises what a call raises that its caller has cancelled."""
    call = engine.Sleep.future(messages.Wait(ns=20_000_000_000))
    call.cancel()
    try:
        call.result()
    except grpc.FutureCancelledError:
        raise call from None


def statuses(address):
    """What grpcio sees of each thing that can go wrong (gRPC's "Status codes and their use")."""
    code = grpc.StatusCode
    with dial(address, None) as channel:
        engine = service.EngineStub(channel)
        unary, stream = channel.unary_unary, channel.stream_unary
        two = iter([messages.Payload(content=b"1").SerializeToString()] * 2)
        zeros = messages.Payload(content=bytes(10_000))
        gzip = grpc.Compression.Gzip
        table = [
            ("a procedure that is not there", lambda: unary("/engine.Engine/Unknown")(b""), code.UNIMPLEMENTED),
            ("a service that is not there", lambda: unary("/other.Engine/Ping")(b""), code.UNIMPLEMENTED),
            ("a compressed message", lambda: engine.Upload(zeros, compression=gzip), code.UNIMPLEMENTED),
            ("a compressed message of a stream that stays open",
             lambda: next(engine.EchoChunks(open_after(zeros), compression=gzip)), code.UNIMPLEMENTED),
            ("no message where one is due", lambda: stream("/engine.Engine/Upload")(iter([])), code.UNIMPLEMENTED),
            ("no message where a short one is due", lambda: stream("/engine.Engine/Ping")(iter([])),
             code.UNIMPLEMENTED),
            ("two messages where one is due", lambda: stream("/engine.Engine/Upload")(two), code.UNIMPLEMENTED),
            ("two short messages where one is due", lambda: stream("/engine.Engine/Compute")(iter([b"", b""])),
             code.UNIMPLEMENTED),
            ("a payload that cannot be read", lambda: unary("/engine.Engine/Upload")(b"\x0a\x7f"), code.INTERNAL),
            ("a message that cannot be read", lambda: unary("/engine.Engine/Compute")(b"\xff"), code.INTERNAL),
            ("more bytes than one message holds", lambda: engine.Download(messages.Wanted(len=2**33)),
             code.INVALID_ARGUMENT),
            ("a deadline that passes", lambda: engine.Sleep(messages.Wait(ns=20_000_000_000), timeout=0.05),
             code.DEADLINE_EXCEEDED),
            ("a call that is cancelled", lambda: cancelled(engine), code.CANCELLED),
        ]
        for what, call, due in table:
            try:
                refused(call, due)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from None
            # The connection lives on.
            assert engine.Ping(messages.Empty()).response == "pong", what
        assert "no such procedure" in refused(table[0][1], code.UNIMPLEMENTED)


def open_after(message):
    """A stream of one message that does not end."""
    yield message
    queue.Queue().get()


def ask(address, clients, seconds):
    """So many threads on one channel, each of which pings again and again."""
    with dial(address, None) as channel:
        ping, counted = service.EngineStub(channel).Ping, [0] * int(clients)
        ping(messages.Empty())
        until, spent = time.monotonic() + float(seconds), time.process_time()

        def client(number):
            while time.monotonic() < until:
                ping(messages.Empty())
                counted[number] += 1

        with ThreadPoolExecutor(int(clients)) as pool:
            list(pool.map(client, range(int(clients))))
        print(sum(counted), time.process_time() - spent)


def status(address, due):
    """A ping comes to that status."""
    with dial(address, None) as channel:
        refused(lambda: service.EngineStub(channel).Ping(messages.Empty()), grpc.StatusCode[due])


class Engine(service.EngineServicer):
    def Ping(self, request, context):
        return messages.Pong(response="pong")

    def Nonce(self, request, context):
        return messages.Token(nonce="grpcio")

    def Echo(self, request, context):
        return request

    def EchoChunks(self, requests, context):
        yield from requests

    def Upload(self, request, context):
        return messages.Size(len=len(request.content))

    def UploadChunks(self, requests, context):
        return messages.Size(len=sum(len(request.content) for request in requests))

    def Download(self, request, context):
        return messages.Payload(content=bytes(request.len))

    def DownloadChunks(self, request, context):
        yield from payloads(bytes(request.len), request.chunk)

    def Compute(self, request, context):
        if request.n == 13:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "13 is not computed")
        total = sum(i * i for i in range(request.n))
        return messages.Sum(low=total % 2**64, high=total // 2**64)

    def Sleep(self, request, context):
        time.sleep(request.ns / 1e9)
        return request


def serve(key=None, certificate=None):
    server = grpc.server(ThreadPoolExecutor(16), options=LARGE)
    server.add_generic_rpc_handlers(handlers(Engine()))
    if key is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pairs = [(read(key), read(certificate))]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pairs))
    server.start()
    ready = {"address": f"127.0.0.1:{port}", "pid": os.getpid(), "nonce": "grpcio", "facts": {}}
    print(json.dumps({"ready": ready}), flush=True)
    sys.stdin.read()
    server.stop(0)


class Counting(Engine):
    def __init__(self):
        self.pings = itertools.count()

    def Ping(self, request, context):
        next(self.pings)
        return super().Ping(request, context)


def serve_aging(age, file):
    aging = [("grpc.max_connection_age_ms", int(age)), ("grpc.max_connection_age_grace_ms", 60_000)]
    server = grpc.server(ThreadPoolExecutor(16), options=LARGE + aging)
    counting = Counting()
    service.add_EngineServicer_to_server(counting, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ready = {"address": f"127.0.0.1:{port}", "pid": os.getpid(), "nonce": "grpcio", "facts": {}}
    print(json.dumps({"ready": ready}), flush=True)
    sys.stdin.read()
    server.stop(0)
    with open(file, "w") as counted:
        counted.write(str(next(counting.pings)))


{"serve": serve, "serve-aging": serve_aging, "call": call, "statuses": statuses, "status": status, "ask": ask}[sys.argv[1]](*sys.argv[2:])
