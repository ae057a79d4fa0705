"""A lab's service over RPyC: a sensor to read, and blocks to store."""

import sys

import rpyc
from rpyc.utils.server import ThreadedServer

from asked import note

BLOCKS = {}


class Lab(rpyc.Service):
    """What clients call."""

    def exposed_read_sensor(self, number):
        """The sensor's value, as text."""
        note("reading")
        return f"{20 + number / 10:.1f}"

    def exposed_store_block(self, name, data):
        """Keeps a block by its name, and says how long it is."""
        note("store")
        BLOCKS[name] = data
        return len(data)


host, port = sys.argv[1].rsplit(":", 1)
ThreadedServer(Lab(), hostname=host, port=int(port)).start()
