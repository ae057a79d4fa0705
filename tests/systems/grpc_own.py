"""A service of a user's own, by grpcio from proto/shop/v1/orders.proto.

`serve REFLECTION FILE [KEY CERTIFICATE]` listens, prints a ready line, and writes into the file what it was asked when stdin ends;
`launch REFLECTION PORT` serves until it is told to end. REFLECTION is `none`, `v1alpha`, `v1`, or `broken`.
"""

import collections
import json
import os
import signal
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "proto")
FILES = ["shop/v1/orders.proto", "shop/v1/items.proto"]

made = tempfile.mkdtemp()
GOOGLE = os.path.join(os.path.dirname(protoc.__file__), "_proto")
if protoc.main(["protoc", "-I", PROTO, "-I", GOOGLE, "--python_out", made, "--grpc_python_out", made, *FILES]) != 0:
    sys.exit("orders.proto does not compile")
sys.path.insert(0, made)
from shop.v1 import items_pb2, orders_pb2, orders_pb2_grpc  # noqa: E402


class Orders(orders_pb2_grpc.OrdersServicer):
    def __init__(self):
        self.lock = threading.Lock()
        self.asked = collections.Counter()
        self.notes = set()
        self.tenants = set()

    def note(self, method, order, context):
        with self.lock:
            self.asked[method] += 1
            self.notes.add(order.note)
            self.tenants.update(value for name, value in context.invocation_metadata() if name == "x-tenant")

    def Place(self, order, context):
        self.note("Place", order, context)
        came = order.SerializeToString(deterministic=True)
        return orders_pb2.Placed(id="o-" + order.note, state="STATE_PAID", came=came)

    def List(self, wanted, context):
        with self.lock:
            self.asked["List"] += 1
        for number in range(wanted.count):
            yield items_pb2.Item(sku=f"a-{number}", quantity=1)

    def Refuse(self, order, context):
        self.note("Refuse", order, context)
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no " + order.note)


class Broken:
    """Describes the file of the service, and none that it imports."""

    def ServerReflectionInfo(self, requests, context):
        for request in requests:
            if request.HasField("file_containing_symbol"):
                file = descriptor_pb2.FileDescriptorProto()
                orders_pb2.DESCRIPTOR.CopyToProto(file)
                found = reflection_pb2.FileDescriptorResponse(file_descriptor_proto=[file.SerializeToString()])
                yield reflection_pb2.ServerReflectionResponse(file_descriptor_response=found)
            else:
                error = reflection_pb2.ErrorResponse(error_code=grpc.StatusCode.NOT_FOUND.value[0])
                yield reflection_pb2.ServerReflectionResponse(error_response=error)


def describe(server, how):
    names = [orders_pb2.DESCRIPTOR.services_by_name["Orders"].full_name]
    if how == "v1alpha":
        reflection.enable_server_reflection(names, server)
    elif how in ("v1", "broken"):
        # Its messages are those of v1alpha under another name.
        answers = Broken() if how == "broken" else reflection.ReflectionServicer(names)
        method = grpc.stream_stream_rpc_method_handler(
            answers.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        service = "grpc.reflection.v1.ServerReflection"
        handler = grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": method})
        server.add_generic_rpc_handlers((handler,))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def start(how, port, key=None, certificate=None):
    server = grpc.server(ThreadPoolExecutor(16))
    orders = Orders()
    orders_pb2_grpc.add_OrdersServicer_to_server(orders, server)
    describe(server, how)
    if key is None:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        pairs = [(read(key), read(certificate))]
        port = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials(pairs))
    server.start()
    return server, orders, port


def serve(how, file, key=None, certificate=None):
    server, orders, port = start(how, 0, key, certificate)
    ready = {"address": f"127.0.0.1:{port}", "pid": os.getpid(), "nonce": "none", "facts": {}}
    print(json.dumps({"ready": ready}), flush=True)
    sys.stdin.read()
    server.stop(0)
    with open(file, "w") as out:
        json.dump({"asked": orders.asked, "notes": sorted(orders.notes), "tenants": sorted(orders.tenants)}, out)


def launch(how, port):
    server, _, _ = start(how, port)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.wait_for_termination()


{"serve": serve, "launch": launch}[sys.argv[1]](*sys.argv[2:])
