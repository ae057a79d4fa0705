"""The calls of a service, one of each kind, made by a real client in the order in which tests compare them."""

import gc
import sys

import rpyc

HOST, PORT = sys.argv[1].rsplit(":", 1)
conn = rpyc.connect(HOST, int(PORT))
root = conn.root
assert root.nonce()
assert root.ping() == "pong"
assert root.ping() == "pong"
for size in (0, 300, 4000):
    assert root.echo(bytes(size)) == bytes(size)
for size in (10, 10240, 70000):
    assert root.upload(bytes(size)) == size
for sizes in ([100] * 8, [4000, 1]):
    assert root.upload_file_chunked([bytes(size) for size in sizes]) == sum(sizes)
    # The traceback of the list's StopIteration, which rpyc keeps, would hold the method until some later collection.
    conn._last_traceback = None
    gc.collect()
for size in (10, 10240):
    assert len(root.download(size)) == size
for size, chunk in ((800, 100), (4001, 4000)):
    chunks = root.download_file_chunked(size, chunk)
    assert sum(len(chunk) for chunk in chunks) == size
    del chunks
assert root.compute(1000) == 332833500
assert root.sleep(0.0015) == 0.0015
conn.close()
