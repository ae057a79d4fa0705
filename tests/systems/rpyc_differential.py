"""One program of real rpyc against two servers of the same service, a real one and ours: what differs.

Takes the two addresses, the real one first; prints each difference and how many expressions were compared, as JSON.
What an expression comes to is its value, or the type of what it raises, and that the connection lives on. What
docs/rpyc.md says is not offered is not asked here.
"""

import json
import re
import sys

import rpyc
from rpyc.core import consts
from rpyc.core.netref import syncreq
from rpyc.utils.helpers import buffiter

MADE = (1, 2.5, "a", b"b", None, True, (1, (2,)), frozenset([3]), slice(1, 2))


class Sized:
    """Has a length and nothing else."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length


class ByIndex:
    """Iterable by the old way alone: items from 0 until IndexError."""

    def __init__(self, *items):
        self.items = items

    def __getitem__(self, index):
        return self.items[index]


class Broken:
    """Whose every step raises `error`."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        raise self.error

    def __iter__(self):
        return self

    def __next__(self):
        raise self.error

    def __getitem__(self, index):
        raise self.error


class Iterable:
    """Whose iterator is what it was given."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __iter__(self):
        return self.iterator


class Own(Exception):
    """An exception that no other program knows."""


class Clear:
    """Whose `__next__` gives what it was given, then ends."""

    def __init__(self, *items):
        self.items = list(items)

    def __next__(self):
        if not self.items:
            raise StopIteration
        return self.items.pop(0)


def chunks(root, size=95, chunk=10):
    return root.download_file_chunked(size, chunk)


def stepped(iterator, steps):
    for _ in range(steps):
        next(iterator)
    return iterator


def generator(*items):
    yield from items


def kept(root, use):
    """A list that is looked at after its iterator was half used."""
    parts = chunks(root)
    iterator = stepped(iter(parts), 4)
    return use(parts, iterator)


EXPRESSIONS = """
root.ping()
root.exposed_ping()
root.ping(1)
root.ping(data=1)
root.nonce()
root.echo(5)
root.echo(MADE)
root.echo()
root.echo(1, 2)
root.echo(x=1)
root.echo(1, data=2)
root.echo(data=b"named")
root.echo(10**50)
root.echo(-(2**63))
root.echo(float("-inf"))
root.echo([1, 2])
root.echo(len) is len
root.echo(root.ping)()
root.echo(root.echo)(3)
root.echo(root) == root
root.echo((root, 1))[0].ping()
root.upload(b"12345")
root.upload("ü漢")
root.upload(())
root.upload((1, [2], root))
root.upload(frozenset([1, 2]))
root.upload({1: 2})
root.upload(range(7))
root.upload(bytearray(9))
root.upload(memoryview(b"123"))
root.upload(Sized(12))
root.upload(Sized(0))
root.upload(Sized(-1))
root.upload(Sized("long"))
root.upload(Sized(2**70))
root.upload(Sized(True))
root.upload(Sized(2.0))
root.upload(5)
root.upload(None)
root.upload(1.5)
root.upload(slice(1))
root.upload(1 + 2j)
root.upload(object())
root.upload(generator(1))
root.upload(Broken(ValueError("v")))
root.upload(Broken(KeyError("k")))
root.upload(Broken(Own("o")))
root.upload(root)
root.upload(root.ping)
root.upload(chunks(root))
root.upload(iter(chunks(root)))
root.upload(chunks(root).__len__)
root.upload()
root.upload(b"a", b"b")
root.upload_file(b"abc")
root.upload_file(chunks(root))
root.upload_file(NotImplemented)
root.upload_file(Ellipsis)
root.upload_file_chunked(root.download_file_chunked(10, 3))
root.upload_file_chunked(chunks(root))
root.upload_file_chunked(chunks(root)[::-1])
root.upload_file_chunked(chunks(root)[::-3])
root.upload_file_chunked(chunks(root)[1::2])
root.upload_file_chunked(chunks(root)[9:])
root.upload_file_chunked(chunks(root)[:9])
root.upload_file_chunked(chunks(root)[9:8])
root.upload_file_chunked(chunks(root)[2:9][::-2])
root.upload_file_chunked(chunks(root).copy())
root.upload_file_chunked(iter(chunks(root)))
root.upload_file_chunked(stepped(iter(chunks(root)), 4))
root.upload_file_chunked(stepped(iter(chunks(root)), 9))
kept(root, lambda parts, iterator: (root.upload_file_chunked(iterator), list(iterator), len(parts)))
kept(root, lambda parts, iterator: (root.upload_file_chunked(iterator), root.upload_file_chunked(iterator)))
root.upload_file_chunked(iter(iter(chunks(root))))
root.upload_file_chunked((chunks(root), b"abc"))
root.upload_file_chunked([chunks(root), b"abc"])
root.upload_file_chunked((iter(chunks(root)), b"abc"))
root.upload_file_chunked((root, b"abc"))
root.upload_file_chunked([root])
root.upload_file_chunked(root)
root.upload_file_chunked(root.ping)
root.upload_file_chunked([b"a", "bc", (1, 2, 3), [4] * 4])
root.upload_file_chunked(b"")
root.upload_file_chunked(b"ab")
root.upload_file_chunked("ab")
root.upload_file_chunked(5)
root.upload_file_chunked(None)
root.upload_file_chunked(Ellipsis)
root.upload_file_chunked(slice(1))
root.upload_file_chunked(frozenset(["abc", b"de"]))
root.upload_file_chunked({"abc": 1, "de": 2})
root.upload_file_chunked({"abc", "de"})
root.upload_file_chunked(range(3))
root.upload_file_chunked(range(0))
root.upload_file_chunked(generator(b"a", "bc", [1, 2, 3]))
root.upload_file_chunked(map(bytes, (1, 2, 3)))
root.upload_file_chunked(ByIndex(b"a", b"bc"))
root.upload_file_chunked(ByIndex())
root.upload_file_chunked(ByIndex([1], "ab", (1, 2, 3)))
root.upload_file_chunked(ByIndex(1, 2))
root.upload_file_chunked(Sized(3))
root.upload_file_chunked(object())
root.upload_file_chunked(len)
root.upload_file_chunked(Broken(ValueError("v")))
root.upload_file_chunked(Broken(IndexError("i")))
root.upload_file_chunked(Broken(StopIteration()))
root.upload_file_chunked(Broken(Own("o")))
root.upload_file_chunked(Iterable(5))
root.upload_file_chunked(Iterable(None))
root.upload_file_chunked(Iterable("text"))
root.upload_file_chunked(Iterable([b"a"]))
root.upload_file_chunked(Iterable(iter([b"ab"])))
root.upload_file_chunked(Iterable(iter(chunks(root))))
root.upload_file_chunked(Iterable(Clear(b"abc", b"d")))
root.upload_file_chunked(Iterable(chunks(root)))
root.upload_file_chunked(Iterable(root))
root.upload_file_chunked(Clear(b"abc"))
root.upload_file_chunked([Sized(3), Sized(4)])
root.upload_file_chunked([Sized(3), Sized(-4)])
root.upload_file_chunked([Sized(3), Sized("4")])
root.upload_file_chunked([b"a", Broken(KeyError("k"))])
root.upload_file_chunked([b"a", None])
root.upload_file_chunked(["a", 5, b"c"])
root.upload_file_chunked()
root.upload_file_chunked([], [])
root.download(10)
root.download(0)
root.download(-5)
root.download(True)
root.download("10")
root.download(1.5)
root.download(None)
root.download([1])
root.download(root)
root.download(2**80)
root.download()
root.download_file(10)
root.download_file(False)
root.download_file(b"1")
list(chunks(root))
list(chunks(root, 0, 10))
list(chunks(root, 5, 10))
list(chunks(root, -5, 10))
list(chunks(root, 5, -10))
list(chunks(root, 10, 0))
list(chunks(root, "a", 1))
list(chunks(root, 1, "a"))
list(chunks(root, 1.0, 1))
list(chunks(root, 3, True))
list(chunks(root, True, True))
list(chunks(root, 3, 2**70))
list(chunks(root, 0, 2**70))
root.download_file_chunked(5)
root.compute(10)
root.compute(0)
root.compute(-10)
root.compute(-(2**70))
root.compute(True)
root.compute("10")
root.compute(10.0)
root.compute(None)
root.compute([3])
root.compute(root)
root.compute(chunks(root))
root.sleep(0)
root.sleep(0.0)
root.sleep(-0.0)
root.sleep(False)
root.sleep(0.001)
root.sleep(-1)
root.sleep(-0.5)
root.sleep(float("nan"))
root.sleep(float("inf"))
root.sleep(1e300)
root.sleep(10**30)
root.sleep("1")
root.sleep(None)
root.sleep(1j)
root.sleep([1])
root.sleep(root)
root.nope
root.nope()
root.exposed_nope
root._secret
root.__secret__
root.__class__
root.__doc__
root.__len__
root.__iter__
root.__getitem__
root.__call__
root.__dict__
root.__module__
root.__eq__(5)
root.__ne__(root)
root.__lt__(5)
root.__hash__() == hash(root)
root.__repr__() == repr(root)
root.__format__("")
root.__format__("x")
root.ping.__doc__
root.ping.__name__
root.ping.__func__
root.ping.__self__
root.ping.nope
root.ping.__call__
root.ping.__call__()
root.ping.__len__
root.ping == root.ping
root.ping == root.echo
root.ping != root.echo
root.ping < root.echo
root < root
root == 5
root != None
root < 5
root == root
hash(root) == hash(root)
hash(root.ping) == hash(root.ping)
len(root)
iter(root)
root[0]
root()
root + 1
bool(root)
5 in root
root.x == 1
setattr(root, "x", 1)
delattr(root, "x")
setattr(root, "exposed_ping", 1)
setattr(root.ping, "x", 1)
setattr(chunks(root), "x", 1)
delattr(chunks(root), "x")
len(chunks(root))
bool(chunks(root))
bool(chunks(root, 0, 1))
chunks(root)[0]
chunks(root)[-1]
chunks(root)[9]
chunks(root)[10]
chunks(root)[-11]
chunks(root)[True]
chunks(root)["a"]
chunks(root)[None]
chunks(root)[1.0]
chunks(root)[2**70]
chunks(root)[b"a"]
chunks(root)[(1, 2)]
chunks(root)[root]
chunks(root)[[1]]
chunks(root)[1, 2]
chunks(root)[::0]
chunks(root)["a":]
chunks(root)[1.5:2]
chunks(root)[::"a"]
chunks(root)[2**70 :: -(2**70)]
list(chunks(root)[2:5])
list(chunks(root)[::-4])
list(chunks(root)[-3:])
chunks(root) == chunks(root)
chunks(root) != chunks(root)
chunks(root) < chunks(root, 96)
chunks(root) <= chunks(root)
chunks(root) > chunks(root, 95, 11)
chunks(root) == list(chunks(root))
chunks(root) == 5
chunks(root) < 5
chunks(root) == root
chunks(root).__eq__(5)
chunks(root).__lt__(5)
hash(chunks(root))
chunks(root).__hash__
chunks(root).__hash__()
repr(chunks(root, 5, 2))
str(chunks(root, 5, 2))
f"{chunks(root, 5, 2)}"
f"{chunks(root, 5, 2):>9}"
chunks(root).__format__(5)
chunks(root).count(bytes(10))
chunks(root).count(5)
chunks(root).count()
chunks(root).count(1, 2)
chunks(root).count(value=1)
chunks(root).index(bytes(5))
chunks(root).index(5)
chunks(root).index(bytes(10), 3)
chunks(root).index(bytes(10), 3, 5)
chunks(root).index(bytes(5), 3, 5)
chunks(root).index(bytes(10), "a")
chunks(root).index()
bytes(10) in chunks(root)
5 in chunks(root)
root in chunks(root)
chunks(root).copy() == chunks(root)
chunks(root).copy(1)
chunks(root).nope
chunks(root)._secret
chunks(root).__class__
chunks(root).__len__()
chunks(root).__len__(1)
chunks(root).__len__.__call__()
chunks(root).__len__.__name__
chunks(root).__iter__().__next__()
chunks(root).__contains__(bytes(10))
chunks(root).__contains__()
chunks(root).__getitem__(0)
chunks(root).__getitem__()
chunks(root).__getitem__(0, 1)
list(reversed(chunks(root)))
sorted(chunks(root))[0]
max(chunks(root))
b"".join(chunks(root))
sum(map(len, chunks(root)))
chunks(root)()
next(iter(chunks(root)))
next(chunks(root))
len(iter(chunks(root)))
iter(chunks(root)).__length_hint__()
stepped(iter(chunks(root)), 3).__length_hint__()
stepped(iter(chunks(root)), 10).__length_hint__()
next(stepped(iter(chunks(root)), 10))
list(stepped(iter(chunks(root)), 8))
iter(iter(chunks(root))).__next__()
iter(chunks(root)).__next__(1)
iter(chunks(root))[0]
iter(chunks(root)).nope
bool(iter(chunks(root)))
iter(chunks(root)) == 5
kept(root, lambda parts, iterator: iterator == iterator)
kept(root, lambda parts, iterator: iter(iterator) is iterator)
list(buffiter(chunks(root)))
list(buffiter(iter(chunks(root)), chunk=3))
list(buffiter(root))
syncreq(chunks(root), consts.HANDLE_BUFFITER, 0)
syncreq(chunks(root), consts.HANDLE_BUFFITER, -1)
syncreq(chunks(root), consts.HANDLE_BUFFITER, "a")
syncreq(chunks(root), consts.HANDLE_BUFFITER, None)
syncreq(root, consts.HANDLE_BUFFITER, 3)
syncreq(root, consts.HANDLE_CALL, ())
syncreq(root, consts.HANDLE_CALLATTR, "ping")
syncreq(root, consts.HANDLE_CALLATTR, "ping", (), ())
syncreq(root, consts.HANDLE_CALLATTR, "ping", 5, ())
syncreq(root, consts.HANDLE_CALLATTR, "echo", (), (("data", 4),))
syncreq(root, consts.HANDLE_GETATTR)
syncreq(root, consts.HANDLE_GETATTR, 5)
syncreq(root, consts.HANDLE_GETATTR, None)
syncreq(root, consts.HANDLE_GETATTR, b"ping")()
syncreq(root, consts.HANDLE_GETATTR, b"\\xff")
syncreq(root, consts.HANDLE_GETATTR, "ping", 1)
syncreq(root, consts.HANDLE_SETATTR, 5, 1)
syncreq(root, consts.HANDLE_DELATTR, None)
syncreq(root, consts.HANDLE_CTXEXIT, None)
syncreq(root, consts.HANDLE_CMP, 5)
syncreq(root, consts.HANDLE_CMP, 5, "__eq__")
syncreq(root, consts.HANDLE_CMP, 5, "__nope__")
[name for name in dir(root) if name.startswith("exposed_")]
syncreq(root, consts.HANDLE_OLDSLICING, "a", "b", 0, 1, ())
syncreq(chunks(root), consts.HANDLE_INSTANCECHECK, 5)
conn.ping()
conn.sync_request(consts.HANDLE_PING, 5)
conn.sync_request(consts.HANDLE_PING, [5])
conn.sync_request(consts.HANDLE_PING)
conn.sync_request(consts.HANDLE_PING, 1, 2)
conn.sync_request(consts.HANDLE_GETROOT) == root
conn.sync_request(consts.HANDLE_GETROOT, 5)
conn.sync_request(consts.HANDLE_CALL, 5, ())
conn.sync_request(consts.HANDLE_INSPECT, ("engine.Service", 1, 2))
conn.sync_request(consts.HANDLE_INSPECT, 5)
conn.sync_request(77)
conn.sync_request("ping")
conn.sync_request(None)
rpyc.async_(root.ping)().value
rpyc.async_(root.compute)("no").value
root.get_service_name()
root.get_service_aliases()
""".strip().splitlines()


def plain(value):
    """What can be compared of a value: its type and text, without addresses and where a class was defined."""
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return [type(value).__name__, *map(plain, value)]
    text = re.sub("0x[0-9a-f]+", "0x", repr(value)).replace("service.<locals>.", "")
    return f"{type(value).__module__}.{type(value).__qualname__} {text}"


def outcome(address, expression):
    """What the expression comes to on a connection of its own, and whether the connection lives on."""
    host, port = address.rsplit(":", 1)
    conn = rpyc.connect(host, int(port), config={"sync_request_timeout": 60})
    scope = dict(globals(), conn=conn, root=conn.root)
    try:
        came = "value", plain(eval(expression, scope))
    except BaseException as error:
        came = "raised", type(error).__name__, str(error).split("\n")[0]
    try:
        lives = conn.root.ping()
    except BaseException as error:
        lives = repr(error)
    conn.close()
    return came, lives


def main():
    real, ours = sys.argv[1:3]
    differences = []
    for expression in EXPRESSIONS:
        (right, alive), (came, lives) = outcome(real, expression), outcome(ours, expression)
        if right[:2] != came[:2] or alive != lives:
            differences.append([expression, right, came, alive, lives])
    json.dump({"compared": len(EXPRESSIONS), "differences": differences}, sys.stdout)


main()
