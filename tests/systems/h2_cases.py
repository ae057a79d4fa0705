"""A peer that says to an HTTP/2 server what RFC 9113 and RFC 7541 forbid, and what they allow: one connection a case.

`h2_cases.py ADDRESS` prints, as JSON, how many cases each section has, how many of them the server's library decides
otherwise, and those that came out otherwise than stated. The sections are those of h2spec, whose cases these are, in
words and code of their own, with the numbers of RFC 9113 where they moved since RFC 7540. A case ends with a PING: what the server has to say about the frames before it comes before its
acknowledgement, or instead of it, so that nothing here waits for a time to pass.
"""

import json
import socket
import struct
import sys

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE, REFUSED, COMPRESSION, CALM = 5, 6, 7, 9, 11
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, ACK = 0x1, 0x4, 0x8, 0x20, 0x1
PATIENCE = float(sys.argv[2]) if len(sys.argv) > 2 else 60
FENCE = b"the end."
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/ping"), (":authority", "peer")]
POST = [(":method", "POST"), (":scheme", "http"), (":path", "/upload"), (":authority", "peer")]
LARGEST = 2**31 - 1


def raw(kind, flags, stream, payload=b"", length=None):
    """A frame of any bytes."""
    length = len(payload) if length is None else length
    return struct.pack("!I", length)[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def block(fields):
    """Fields as a block that changes no table."""
    return Encoder().encode([(name, value, True) for name, value in fields], huffman=False)


def head(fields, stream=1, flags=("END_STREAM", "END_HEADERS"), data=None, **more):
    frame = HeadersFrame(stream, block(fields) if data is None else data, flags=flags, **more)
    return frame.serialize()


def get(stream=1, path="/ping", more=()):
    return head([(name, path if name == ":path" else value) for name, value in GET] + list(more), stream)


def post(stream=1, more=(), flags=("END_HEADERS",)):
    return head(POST + list(more), stream, flags)


def data(content=b"", stream=1, end=True, **more):
    flags = ["END_STREAM"] if end else []
    return DataFrame(stream, content, flags=flags + (["PADDED"] if more else []), **more).serialize()


def without(name, value=None):
    """The fields of a GET, one of them left out or given as `value`."""
    return [(key, value if key == name else old) for key, old in GET if key != name or value is not None]


def settings(*pairs):
    return raw(SETTINGS, 0, 0, b"".join(struct.pack("!HI", key, value) for key, value in pairs))


def priority(stream, on=0, weight=15, exclusive=False):
    return PriorityFrame(stream, depends_on=on, stream_weight=weight, exclusive=exclusive).serialize()


def window(stream, increment):
    return raw(WINDOW, 0, stream, struct.pack("!I", increment))


def reset(stream, code=8):
    return RstStreamFrame(stream, error_code=code).serialize()


def more_fields(content, stream=1, end=True):
    return ContinuationFrame(stream, content, flags=["END_HEADERS"] if end else []).serialize()


def ping(content=b"\x00" * 8, **more):
    return PingFrame(0, content, **more).serialize()


def string(content, huffman=False):
    """A literal of HPACK, shorter than 127 bytes."""
    return bytes([len(content) | (0x80 if huffman else 0)]) + content


# What a case may come to.
def broken(*codes):
    """The connection ends: GOAWAY with one of these codes, then a close."""
    return [("goaway", code, "closed") for code in codes]


def stopped(*codes, stream=1):
    """The stream ends by RST_STREAM with one of these codes, the connection lives."""
    return [("reset", stream, code) for code in codes]


def answered(status=200, stream=1):
    """The request is answered with that status."""
    return [("status", stream, status)]


FINE = [("fine",)]
CLOSED = [("closed",)]
GET_BLOCK = block(GET)
HALF = len(GET_BLOCK) // 2
# A request whose answer takes a while: its stream is half closed, and stays so while the next frames are read.
SLOW = get(path="/sleep/0.2")
# A request whose body has not come: its stream stays open.
OPEN = post()
DONE = object()

# (section, what is sent, the bytes, what it comes to); `DONE` waits for the answer to stream 1 between two parts.
CASES = [
    # Generic: what every server has to take.
    ("generic 1", "a preface and SETTINGS", b"", FINE),
    ("generic 2", "PRIORITY on an idle stream, then a request on it", priority(1) + get(), answered()),
    ("generic 2", "WINDOW_UPDATE on a half-closed stream", SLOW + window(1, 100), answered()),
    ("generic 2", "PRIORITY on a half-closed stream", SLOW + priority(1), answered()),
    ("generic 2", "RST_STREAM on a half-closed stream", SLOW + reset(1), FINE),
    ("generic 2", "PRIORITY on a closed stream", [get(), DONE, priority(1)], FINE),
    ("generic 3.1", "a DATA frame", post() + data(b"abc"), answered()),
    ("generic 3.1", "several DATA frames", post() + data(b"abc", end=False) + data(b"def"), answered()),
    ("generic 3.1", "a padded DATA frame", post() + data(b"abc", pad_length=20), answered()),
    ("generic 3.2", "a HEADERS frame", get(), answered()),
    ("generic 3.2", "a padded HEADERS frame",
     head(GET, flags=("END_STREAM", "END_HEADERS", "PADDED"), pad_length=9), answered()),
    ("generic 3.2", "a HEADERS frame with priority",
     head(GET, flags=("END_STREAM", "END_HEADERS", "PRIORITY"), depends_on=0, stream_weight=200), answered()),
    ("generic 3.3", "PRIORITY with weight 1", priority(1, weight=0) + get(), answered()),
    ("generic 3.3", "PRIORITY with weight 256", priority(1, weight=255) + get(), answered()),
    ("generic 3.3", "PRIORITY on another stream", priority(3, on=1) + get(), answered()),
    ("generic 3.3", "exclusive PRIORITY", priority(1, on=3, exclusive=True) + get(), answered()),
    ("generic 3.3", "PRIORITY for an idle stream, then a request on a later one", priority(5) + get(7),
     answered(stream=7)),
    ("generic 3.4", "RST_STREAM", OPEN + reset(1), FINE),
    ("generic 3.5", "SETTINGS", settings((3, 100)), [("settled",)]),
    ("generic 3.7", "PING", ping(b"pingpong"), [("pong", b"pingpong".hex())]),
    ("generic 3.8", "GOAWAY, on which the connection may end", GoAwayFrame(0).serialize(),
     FINE + CLOSED + broken(NO_ERROR)),
    ("generic 3.9", "WINDOW_UPDATE for the connection", window(0, 1), FINE),
    ("generic 3.9", "WINDOW_UPDATE for a stream", OPEN + window(1, 1) + data(), answered()),
    ("generic 3.10", "one CONTINUATION", head(GET, flags=("END_STREAM",), data=GET_BLOCK[:HALF])
     + more_fields(GET_BLOCK[HALF:]), answered()),
    ("generic 3.10", "several CONTINUATIONs", head(GET, flags=("END_STREAM",), data=GET_BLOCK[:3])
     + more_fields(GET_BLOCK[3:HALF], end=False) + more_fields(GET_BLOCK[HALF:]), answered()),
    ("generic 4", "GET", get(), answered()),
    ("generic 4", "HEAD", head(without(":method", "HEAD")), answered()),
    ("generic 4", "POST", post() + data(b"abc"), answered()),
    ("generic 4", "POST with trailers", post() + data(b"abc", end=False) + head([("x-sum", "1")]), answered()),
    ("generic 5", "an indexed field", head([], data=b"\x82\x86" + block(GET[2:])), answered()),
    ("generic 5", "a literal with indexing and indexed name",
     head([], data=b"\x82\x86\x44" + string(b"/ping") + block(GET[3:])), answered()),
    ("generic 5", "a literal with indexing and new name",
     head([], data=GET_BLOCK + b"\x40" + string(b"x-new") + string(b"1")), answered()),
    ("generic 5", "a literal without indexing and indexed name",
     head([], data=b"\x82\x86\x04" + string(b"/ping") + block(GET[3:])), answered()),
    ("generic 5", "a literal without indexing and new name",
     head([], data=GET_BLOCK + b"\x00" + string(b"x-new") + string(b"1")), answered()),
    ("generic 5", "a literal never indexed, indexed name",
     head([], data=b"\x82\x86\x14" + string(b"/ping") + block(GET[3:])), answered()),
    ("generic 5", "a literal never indexed, new name",
     head([], data=GET_BLOCK + b"\x10" + string(b"x-new") + string(b"1")), answered()),
    ("generic 5", "a change of the table's size", head([], data=b"\x3f\x61" + GET_BLOCK), answered()),
    ("generic 5", "two changes of the table's size", head([], data=b"\x20\x3f\x61" + GET_BLOCK), answered()),
    ("generic 5", "a field that is in the dynamic table",
     [head([], data=b"\x82\x86\x44" + string(b"/ping") + b"\x41" + string(b"peer")), DONE,
      head([], 3, data=b"\x82\x86\xbf\xbe")], answered(stream=3)),
    ("generic 5", "a literal in Huffman's code",
     head([], data=Encoder().encode(GET, huffman=True)), answered()),

    # RFC 9113.
    ("http2 3.4", "a preface that is not one", ("preface", b"INVALID PREFACE\r\n\r\n\r\n\r\n"),
     broken(PROTOCOL) + CLOSED),
    ("http2 3.4", "something else than SETTINGS after the preface", ("preface", PREFACE + ping()),
     broken(PROTOCOL)),
    ("http2 4.1", "a frame of unknown type", raw(0x16, 0, 0, b"unknown!"), FINE),
    ("http2 4.1", "a frame with flags that it does not have", raw(PING, 0x16, 0, b"flagged!"),
     [("pong", b"flagged!".hex())]),
    ("http2 4.1", "a frame with the reserved bit set", raw(PING, 0, 2**31, b"reserved"),
     [("pong", b"reserved".hex())]),
    ("http2 4.2", "a DATA frame of 2^14 bytes", post() + data(bytes(2**14)), answered()),
    ("http2 4.2", "a DATA frame larger than the limit", ("beyond", lambda most: post() + data(bytes(most + 1))),
     broken(FRAME_SIZE) + stopped(FRAME_SIZE)),
    ("http2 4.2", "a HEADERS frame larger than the limit",
     ("beyond", lambda most: head([], data=GET_BLOCK + bytes(most + 1 - len(GET_BLOCK)))), broken(FRAME_SIZE)),
    ("http2 4.3", "a block that cannot be decoded", head([], data=b"\x40"), broken(COMPRESSION)),
    ("http2 4.3", "PRIORITY inside a block", head(GET, flags=("END_STREAM",)) + priority(1) + more_fields(b""),
     broken(PROTOCOL)),
    ("http2 4.3", "HEADERS of another stream inside a block", head(GET, flags=("END_STREAM",)) + get(3),
     broken(PROTOCOL)),
    ("http2 5.1", "idle: DATA", data(b"x"), broken(PROTOCOL)),
    ("http2 5.1", "idle: RST_STREAM", reset(1), broken(PROTOCOL)),
    ("http2 5.1", "idle: WINDOW_UPDATE", window(1, 100), broken(PROTOCOL)),
    ("http2 5.1", "idle: CONTINUATION", more_fields(GET_BLOCK), broken(PROTOCOL)),
    ("http2 5.1", "half closed: DATA", SLOW + data(b"x"), stopped(STREAM_CLOSED) + broken(STREAM_CLOSED)),
    ("http2 5.1", "half closed: HEADERS", SLOW + get(), stopped(STREAM_CLOSED) + broken(STREAM_CLOSED)),
    ("http2 5.1", "half closed: CONTINUATION", SLOW + more_fields(GET_BLOCK), broken(PROTOCOL, STREAM_CLOSED)),
    ("http2 5.1", "closed by RST_STREAM: DATA", OPEN + reset(1) + data(b"x"),
     stopped(STREAM_CLOSED) + broken(STREAM_CLOSED)),
    ("http2 5.1", "closed by RST_STREAM: HEADERS", OPEN + reset(1) + get(),
     stopped(STREAM_CLOSED) + broken(STREAM_CLOSED)),
    ("http2 5.1", "closed by RST_STREAM: CONTINUATION", OPEN + reset(1) + more_fields(GET_BLOCK),
     broken(PROTOCOL, STREAM_CLOSED)),
    ("http2 5.1", "closed: DATA", [get(), DONE, data(b"x")], broken(STREAM_CLOSED) + stopped(STREAM_CLOSED)),
    ("http2 5.1", "closed: HEADERS", [get(), DONE, get()], broken(STREAM_CLOSED)),
    ("http2 5.1", "closed: CONTINUATION", [get(), DONE, more_fields(GET_BLOCK)],
     broken(PROTOCOL, STREAM_CLOSED)),
    ("http2 5.1.1", "a stream of even number", get(2), broken(PROTOCOL)),
    ("http2 5.1.1", "a stream of smaller number", [get(5), get(3)], broken(PROTOCOL)),
    ("http2 5.1.2", "more streams than are allowed at a time",
     ("streams", lambda most: b"".join(post(2 * place + 1) for place in range(most + 1))),
     [("reset", "last", REFUSED), ("reset", "last", PROTOCOL)]),
    ("http2 5.3.1", "HEADERS that depend on themselves",
     head(GET, flags=("END_STREAM", "END_HEADERS", "PRIORITY"), depends_on=1), stopped(PROTOCOL)),
    ("http2 5.3.1", "PRIORITY that depends on itself", OPEN + priority(1, on=1), stopped(PROTOCOL)),
    ("http2 5.4.1", "an error of the connection: GOAWAY, then a close", raw(PING, 0, 3, b"12345678"),
     broken(PROTOCOL)),
    ("http2 5.4.1", "GOAWAY names the last stream that was taken", [get(), DONE, raw(PING, 0, 3, b"12345678")],
     [("goaway", PROTOCOL, "closed", "last stream 1")]),
    ("http2 5.5", "a frame of unknown type on a stream", OPEN + raw(0x16, 0, 1, b"unknown") + data(), answered()),
    ("http2 5.5", "a frame of unknown type inside a block", head(GET, flags=("END_STREAM",))
     + raw(0x16, 0, 0) + more_fields(b""), broken(PROTOCOL)),
    ("http2 6.1", "DATA on stream 0", raw(DATA, END_STREAM, 0, b"x"), broken(PROTOCOL)),
    ("http2 6.1", "DATA on a stream that is not open", [get(), DONE, data(b"x")],
     broken(STREAM_CLOSED) + stopped(STREAM_CLOSED)),
    ("http2 6.1", "DATA with more padding than there is", OPEN + raw(DATA, PADDED | END_STREAM, 1, b"\x06data"),
     broken(PROTOCOL)),
    ("http2 6.2", "HEADERS whose block goes on in PRIORITY", head(GET, flags=("END_STREAM",)) + priority(1),
     broken(PROTOCOL)),
    ("http2 6.2", "HEADERS on stream 0", raw(HEADERS, END_STREAM | END_HEADERS, 0, GET_BLOCK), broken(PROTOCOL)),
    ("http2 6.2", "HEADERS with more padding than there is",
     raw(HEADERS, PADDED | END_STREAM | END_HEADERS, 1, bytes([len(GET_BLOCK) + 1]) + GET_BLOCK), broken(PROTOCOL)),
    ("http2 6.3", "PRIORITY on stream 0", raw(PRIORITY, 0, 0, bytes(5)), broken(PROTOCOL)),
    ("http2 6.3", "PRIORITY of 4 bytes", OPEN + raw(PRIORITY, 0, 1, bytes(4)),
     stopped(FRAME_SIZE) + broken(FRAME_SIZE)),
    ("http2 6.4", "RST_STREAM on stream 0", raw(RST, 0, 0, bytes(4)), broken(PROTOCOL)),
    ("http2 6.4", "RST_STREAM on an idle stream", reset(1), broken(PROTOCOL)),
    ("http2 6.4", "RST_STREAM of 3 bytes", OPEN + raw(RST, 0, 1, bytes(3)), broken(FRAME_SIZE)),
    ("http2 6.5", "an acknowledgement of SETTINGS with content", raw(SETTINGS, ACK, 0, bytes(6)),
     broken(FRAME_SIZE)),
    ("http2 6.5", "SETTINGS on a stream", raw(SETTINGS, 0, 1, bytes(6)), broken(PROTOCOL)),
    ("http2 6.5", "SETTINGS of 3 bytes", raw(SETTINGS, 0, 0, bytes(3)), broken(FRAME_SIZE)),
    ("http2 6.5.2", "ENABLE_PUSH 2", settings((2, 2)), broken(PROTOCOL)),
    ("http2 6.5.2", "INITIAL_WINDOW_SIZE 2^31", settings((4, 2**31)), broken(FLOW_CONTROL)),
    ("http2 6.5.2", "MAX_FRAME_SIZE below 2^14", settings((5, 2**14 - 1)), broken(PROTOCOL)),
    ("http2 6.5.2", "MAX_FRAME_SIZE above 2^24 - 1", settings((5, 2**24)), broken(PROTOCOL)),
    ("http2 6.5.2", "a setting that is not known", settings((255, 1)), [("settled",)]),
    ("http2 6.5.3", "the last of two window sizes counts",
     settings((4, 100), (4, 1)) + get(path="/download/20"), [("data", 1, 1)]),
    ("http2 6.5.3", "SETTINGS are acknowledged", settings((1, 4096)), [("settled",)]),
    ("http2 6.7", "a PING comes back with its content", ping(b"h2 cases"), [("pong", b"h2 cases".hex())]),
    ("http2 6.7", "an acknowledgement of a PING that was not sent", ping(b"nothing!", flags=["ACK"]), FINE),
    ("http2 6.7", "PING on a stream", raw(PING, 0, 1, bytes(8)), broken(PROTOCOL)),
    ("http2 6.7", "PING of 6 bytes", raw(PING, 0, 0, bytes(6)), broken(FRAME_SIZE)),
    ("http2 6.8", "GOAWAY on a stream", raw(GOAWAY, 0, 1, bytes(8)), broken(PROTOCOL)),
    ("http2 6.9", "WINDOW_UPDATE by 0 for the connection", window(0, 0), broken(PROTOCOL)),
    ("http2 6.9", "WINDOW_UPDATE by 0 for a stream", OPEN + window(1, 0), stopped(PROTOCOL)),
    ("http2 6.9", "WINDOW_UPDATE of 3 bytes", raw(WINDOW, 0, 0, bytes(3)), broken(FRAME_SIZE)),
    ("http2 6.9.1", "DATA goes as far as the window", settings((4, 1)) + get(path="/download/20"),
     [("data", 1, 1)]),
    ("http2 6.9.1", "the connection's window beyond 2^31 - 1", window(0, LARGEST) + window(0, LARGEST),
     broken(FLOW_CONTROL)),
    ("http2 6.9.1", "a stream's window beyond 2^31 - 1", OPEN + window(1, LARGEST) + window(1, LARGEST),
     stopped(FLOW_CONTROL)),
    ("http2 6.9.2", "a window that is made larger while a body waits",
     [settings((4, 0)) + get(path="/download/20"), settings((4, 1))], [("data", 1, 1)]),
    ("http2 6.9.2", "a window below 0, of which more is to come before DATA goes on",
     [settings((4, 3)) + get(path="/download/20"), settings((4, 2)) + window(1, 2)], [("data", 1, 4)]),
    ("http2 6.9.2", "a window size of 2^31", settings((4, 2**31)), broken(FLOW_CONTROL)),
    ("http2 6.10", "several CONTINUATIONs", head(GET, flags=("END_STREAM",), data=GET_BLOCK[:3])
     + more_fields(GET_BLOCK[3:HALF], end=False) + more_fields(GET_BLOCK[HALF:]), answered()),
    ("http2 6.10", "something else between CONTINUATIONs", head(GET, flags=("END_STREAM",), data=GET_BLOCK[:3])
     + more_fields(GET_BLOCK[3:HALF], end=False) + data(b"x"), broken(PROTOCOL)),
    ("http2 6.10", "CONTINUATION on stream 0", head(GET, flags=("END_STREAM",))
     + raw(CONTINUATION, END_HEADERS, 0), broken(PROTOCOL)),
    ("http2 6.10", "CONTINUATION after HEADERS with END_HEADERS", post() + more_fields(block([("x", "1")])),
     broken(PROTOCOL)),
    ("http2 6.10", "CONTINUATION after the last one", head(GET, flags=("END_STREAM",)) + more_fields(b"")
     + more_fields(b""), broken(PROTOCOL)),
    ("http2 6.10", "CONTINUATION after DATA", post() + data(b"x", end=False) + more_fields(b""),
     broken(PROTOCOL)),
    ("http2 7", "GOAWAY with a code that is not known", GoAwayFrame(0, error_code=255).serialize(),
     FINE + CLOSED + broken(NO_ERROR)),
    ("http2 7", "RST_STREAM with a code that is not known", OPEN + reset(1, 255), FINE),
    ("http2 8.1", "a second HEADERS without END_STREAM", OPEN + head([("x-sum", "1")], flags=("END_HEADERS",)),
     stopped(PROTOCOL) + broken(PROTOCOL)),
    ("http2 8.2", "a name in upper case", get(more=[("X-Test", "1")]), stopped(PROTOCOL)),
    ("http2 8.2.2", "the field connection", get(more=[("connection", "keep-alive")]), stopped(PROTOCOL)),
    ("http2 8.2.2", "te that is not trailers", get(more=[("te", "trailers, deflate")]), stopped(PROTOCOL)),
    ("http2 8.3", "a pseudo-header that is not known", get(more=[(":test", "1")]), stopped(PROTOCOL)),
    ("http2 8.3", "a pseudo-header of responses", get(more=[(":status", "200")]), stopped(PROTOCOL)),
    ("http2 8.3", "a pseudo-header in trailers", post() + data(b"x", end=False) + head([(":method", "POST")]),
     stopped(PROTOCOL)),
    ("http2 8.3", "a pseudo-header after a field", head([GET[0], ("x-test", "1"), *GET[1:]]), stopped(PROTOCOL)),
    ("http2 8.3.1", "an empty :path", head(without(":path", "")), stopped(PROTOCOL)),
    *[("http2 8.3.1", f"no {name}", head(without(name)), stopped(PROTOCOL))
      for name in (":method", ":scheme", ":path")],
    *[("http2 8.3.1", f"{name} twice", head([GET[place], *GET]), stopped(PROTOCOL))
      for place, name in enumerate((":method", ":scheme", ":path"))],
    ("http2 8.1.1", "content-length that the body does not have", post(more=[("content-length", "1")])
     + data(b"abcd"), stopped(PROTOCOL)),
    ("http2 8.1.1", "content-length that several DATA frames do not have", post(more=[("content-length", "1")])
     + data(b"a", end=False) + data(b"bcd"), stopped(PROTOCOL)),
    ("http2 8.4", "PUSH_PROMISE by a client", OPEN + raw(PUSH, END_HEADERS, 1, struct.pack("!I", 2) + GET_BLOCK),
     broken(PROTOCOL)),

    # RFC 7541.
    ("hpack 2.3.3", "an indexed field beyond both tables", head([], data=GET_BLOCK + b"\xc6"),
     broken(COMPRESSION)),
    ("hpack 2.3.3", "a literal whose name is beyond both tables",
     head([], data=GET_BLOCK + b"\x7f\x07" + string(b"1")), broken(COMPRESSION)),
    ("hpack 4.2", "a change of the table's size at the end of a block", head([], data=GET_BLOCK + b"\x3f\x61"),
     broken(COMPRESSION)),
    ("hpack 5.2", "a literal with more than 7 bits of padding",
     head([], data=GET_BLOCK + b"\x00" + string(b"\xf2\xb2\x4f\xff", True) + string(b"1")), broken(COMPRESSION)),
    ("hpack 5.2", "a literal padded by zeros",
     head([], data=GET_BLOCK + b"\x00" + string(b"\xf2\xb2\x40", True) + string(b"1")), broken(COMPRESSION)),
    ("hpack 5.2", "a literal that holds EOS",
     head([], data=GET_BLOCK + b"\x00" + string(b"\xf2\xb2\x4f\xff\xff\xff\xfc", True) + string(b"1")),
     broken(COMPRESSION)),
    ("hpack 6.1", "an indexed field of index 0", head([], data=GET_BLOCK + b"\x80"), broken(COMPRESSION)),
    ("hpack 6.3", "a table's size above the limit", head([], data=b"\x3f\xe1\xff\x03" + GET_BLOCK),
     broken(COMPRESSION)),
]

# Where the h2 library, which frames for our server, decides otherwise. What it cannot decode, and what is not
# allowed where it comes, ends the connection with PROTOCOL_ERROR, where a code of its own or only the stream's end
# would be due: the peer is stopped all the same, and told less. h2spec takes the close for an answer.
BY_THE_LIBRARY = {
    **{what: broken(PROTOCOL) for what in (
        ("http2 4.3", "a block that cannot be decoded"),
        ("http2 5.1", "half closed: DATA"),
        ("http2 5.1", "half closed: HEADERS"),
        ("http2 5.1", "closed by RST_STREAM: HEADERS"),
        ("http2 5.1", "closed: HEADERS"),
        ("http2 6.3", "PRIORITY of 4 bytes"),
        ("http2 6.4", "RST_STREAM of 3 bytes"),
        ("http2 6.5", "an acknowledgement of SETTINGS with content"),
        ("http2 6.5", "SETTINGS of 3 bytes"),
        ("http2 6.5.2", "INITIAL_WINDOW_SIZE 2^31"),
        ("http2 6.7", "PING of 6 bytes"),
        ("http2 6.9", "WINDOW_UPDATE by 0 for a stream"),
        ("http2 6.9", "WINDOW_UPDATE of 3 bytes"),
        ("http2 6.9.2", "a window size of 2^31"),
        ("http2 8.2", "a name in upper case"),
        ("http2 8.3", "a pseudo-header that is not known"),
        ("hpack 2.3.3", "an indexed field beyond both tables"),
        ("hpack 2.3.3", "a literal whose name is beyond both tables"),
        ("hpack 4.2", "a change of the table's size at the end of a block"),
        ("hpack 5.2", "a literal with more than 7 bits of padding"),
        ("hpack 5.2", "a literal padded by zeros"),
        ("hpack 5.2", "a literal that holds EOS"),
        ("hpack 6.1", "an indexed field of index 0"),
        ("hpack 6.3", "a table's size above the limit"),
    )},
    # It takes these in silence.
    ("http2 3.4", "something else than SETTINGS after the preface"): FINE,
    ("http2 8.3", "a pseudo-header in trailers"): answered(),
}


class Connection:
    """A connection to the server, and what came on it."""

    def __init__(self, address, preface=None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.settings, self.events, self.received = b"", None, [], {}
        self.decoder, self.over, self.last = Decoder(), False, 0
        self.send(PREFACE + settings() if preface is None else preface)
        if preface is None:
            self.until(lambda event: event == ("settled",))
            self.events.clear()

    def send(self, content):
        try:
            self.socket.sendall(content)
        except OSError:
            # The server has closed; what it said before can still be read.
            pass

    def take(self, count):
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionError:
                more = b""
            if not more:
                raise EOFError
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def event(self):
        """The next thing that the server says."""
        frame, length = Frame.parse_frame_header(memoryview(self.take(9)))
        frame.parse_body(memoryview(self.take(length)))
        if isinstance(frame, SettingsFrame):
            if "ACK" in frame.flags:
                return ("settled",)
            self.settings = dict(frame.settings)
            self.send(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, PingFrame) and "ACK" in frame.flags:
            return ("fence",) if frame.opaque_data == FENCE else ("pong", frame.opaque_data.hex())
        elif isinstance(frame, GoAwayFrame):
            return ("goaway", frame.error_code, frame.last_stream_id)
        elif isinstance(frame, RstStreamFrame):
            return ("reset", frame.stream_id, frame.error_code)
        elif isinstance(frame, HeadersFrame):
            status = dict(self.decoder.decode(frame.data)).get(":status")
            end = ("end", frame.stream_id) if "END_STREAM" in frame.flags else None
            return ("status", frame.stream_id, int(status or 0)), end
        elif isinstance(frame, DataFrame):
            self.received[frame.stream_id] = self.received.get(frame.stream_id, 0) + len(frame.data)
            return ("end", frame.stream_id) if "END_STREAM" in frame.flags else None
        return None

    def until(self, enough):
        """Listens until an event is enough, or the connection is over."""
        while not self.over and not any(map(enough, self.events)):
            try:
                came = self.event()
            except EOFError:
                self.over = True
                self.events.append(("closed",))
                return
            except TimeoutError:
                # No case comes to this: a server owes a peer that waits an answer, or the end.
                self.over = True
                self.events.append(("silent",))
                return
            for event in came if isinstance(came, tuple) and isinstance(came[0], tuple) else (came,):
                if event is not None:
                    self.events.append(event)


    def fence(self):
        """True once the server has said all that it has to say before it takes the next frame."""
        self.send(ping(FENCE))
        self.until(lambda event: event == ("fence",))
        fenced = ("fence",) in self.events
        self.events = [event for event in self.events if event != ("fence",)]
        return fenced


def outcome(address, sent, awaited):
    """What came of a case."""
    special, parts = None, sent
    if isinstance(sent, tuple):
        special, parts = sent
    connection = Connection(address, parts if special == "preface" else None)
    if special == "beyond":
        parts = parts(connection.settings.get(SettingsFrame.MAX_FRAME_SIZE, 2**14))
    elif special == "streams":
        most = connection.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
        parts, connection.last = parts(most), 2 * most + 1
    if special != "preface":
        for part in parts if isinstance(parts, list) else [parts]:
            if part is DONE:
                connection.until(lambda event: event == ("end", 1))
                connection.events.clear()
            else:
                connection.send(part)
    # Twice, because an acknowledgement overtakes what else the server has to say about the frames before it.
    fenced = connection.fence() and connection.fence()
    # An answer, and the rest of what a window allows, may come after the fence.
    for kind in {kind for kind, *_ in awaited} & {"status", "data"}:
        stream = awaited[0][1]
        wanted = awaited[0][2]
        if kind == "status":
            connection.until(lambda event: event[:2] in (("status", stream), ("reset", stream)))
        else:
            while not connection.over and connection.received.get(stream, 0) < wanted:
                connection.events.clear()
                connection.until(lambda event: True)
            # Had the server sent more than it may, it would have come by then.
            fenced = connection.fence() and connection.fence()
    return told(connection, fenced)


def told(connection, fenced):
    """The events of a connection, as cases state them."""
    came = []
    for kind, *rest in connection.events:
        if kind == "goaway":
            ending = "closed" if connection.over else "open"
            came.append(("goaway", rest[0], ending))
            came.append(("goaway", rest[0], ending, f"last stream {rest[1]}"))
        elif kind == "reset" and rest[0] == connection.last:
            came.append(("reset", "last", rest[1]))
        else:
            came.append((kind, *rest))
    came += [("data", stream, count) for stream, count in connection.received.items()]
    goaway = any(kind == "goaway" for kind, *_ in came)
    if connection.over and goaway:
        came = [event for event in came if event != ("closed",)]
    errors = ("goaway", "reset", "closed")
    if fenced and not any(kind in errors for kind, *_ in came):
        came.append(("fine",))
    return came


def main():
    address = sys.argv[1]
    sections, different, by_the_library = {}, [], 0
    for section, what, sent, due in CASES:
        sections[section] = sections.get(section, 0) + 1
        came = outcome(address, sent, due)
        as_due, instead = any(event in came for event in due), BY_THE_LIBRARY.get((section, what))
        if instead is None and not as_due:
            different.append([section, what, "due", due, "came", came])
        elif instead is not None and (as_due or not any(event in came for event in instead)):
            different.append([section, what, "by the library", instead, "came", came])
        by_the_library += instead is not None
    json.dump({"sections": sections, "by_the_library": by_the_library, "different": different}, sys.stdout)


main()
