"""A small shop in Flask, in two builds: BUILD=branch checks orders more thoroughly, and is about 20 % slower in `buy`."""

import hashlib
import os

from flask import Flask, jsonify, request

from asked import note

ROUNDS = {"main": 4000, "branch": 5000}[os.environ.get("BUILD", "main")]
ITEMS = [{"sku": f"a-{number}", "price": 100 + number} for number in range(50)]

app = Flask(__name__)


@app.get("/health")
def health():
    note("health")
    return jsonify(ok=True)


@app.get("/items")
def items():
    note("list")
    return jsonify(items=ITEMS, page=request.args.get("page", 1, type=int))


@app.post("/orders")
def orders():
    note("buy")
    order = request.get_json()
    number = hashlib.pbkdf2_hmac("sha256", order["sku"].encode(), b"salt", ROUNDS).hex()
    return jsonify(number=number, quantity=order["quantity"]), 201
