"""The other end of our rpyc by a release before 6: `call ADDRESS` prints what a call raises, `serve` prints a ready line.
"""

import json
import logging
import os
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer


class Service(rpyc.Service):
    def exposed_ping(self):
        return "pong"


def call(address):
    host, port = address.rsplit(":", 1)
    conn = rpyc.connect(host, int(port), config={"sync_request_timeout": 60})
    try:
        print(conn.root.ping())
    except Exception as error:
        print(type(error).__name__, str(error).split("\n")[0])


def serve():
    logging.disable()
    server = ThreadedServer(Service, hostname="127.0.0.1", port=0)
    server._listen()
    ready = {"address": f"127.0.0.1:{server.port}", "pid": os.getpid(), "nonce": "", "facts": {}}
    print(json.dumps({"ready": ready}), flush=True)
    threading.Thread(target=server.start, daemon=True).start()
    sys.stdin.read()


if sys.argv[1] == "serve":
    serve()
else:
    call(*sys.argv[2:])
