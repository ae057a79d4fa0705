"""The reference suite's Flask app on Werkzeug's development server or on gunicorn."""

import logging
import multiprocessing
import os
import time
from io import BytesIO

from flask import Flask, jsonify, request, send_file
from gunicorn.app.base import BaseApplication
from werkzeug.serving import make_server

import launch


def application(wanted):
    """The endpoints."""
    app = Flask("engine")
    data, file = launch.fills(wanted)

    def attachment(content, name):
        return send_file(BytesIO(content), mimetype="application/octet-stream", as_attachment=True, download_name=name)

    @app.get("/nonce")
    def nonce():
        return jsonify(nonce=wanted.nonce)

    @app.get("/ping")
    def ping():
        return jsonify(response="pong")

    @app.post("/echo")
    def echo():
        return request.get_data()

    @app.post("/upload")
    @app.post("/upload-file", endpoint="upload_file")
    def upload():
        return jsonify(size=len(request.get_data()))

    @app.get("/download/<int:size>")
    def download(size):
        return attachment(data.bytes(size), "data.bin")

    @app.get("/download-file/<int:size>")
    def download_file(size):
        return attachment(file.bytes(size), "file.bin")

    @app.get("/compute/<int:n>")
    def compute(n):
        return jsonify(result=sum(i * i for i in range(n)))

    @app.get("/sleep/<float:duration>")
    def sleep(duration):
        time.sleep(duration)
        return jsonify(duration=duration)

    @app.post("/upload-file-chunked")
    def upload_file_chunked():
        chunks = [bytes.fromhex(chunk) for chunk in request.get_json()["chunks"]]
        return jsonify(size=sum(len(chunk) for chunk in chunks))

    @app.get("/download-file-chunked/<int:size>/<int:chunk_size>")
    def download_file_chunked(size, chunk_size):
        return jsonify(chunks=[chunk.hex() for chunk in file.chunks(size, chunk_size)])

    return app


class Gunicorn(BaseApplication):
    """gunicorn without its command line; says ready when its last worker is."""

    def __init__(self, wanted, app, settings):
        self.wanted, self.app, self.settings = wanted, app, settings
        self.booted = multiprocessing.Value("l", 0)
        super().__init__()

    def load_config(self):
        common = {
            "bind": f"{self.wanted.host}:0",
            "timeout": int(self.wanted.timeout) + 1,
            "loglevel": "error",
            "preload_app": True,
            "control_socket_disable": True,
            "post_worker_init": self.announce,
        }
        for name, value in {**common, **self.settings}.items():
            self.cfg.set(name, value)

    def load(self):
        return self.app

    def announce(self, worker):
        with self.booted.get_lock():
            self.booted.value += 1
            if self.booted.value == self.cfg.workers:
                port = worker.sockets[0].sock.getsockname()[1]
                launch.ready(self.wanted, port, ["flask", "gunicorn"], pid=os.getppid())


def main():
    wanted = launch.arguments()
    launch.leave_nothing_behind()
    launch.hold_ballast(wanted)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = application(wanted)
    if wanted.model == "threaded":
        server = make_server(wanted.host, 0, app, threaded=True)
        launch.ready(wanted, server.port, ["flask", "werkzeug"])
        server.serve_forever()
    elif wanted.model == "preforked":
        Gunicorn(wanted, app, {"worker_class": "sync", "workers": wanted.workers}).run()
    elif wanted.model == "pooled":
        Gunicorn(wanted, app, {"worker_class": "gthread", "workers": 1, "threads": wanted.workers}).run()
    else:
        raise SystemExit(f"no HTTP server is known under the model {wanted.model!r}")


main()
