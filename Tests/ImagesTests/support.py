"""A web server for the tests of downloads and imports: a folder, with ranges, and faults on demand.

usage: support.py FOLDER   (prints its port; ends when its parent does)
A path below /cut/N/ closes each connection after N bytes of body; /norange/ ignores ranges; /status/N answers N; /redirect/N redirects N times;
/slow/ sends one byte and then nothing; /big/N sends N bytes without end mark; /echo answers with the request; /events sends events for ever;
/log lists "path range" of all requests so far.
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

FOLDER = sys.argv[1]
LOG = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.unquote(self.path.split("?")[0])
        parts = path.strip("/").split("/")
        wanted = self.headers.get("Range")
        if parts[0] != "log":
            LOG.append(f"{path} {wanted or '-'}")
        if parts[0] == "log":
            return self.answer(200, "\n".join(LOG).encode())
        if parts[0] == "echo":
            text = json.dumps({"method": self.command, "headers": dict(self.headers), "body": body.decode("utf-8", "replace")})
            return self.answer(200, text.encode(), [("X-Two-Words", "a value  "), ("Content-Type", "application/json")])
        if parts[0] == "status":
            return self.answer(int(parts[1]), b"as you wished")
        if parts[0] == "redirect":
            count = int(parts[1])
            return self.answer(302, b"elsewhere", [("Location", f"/redirect/{count - 1}" if count > 1 else "/echo")])
        if parts[0] == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(30)
            return
        if parts[0] == "big":
            self.answer(200, b"", length=int(parts[1]))
            left = int(parts[1])
            while left > 0:
                self.wfile.write(bytes(min(left, 65536)))
                left -= 65536
            return
        if parts[0] == "events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for number in range(100000):
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.01)
            return
        cut = None
        if parts[0] == "cut":
            cut, parts = int(parts[1]), parts[2:]
        ranges = parts[0] != "norange"
        if not ranges:
            parts = parts[1:]
        try:
            with open(os.path.join(FOLDER, *parts), "rb") as file:
                data = file.read()
        except OSError:
            return self.answer(404, b"not here")
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and ranges else 0
        if begin and begin >= len(data):
            return self.answer(416, b"", [("Content-Range", f"bytes */{len(data)}")])
        headers = [("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")] if begin else []
        rest = data[begin:]
        self.answer(206 if begin else 200, rest[:cut] if cut is not None else rest, headers, length=len(rest))
        if cut is not None and len(rest) > cut:
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.5)
