"""A hub of models on this machine: as much of the real one as an upload and a download ask."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading

COMMIT = hashlib.sha1(b"commit").hexdigest()
TOKEN = "hf_a_token"


class FakeHub(http.server.ThreadingHTTPServer):
    """`files` is {(repository, name): bytes}; `asked` the methods and paths that were asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = {}, []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def environment(self, home):
        """What huggingface_hub finds in its environment: this hub, and a cache in `home`."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


@contextlib.contextmanager
def fake_hub():
    """A hub that answers while the context is open."""
    with FakeHub() as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    """The calls of huggingface_hub 1 and 2."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def say(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.asked.append((self.command, self.path))
        found = re.fullmatch(r"/(\w+/\w+)/resolve/(\w+)/([\w.]+)", self.path)
        data = self.server.files.get((found[1], found[3])) if found else None
        if data is None:
            code = "EntryNotFound" if found else "RepoNotFound"
            return self.answer(404, X_Error_Code=code)
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        self.answer(200, data, ETag=etag, X_Repo_Commit=COMMIT)

    def do_POST(self):
        self.server.asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/api/validate-yaml":
            return self.say({"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.say({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization', 'me')}/{asked['name']}"
            return self.say({"url": f"{self.server.address}/{name}"})
        found = re.fullmatch(r"/api/models/(\w+/\w+)/(preupload|commit)/main", self.path)
        if found and found[2] == "preupload":
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            return self.say({"files": modes})
        if found:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    key = (found[1], line["value"]["path"])
                    self.server.files[key] = base64.b64decode(line["value"]["content"])
            url = f"{self.server.address}/{found[1]}/commit/{COMMIT}"
            return self.say({"commitUrl": url, "commitOid": COMMIT, "success": True})
        self.answer(404)
