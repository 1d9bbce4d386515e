"""Takes a vote, /vote?for=NAME, and puts it into the queue."""

import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from answers import serve


def push(text):
    with socket.create_connection(("redis", 6379), timeout=20) as connection:
        words = ["RPUSH", "votes", text]
        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        connection.sendall(f"*{len(words)}\r\n{parts}".encode())
        return connection.recv(64).decode().strip()


def vote(path):
    if "=" not in path:
        return {"choose": ["cats", "dogs"]}
    choice = path.split("=")[-1]
    return {"vote": choice, "queue": push(json.dumps({"for": choice}))}


serve(80, vote)
