"""The reference suite's service on a real RPyC server."""

import logging
import socket
import time

import rpyc
from rpyc.utils.server import ForkingServer, ThreadedServer, ThreadPoolServer

import launch

SERVERS = {"threaded": ThreadedServer, "forking": ForkingServer, "pooled": ThreadPoolServer}


def service(wanted):
    """The class that RPyC makes one object of for each connection."""
    data, file = launch.fills(wanted)

    class Service(rpyc.Service):
        __module__ = "engine"
        __qualname__ = "Service"

        def on_connect(self, conn):
            # What the real server does unless the scenario asks for something else.
            if not wanted.options.get("compress", True):
                conn._channel.compress = False
            if wanted.options.get("nodelay", False):
                conn._channel.stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def exposed_nonce(self):
            return wanted.nonce

        def exposed_ping(self):
            return "pong"

        def exposed_echo(self, data):
            return data

        def exposed_upload(self, data):
            return len(data)

        def exposed_download(self, size):
            return data.bytes(size)

        def exposed_compute(self, n):
            return sum(i * i for i in range(n))

        def exposed_sleep(self, duration):
            time.sleep(duration)
            return duration

        def exposed_upload_file(self, data):
            return len(data)

        def exposed_download_file(self, size):
            return file.bytes(size)

        def exposed_upload_file_chunked(self, chunks):
            return sum(len(chunk) for chunk in chunks)

        def exposed_download_file_chunked(self, size, chunk_size):
            return file.chunks(size, chunk_size)

    return Service


def main():
    wanted = launch.arguments()
    launch.leave_nothing_behind()
    launch.hold_ballast(wanted)
    logging.basicConfig(level=logging.ERROR)
    config = {"allow_public_attrs": True, "allow_pickle": True, "sync_request_timeout": wanted.timeout}
    pool = {"nbThreads": wanted.workers} if wanted.model == "pooled" else {}
    server = SERVERS[wanted.model](service(wanted), hostname=wanted.host, protocol_config=config, **pool)
    # `start` listens too, but blocks: listening before it is what makes the ready line true.
    server._listen()
    launch.ready(wanted, server.port, ["rpyc"])
    server.start()


main()
