"""Takes orders over gRPC, and describes itself by reflection: `orders.py 127.0.0.1:50051`."""

import sys
from concurrent import futures

import grpc
from grpc_reflection.v1alpha import reflection

from asked import note

messages, services = grpc.protos_and_services("orders.proto")


class Orders(services.OrdersServicer):
    """What orders.proto says."""

    def Place(self, order, context):
        """A number for an order."""
        note("place")
        return messages.Placed(number=f"{order.sku}-{order.quantity}")


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
services.add_OrdersServicer_to_server(Orders(), server)
names = (messages.DESCRIPTOR.services_by_name["Orders"].full_name, reflection.SERVICE_NAME)
reflection.enable_server_reflection(names, server)
if not server.add_insecure_port(sys.argv[1]):
    sys.exit(f"cannot listen on {sys.argv[1]}")
server.start()
server.wait_for_termination()
