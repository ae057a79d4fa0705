"""The same functions over HTTP, as an application of ASGI."""

from asked import note

BLOCKS = {}


async def app(scope, receive, send):
    """GET /sensors/7 and PUT /blocks/NAME."""
    if scope["type"] != "http":
        return
    path = scope["path"].split("/")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["method"] == "GET" and path[1] == "sensors":
        note("reading")
        status, answer = 200, f"{20 + int(path[2]) / 10:.1f}".encode()
    elif scope["method"] == "PUT" and path[1] == "blocks":
        note("store")
        BLOCKS[path[2]] = body
        status, answer = 200, str(len(body)).encode()
    else:
        status, answer = 404, b""
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": answer})
