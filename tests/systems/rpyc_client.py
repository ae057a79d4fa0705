"""Real rpyc against a server of the engine: everything that a client of the service can see."""

import os
import random
import sys
import threading

import rpyc
from rpyc.core import brine, consts
from rpyc.core.netref import syncreq
from rpyc.utils.helpers import buffiter

HOST, PORT = sys.argv[1].rsplit(":", 1)
# The nine types of brine, at every edge where its form changes.
VALUES = [
    None, True, False, NotImplemented, Ellipsis, (), "", "text", "ü 漢字 \U0001f600", "x" * 255, "y" * 256, "z" * 5000,
    0, 1, -1, -48, -49, 159, 160, 2**31, -(2**63), 2**63, 10**200, -(10**300), 0.0, -0.0, 1.5, float("inf"), 1e-300,
    1 + 2j, complex(-0.0, 1e300), slice(1, 2, 3), slice(None, "a", (1, 2)), frozenset(), frozenset([1, "a", (2, 3)]),
    ((),), (1, (2, (3, (4, (5, b"six"))))), tuple(range(4)), tuple(range(5)), tuple(range(300)),
    (b"x" * 3000, "mixed", 7), ("deep", ((b"y" * 70000,), frozenset([b"z" * 400]))),
]
SIZES = [0, 1, 2, 3, 4, 5, 255, 256, 2900, 3000, 3001, 63994, 64000, 64001, 1 << 20]


def told(value):
    """A value's type and text; the members of a set in one order, since that of `repr` depends on how it was built."""
    if isinstance(value, frozenset):
        return "frozenset", sorted(map(told, value), key=repr)
    if isinstance(value, tuple):
        return "tuple", [told(item) for item in value]
    return type(value).__name__, repr(value)


def connect(**config):
    return rpyc.connect(HOST, int(PORT), config={"sync_request_timeout": 60, **config})


