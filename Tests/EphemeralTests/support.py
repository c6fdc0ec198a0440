"""A small region for the agent's tests: a real HTTP server that remembers what it was asked."""

import email.parser
import email.policy
import http.server
import importlib.util
import pathlib
import sys
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "Sources/Ephemeral/scripts"
sys.dont_write_bytecode = True
_spec = importlib.util.spec_from_file_location("gantry_agent", ROOT / "Sources/Ephemeral/agent/gantry_agent.py")
agent = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(agent)


class Request:
    def __init__(self, method, path, headers, body):
        parts = urllib.parse.urlsplit(path)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.at = time.monotonic()
        self.fields, self.files = {}, {}
        kind = headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            for part in message.iter_parts():
                name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
                if part.get_filename():
                    self.files[name] = content
                else:
                    self.fields[name] = content.decode()
        elif kind.startswith("application/x-www-form-urlencoded"):
            self.fields = urllib.parse.parse_qs(body.decode(), keep_blank_values=True)


class Region:
    """`answer(request)` returns (status, headers, body) or None for 404."""

    def __init__(self, answer):
        self.requests, self.lock = [], threading.Lock()
        region = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                with region.lock:
                    region.requests.append(request)
                answered = answer(request)
                if answered == "hang up":
                    self.close_connection = True
                    return
                status, headers, data = answered or (404, {}, b"not here")
                self.send_response(status)
                claimed = headers.pop("X-Claimed-Length", None)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", claimed or str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                if claimed:
                    self.close_connection = True

            do_GET = do_POST = serve

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that goes away is part of the tests
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def signals(self):
        return [request for request in self.requests if request.fields.get("op") == "signal"]


class Quiet:
    """A console whose lines can be read afterwards."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def make(region, work, folder, **more):
    configuration = {
        "work": work, "metadata_url": f"{region.url}/MAAS/metadata/", "api_url": f"{region.url}/MAAS/api/2.0/", "system_id": "abc123", "version": "2012-03-01",
        "credentials": {"consumer_key": "ck", "token_key": "tk", "token_secret": "very&secret"}, **more.pop("configuration", {}),
    }
    return agent.Agent(configuration, console=Quiet(), work_folder=folder, first_delay=0.01, **{"command_line": "", **more})
