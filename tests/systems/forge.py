"""Plays what an action asks of a forge: the comments of one pull request, and the files of a release.

    forge.py STATE RELEASES

Prints its address; keeps the comments, and who did what, in STATE; serves RELEASES; ends with its stdin. The token `writer`
may write, any other may only read.
"""

import http.server
import json
import os
import re
import sys
import threading
import urllib.parse

state, releases = sys.argv[1], sys.argv[2]
# So many of others that ours is not on the first page.
comments = [{"id": at, "body": f"comment {at} of somebody, not <!-- engine"} for at in range(1, 121)]
done = []


def keep():
    with open(state + ".new", "w") as file:
        json.dump({"comments": comments, "done": done}, file)
    os.replace(state + ".new", state)


class Forge(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def may_write(self):
        return self.headers["Authorization"] == "Bearer writer"

    def given(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/repos/me/shop/issues/7/comments":
            query = {name: int(value) for name, value in urllib.parse.parse_qsl(url.query)}
            begin = (query["page"] - 1) * query["per_page"]
            return self.answer(200, comments[begin : begin + query["per_page"]])
        file = os.path.join(releases, os.path.basename(url.path))
        if url.path.startswith("/me/engine/releases/download/v") and os.path.exists(file):
            with open(file, "rb") as file:
                return self.answer(200, file.read())
        return self.answer(404, {"message": "Not Found"})

    def do_POST(self):
        body = self.given()
        if self.path != "/repos/me/shop/issues/7/comments" or not self.may_write():
            return self.answer(403, {"message": "Resource not accessible by integration"})
        comments.append({"id": len(comments) + 1, "body": body})
        done.append("POST")
        keep()
        return self.answer(201, {"html_url": f"http://forge/me/shop/pull/7#{len(comments)}"})

    def do_PATCH(self):
        body = self.given()
        named = re.fullmatch(r"/repos/me/shop/issues/comments/(\d+)", self.path)
        if not named or not self.may_write():
            return self.answer(403, {"message": "Resource not accessible by integration"})
        comments[int(named[1]) - 1]["body"] = body
        done.append("PATCH")
        keep()
        return self.answer(200, {"html_url": f"http://forge/me/shop/pull/7#{named[1]}"})


keep()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
sys.stdin.read()
