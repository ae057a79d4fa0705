"""Real clients as users write them: rpyc.connect and requests.Session, with what they do counted from outside."""

import contextlib
import socket
import struct
import threading
import time

import requests
import rpyc
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError


class CallFailed(Exception):
    """A call failed; `kind` is the class under which it is counted."""

    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind = kind
        # What this machine ran out of, where that is why.
        self.lacks = None


class Wire:
    """The bytes that a client's sockets have carried, read from the kernel without touching its calls."""

    def __init__(self):
        self.up = self.down = 0
        self.live = set()
        self.dials = self.dial_ns = 0

    @contextlib.contextmanager
    def dialling(self):
        """Counts the dial that is made inside, and the time that it takes, whether it succeeds or not."""
        began = time.perf_counter_ns()
        try:
            yield
        finally:
            self.dials, self.dial_ns = self.dials + 1, self.dial_ns + time.perf_counter_ns() - began

    def watch(self, sock):
        """A socket in the place of `sock`, counted here."""
        timeout = sock.gettimeout()
        watched = WatchedSocket(fileno=sock.detach())
        watched.settimeout(timeout)
        watched.wire = self
        self.live.add(watched)
        return watched

    def cut(self):
        """Ends whatever waits on these sockets."""
        for sock in list(self.live):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def settle(self, sock):
        """Adds up a socket that is about to be closed."""
        if sock in self.live:
            self.live.discard(sock)
            up, down = sock.carried()
            self.up, self.down = self.up + up, self.down + down

    def total(self):
        """Bytes up and down so far, those of live connections included."""
        live = [sock.carried() for sock in list(self.live)]
        return self.up + sum(up for up, _ in live), self.down + sum(down for _, down in live)


class WatchedSocket(socket.socket):
    """A socket that is asked what it carried when it closes, and in all else is the one it replaces."""

    def _real_close(self):
        self.wire.settle(self)
        super()._real_close()

    def carried(self):
        """Payload bytes up and down, from struct tcp_info of Linux 4.19 and newer."""
        info = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if len(info) < 216:
            return 0, 0
        state, (received,) = info[0], struct.unpack_from("Q", info, 128)
        sent, again = struct.unpack_from("QQ", info, 200)
        # The peer's FIN counts as a byte: TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK and CLOSING follow it.
        ended = state in (6, 7, 8, 9, 11) and received > 0
        return sent - again, received - ended


class RpycClient:
    """A connection of rpyc.connect; `method: bound` looks a method up once, otherwise each call does."""

    versions = ["rpyc"]
    about = "rpyc.connect"

    def __init__(self, address, options, timeout):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.options = options
        self.config = {"allow_public_attrs": True, "allow_pickle": True, "sync_request_timeout": timeout}
        self.connection = None
        self.methods = {}
        self.wire = Wire()
        self.dial_ns = 0

    def dial(self):
        before = self.wire.dial_ns
        with self.wire.dialling():
            self.connection = rpyc.connect(self.host, self.port, config=self.config)
        self.dial_ns = self.wire.dial_ns - before
        channel = self.connection._channel
        channel.stream.sock = self.wire.watch(channel.stream.sock)
        if not self.options.get("compress", True):
            channel.compress = False
        if self.options.get("nodelay", False):
            channel.stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def method(self, name):
        if self.options.get("method") != "bound":
            return getattr(self.connection.root, name)
        if name not in self.methods:
            self.methods[name] = getattr(self.connection.root, name)
        return self.methods[name]

    def nonce(self):
        return self.method("nonce")()

    def ping(self):
        return self.method("ping")()

    def echo(self, data):
        return self.method("echo")(data)

    def upload(self, data):
        return self.method("upload")(data)

    def upload_chunks(self, chunks):
        return self.method("upload_file_chunked")(chunks)

    def download(self, size):
        return self.method("download")(size)

    def download_chunks(self, size, chunk):
        # A reference to a list comes back; the bytes only come when it is read.
        return list(self.method("download_file_chunked")(size, chunk))

    def compute(self, n):
        return self.method("compute")(n)

    def sleep(self, seconds):
        return self.method("sleep")(seconds)

    def close(self):
        self.methods.clear()
        if self.connection is not None:
            try:
                self.connection.close()
            except Exception:
                pass
        self.connection = None

    @staticmethod
    def failure(error):
        """The class and the words for what a call raised."""
        words = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if hasattr(error, "_remote_tb"):
            return CallFailed("status", words)
        if isinstance(error, TimeoutError):
            return CallFailed("timeout", words)
        if isinstance(error, (EOFError, OSError)):
            return CallFailed("connect", words)
        return CallFailed("protocol", words)


