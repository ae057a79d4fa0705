"""What hyperframe and hpack make of both directions of an HTTP/2 connection: `h2_streams.py UP DOWN`, two files of bytes.

Every frame has to be, byte for byte, what hyperframe writes of what it read. Prints as JSON, for each direction, how many
frames there are and each stream's blocks of fields and number of bytes of data.
"""

import json
import sys

from hpack import Decoder
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def direction(content):
    decoder = Decoder()
    streams, frames, block = {}, 0, b""
    while content:
        frame, length = Frame.parse_frame_header(memoryview(content[:9]), strict=True)
        whole, content = content[: 9 + length], content[9 + length :]
        if len(whole) != 9 + length:
            raise SystemExit(f"a frame of {length} bytes is cut off")
        frame.parse_body(memoryview(whole[9:]))
        if frame.serialize() != whole:
            raise SystemExit(f"{frame!r}: {whole[:60]!r} is {frame.serialize()[:60]!r} by hyperframe")
        frames += 1
        stream = streams.setdefault(frame.stream_id, {"blocks": [], "data": 0}) if frame.stream_id else None
        if isinstance(frame, DataFrame):
            stream["data"] += len(frame.data)
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            block += frame.data
            if "END_HEADERS" in frame.flags:
                stream["blocks"].append(decoder.decode(block))
                block = b""
    return {"frames": frames, "streams": [streams[at] for at in sorted(streams)]}


up, down = (open(path, "rb").read() for path in sys.argv[1:])
if not up.startswith(PREFACE):
    raise SystemExit("there is no preface")
print(json.dumps([direction(up[len(PREFACE) :]), direction(down)]))
