"""A portal that its users log in to: a token, an inbox, and messages."""

import hashlib

from flask import Flask, abort, jsonify, request

from asked import note

app = Flask(__name__)


def token_of(user):
    """What a user is known by once logged in."""
    return hashlib.sha256(user.encode()).hexdigest()


def user():
    """Whose token came with the request."""
    known = request.headers.get("authorization", "").removeprefix("Bearer ")
    if len(known) != 64:
        abort(401)
    return known


@app.post("/login")
def login():
    note("login")
    given = request.get_json()
    if given["password"] != given["user"].replace("user", "secret"):
        abort(401)
    return jsonify(access_token=token_of(given["user"]))


@app.get("/inbox")
def inbox():
    note("inbox")
    return jsonify(items=[{"id": user()[:8], "subject": "hello"}])


@app.get("/messages/<number>")
def read(number):
    note("read")
    if not user().startswith(number):
        abort(404)
    return jsonify(id=number, text="hello " * 50)