# urllib3 dials inside the first request of a connection: the client on whose thread it does so is told.
dialling = threading.local()


class WatchedConnection(HTTPConnection):
    def _new_conn(self):
        client = dialling.client
        before = client.wire.dial_ns
        with client.wire.dialling():
            sock = super()._new_conn()
        return client.dialled(sock, client.wire.dial_ns - before)


HTTPConnectionPool.ConnectionCls = WatchedConnection


class HttpClient:
    """A requests.Session; `pool` lets all clients share one session with so many connections."""

    versions = ["requests", "urllib3"]
    about = "requests.Session"
    shared = None

    def __init__(self, address, options, timeout):
        self.base = f"http://{address}"
        self.options = options
        self.timeout = timeout
        self.session = None
        self.wire = Wire()
        self.dial_ns = 0
        self.retries = 0
        if options.get("pool") and HttpClient.shared is None:
            HttpClient.shared = self.new_session()

    def new_session(self):
        session = requests.Session()
        pool = self.options.get("pool")
        size = {"pool_connections": 1, "pool_maxsize": pool, "pool_block": True} if pool else {}
        session.mount("http://", HTTPAdapter(max_retries=self.options.get("retries", 0), **size))
        if not self.options.get("keep-alive", True):
            session.headers["Connection"] = "close"
        return session

    def dial(self):
        """Makes the session; as with every requests.Session, the first call connects."""
        self.dial_ns = 0
        self.session = HttpClient.shared or self.new_session()

    def dialled(self, sock, took_ns):
        self.dial_ns = took_ns
        return self.wire.watch(sock)

    def send(self, verb, path, **body):
        dialling.client = self
        reply = getattr(self.session, verb)(self.base + path, timeout=self.timeout, **body)
        self.retries += len(reply.raw.retries.history) if reply.raw.retries else 0
        if reply.status_code >= 400:
            raise CallFailed("status", f"{reply.status_code} {reply.reason}")
        return reply

    def nonce(self):
        return self.send("get", "/nonce").json()["nonce"]

    def ping(self):
        return self.send("get", "/ping").json()["response"]

    def echo(self, data):
        return self.send("post", "/echo", data=data).content

    def upload(self, data):
        return self.send("post", "/upload", data=data).json()["size"]

    def upload_chunks(self, chunks):
        return self.send("post", "/upload-file-chunked", json={"chunks": [c.hex() for c in chunks]}).json()["size"]

    def download(self, size):
        return self.send("get", f"/download/{size}").content

    def download_chunks(self, size, chunk):
        chunks = self.send("get", f"/download-file-chunked/{size}/{chunk}").json()["chunks"]
        return [bytes.fromhex(chunk) for chunk in chunks]

    def compute(self, n):
        return self.send("get", f"/compute/{n}").json()["result"]

    def sleep(self, seconds):
        # The path takes a number with a point only.
        return self.send("get", f"/sleep/{seconds:.9f}").json()["duration"]

    def close(self):
        if self.session is not None and self.session is not HttpClient.shared:
            self.session.close()
        self.session = None

    @staticmethod
    def failure(error):
        """The class and the words for what a call raised."""
        words = f"{type(error).__name__}: {error}"
        inner = error.args[0] if error.args else None
        if isinstance(error, requests.exceptions.Timeout) or isinstance(inner, ReadTimeoutError):
            return CallFailed("timeout", words)
        # What requests raises for a body that it cannot read as JSON is an OSError too.
        if isinstance(error, ValueError):
            return CallFailed("protocol", words)
        if isinstance(error, OSError):
            return CallFailed("connect", words)
        return CallFailed("protocol", words)


CLIENTS = {"rpyc": RpycClient, "http1": HttpClient}
