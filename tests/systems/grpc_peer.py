"""The other end of our gRPC, by grpcio from engine.proto: `call ADDRESS NONCE [CA]`, `serve [KEY CERTIFICATE]`, or
`serve-aging MS FILE`, which ends each connection after so long and writes into the file how many pings it answered."""

import itertools
import json
import os
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
        engine = service.EngineStub(channel)
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

        unknown = channel.unary_unary("/engine.Engine/Unknown")
        assert "no such procedure" in refused(lambda: unknown(b""), grpc.StatusCode.UNIMPLEMENTED)
        broken = channel.unary_unary("/engine.Engine/Upload")
        refused(lambda: broken(b"\x0a\x7f"), grpc.StatusCode.INVALID_ARGUMENT)
        late = lambda: engine.Sleep(messages.Wait(ns=2_000_000_000), timeout=0.05)
        refused(late, grpc.StatusCode.DEADLINE_EXCEEDED)


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
    service.add_EngineServicer_to_server(Engine(), server)
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


if sys.argv[1] == "serve":
    serve(*sys.argv[2:])
elif sys.argv[1] == "serve-aging":
    serve_aging(*sys.argv[2:])
else:
    call(*sys.argv[2:])