def raises(kind, text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        assert text in str(error), f"{text!r} is not in {error!s}"
        assert "Remote Traceback" in str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def lent(conn):
    return len(conn._local_objects._dict)


def calls():
    conn = connect()
    root = conn.root
    assert root.ping() == "pong" and root.exposed_ping() == "pong"
    for value in VALUES:
        back = root.echo(value)
        assert told(back) == told(value), value
    assert root.echo(data=5) == 5
    nan = root.echo(float("nan"))
    assert nan != nan
    for size in SIZES:
        for data in (bytes(size), os.urandom(size)):
            assert root.echo(data) == data
            assert root.upload(data) == root.upload_file(data) == size
        assert root.download(size) == b"x" * size
        assert root.download_file(size) == bytes(size)
    assert root.compute(10) == 285 and root.compute(0) == 0 and root.compute(-3) == 0
    assert root.compute(3000) == sum(i * i for i in range(3000))
    assert root.sleep(0.001) == 0.001 and root.sleep(0) == 0
    assert len(root.nonce()) == 32
    assert root.get_service_aliases() == ("",)
    conn.ping()
    conn.ping(data=b"\x00" * 100000)
    bound = root.ping
    assert [bound() for _ in range(50)] == ["pong"] * 50
    assert root.upload("ü") == 1 and root.upload((1, 2, 3)) == 3 and root.upload([1, 2]) == 2
    assert root.upload(bytearray(5)) == 5
    conn.close()


def chunked():
    conn = connect()
    root = conn.root
    chunks = [os.urandom(size) for size in (100, 70000, 0, 1, 3001)]
    total = sum(map(len, chunks))
    assert root.upload_file_chunked(chunks) == total
    assert root.upload_file_chunked(tuple(chunks)) == total
    assert root.upload_file_chunked(chunk for chunk in chunks) == total
    assert root.upload_file_chunked([]) == 0 and root.upload_file_chunked(()) == 0
    assert root.upload_file_chunked([bytearray(7), "abc", (1, 2)]) == 12
    assert root.upload_file_chunked((bytearray(7), b"abc")) == 10
    assert root.upload_file_chunked(iter(chunks)) == total
    assert root.upload_file_chunked("abc") == 3 and root.upload_file_chunked(b"") == 0
    raises(TypeError, "'int' object is not iterable", root.upload_file_chunked, 5)
    raises(TypeError, "'NoneType' object is not iterable", root.upload_file_chunked, None)
    raises(TypeError, "object of type 'int' has no len()", root.upload_file_chunked, [b"a", 5])

    def broken():
        yield b"one"
        raise ValueError("the generator is broken")

    error = raises(ValueError, "the generator is broken", root.upload_file_chunked, broken())
    assert error.args == ("the generator is broken",)
    assert root.ping() == "pong"
    for size, chunk in ((0, 10), (1, 10), (9, 10), (10, 10), (11, 10), (800, 100), (1 << 20, 65536)):
        got = list(root.download_file_chunked(size, chunk))
        assert [len(part) for part in got] == [chunk] * (size // chunk) + [size % chunk] * (size % chunk > 0)
        assert b"".join(got) == bytes(size)
    raises(ValueError, "must not be zero", root.download_file_chunked, 10, 0)
    # What this end lent has all been given back.
    conn.ping()
    assert lent(conn) == 0, conn._local_objects
    conn.close()


def netrefs():
    conn = connect()
    root = conn.root
    chunks = root.download_file_chunked(950, 100)
    assert isinstance(chunks, list) and chunks.__class__ is list
    assert len(chunks) == 10 and bool(chunks)
    assert chunks[0] == chunks[-2] == bytes(100) and chunks[-1] == bytes(50)
    assert len(chunks[2:4]) == 2 and len(chunks[::-3]) == 4 and chunks[::-1][0] == bytes(50)
    assert bytes(100) in chunks and bytes(99) not in chunks and 5 not in chunks
    assert chunks.count(bytes(100)) == 9 and chunks.index(bytes(50)) == 9
    assert chunks == chunks and not (chunks != chunks) and chunks == chunks[:] and chunks[:5] < chunks
    assert chunks != [1] and not chunks == None  # noqa: E711
    assert repr(chunks[9:]) == str(chunks[9:]) == repr([bytes(50)]) and f"{chunks[9:]}" == repr([bytes(50)])
    assert {"__len__", "__iter__", "count"} <= set(dir(chunks)) and "exposed_ping" in dir(root)
    assert sum(len(chunk) for chunk in buffiter(chunks)) == 950
    assert list(buffiter(iter(chunks), chunk=3)) == list(chunks)
    raises(IndexError, "list index out of range", lambda: chunks[10])
    raises(TypeError, "list indices must be integers or slices, not str", lambda: chunks["a"])
    raises(ValueError, "slice step cannot be zero", lambda: chunks[::0])
    raises(ValueError, "is not in list", chunks.index, b"no")
    raises(TypeError, "unhashable type: 'list'", hash, chunks)
    raises(NotImplementedError, "offers no 'append'", lambda: chunks.append)
    raises(AttributeError, "has no attribute 'nope'", lambda: chunks.nope)
    iterator = iter(chunks)
    assert type(iterator).__name__ == "builtins.list_iterator" and iter(iterator) is iterator
    assert next(iterator) == bytes(100) and iterator.__length_hint__() == 9
    assert len(list(iterator)) == 9
    try:
        next(iterator)
        raise AssertionError("an iterator that has ended goes on")
    except StopIteration:
        pass
    mine = [1, 2]
    assert root.echo(mine) is mine and root.echo((mine, b"x"))[0] is mine and root.echo(root) == root
    assert root.echo(chunks) == chunks
    assert root.ping == root.ping and root.ping != root.echo and root == root and root != 5
    assert hash(root) == hash(root) and "engine.Service object" in repr(root) and str(root) == repr(root)
    assert "Service.exposed_ping" in repr(root.ping)
    assert root.__doc__ is None
    raises(AttributeError, "cannot access '__class__'", lambda: root.__class__)
    for name in ("nope", "exposed_nope"):
        error = raises(AttributeError, f"'Service' object has no attribute '{name}'", getattr, root, name)
        assert error.name == name
    assert not hasattr(root, "nope") and hasattr(root, "ping")
    raises(AttributeError, "cannot access '_secret'", lambda: root._secret)
    raises(AttributeError, "access denied", setattr, root, "x", 1)
    raises(AttributeError, "access denied", delattr, root, "x")
    raises(AttributeError, "cannot access 'x'", setattr, chunks, "x", 1)
    raises(TypeError, "'Service' object is not callable", lambda: syncreq(root, consts.HANDLE_CALL, ()))
    raises(ValueError, "pickling is disabled", syncreq, root, consts.HANDLE_PICKLE, 2)
    raises(AttributeError, "__exit__", syncreq, root, consts.HANDLE_CTXEXIT, None)
    raises(TypeError, "isinstance() arg 2", syncreq, root, consts.HANDLE_INSTANCECHECK, chunks.____id_pack__)
    raises(AttributeError, "__getslice__", syncreq, chunks, consts.HANDLE_OLDSLICING, "a", "b", 0, 1, ())
    raises(KeyError, "77", conn.sync_request, 77)
    raises(KeyError, "engine.Service", conn.sync_request, consts.HANDLE_INSPECT, ("engine.Service", 1, 2))
    raises(TypeError, "takes 1 positional argument but 2 were given", root.ping, 1)
    raises(TypeError, "missing 1 required positional argument: 'data'", root.echo)
    raises(TypeError, "unexpected keyword argument 'x'", root.echo, x=1)
    raises(TypeError, "object of type 'int' has no len()", root.upload, 5)
    raises(TypeError, "'str' object cannot be interpreted as an integer", root.sleep, "long")
    raises(ValueError, "sleep length must be non-negative", root.sleep, -1)
    assert root.ping() == "pong"
    assert lent(conn) == 0, conn._local_objects
    conn.close()


def references():
    conn = connect()
    bound = conn.root.ping
    name = bound.____id_pack__
    for _ in range(100):
        conn.root.echo([1]), conn.root.download_file_chunked(10, 5)
    assert bound() == "pong"
    del bound
    conn.ping()
    # The server has forgotten the method: a name that was given up names nothing.
    dead = rpyc.core.netref.builtin_classes_cache["builtins.method"](conn, name)
    raises(KeyError, "builtins.method", dead)
    dead.____refcount__ = 0
    assert lent(conn) == 0
    conn.close()


def asynchronous():
    conn = connect()
    ping, sleep = rpyc.async_(conn.root.ping), rpyc.async_(conn.root.sleep)
    upload = rpyc.async_(conn.root.upload_file_chunked)
    assert [result.value for result in [ping() for _ in range(100)]] == ["pong"] * 100
    slow = sleep(0.05)
    slow.set_expiry(30)
    assert slow.value == 0.05
    uploads = [upload([b"x" * size] * size) for size in range(1, 30)]
    assert conn.root.ping() == "pong"
    assert [result.value for result in uploads] == [size * size for size in range(1, 30)]
    failing = rpyc.async_(conn.root.compute)("no")
    failing.wait()
    assert failing.error
    conn.close()
    impatient = connect(sync_request_timeout=0.2)
    try:
        impatient.root.sleep(30)
        raise AssertionError("the call must time out")
    except TimeoutError:
        pass
    impatient._channel.close()


def many():
    failures = []

    def one(number):
        try:
            conn = connect()
            value = bytes([number]) * 4000
            for _ in range(20):
                assert conn.root.echo(value) == value
            assert conn.root.upload_file_chunked([value] * 3) == 12000
            conn.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(64)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures, failures


def gone():
    for close in (lambda conn: conn.close(), lambda conn: conn._channel.close()):
        conn = connect()
        upload = rpyc.async_(conn.root.upload_file_chunked)
        upload([b"x"] * 1000)
        rpyc.async_(conn.root.sleep)(0.01)
        close(conn)
    conn = connect()
    assert conn.root.ping() == "pong"
    conn.close()


def uncompressed():
    conn = connect()
    conn._channel.compress = False
    data = random.Random(1).randbytes(500000)
    assert conn.root.echo(data) == data and conn.root.upload(bytes(500000)) == 500000
    conn.close()


assert brine.dumpable(VALUES[-1])
for test in (calls, chunked, netrefs, references, asynchronous, many, gone, uncompressed):
    test()
    print(test.__name__, "ok", flush=True)
