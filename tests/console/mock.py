"""A server with the console's API over made-up data, and the console's own files.

    python3 tests/console/mock.py [--port 8088] [--site full|large|hostile|empty|sick]

The token for feedback is `secret`. For work on the pages and for their tests; it answers slowly,
with errors, or not at all when `/mock/behave?delay=2&fail=1&events=0` asks it to.
"""

import argparse
import datetime
import json
import mimetypes
import pathlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import data
import hostile

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"
FILES = SOURCES / "http" / "console"
TOKEN = "secret"
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
WORDS = {"benign-once": "Closed; the same again will be told.",
         "expected": "Closed; as much is not told of for 90 days.",
         "malicious": "Kept open; it stays in the queue."}


def site(name):
    if name == "large":
        return data.Site(assets=10_000, incidents=1_000)
    if name == "hostile":
        return data.Site(assets=120, incidents=120, names=hostile.STRINGS)
    return data.Site(state=name)


def places():
    """The module that the sensor makes of the names of countries (src/http/files.rs)."""
    names = (SOURCES / "report" / "places.txt").read_text(encoding="utf-8")
    return f"export const PLACES = {json.dumps(names)};\n".encode()


def page(rows, query, key):
    """Part of a list by `limit` and `after`, which is a row's number here."""
    start = int(query.get("after", 0) or 0)
    limit = min(int(query.get("limit", 100)), 500)
    more = start + limit < len(rows)
    return {key: rows[start:start + limit], "next": str(start + limit) if more else None}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mock"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if kind == "application/json":
            self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/mock/behave":
            self.server.behave.update(query)
            return self.answer(200, {})
        if url.path == "/" or url.path.startswith("/console/"):
            return self.file("index.html" if url.path == "/" else url.path[9:])
        behave = self.server.behave
        time.sleep(float(behave.get("delay", 0)))
        if behave.get("fail") == "1":
            return self.answer(500, {"error": "the history cannot be read: disk I/O error"})
        if url.path == "/api/v1/events":
            return self.events()
        body = self.look_up(self.server.site, url.path, query)
        if body is None:
            return self.answer(404, {"error": "nothing is known under this name"})
        return self.answer(200, body)

    def file(self, name):
        if name == "places.js":
            return self.answer(200, places(), "text/javascript")
        path = (FILES / name).resolve()
        if FILES not in path.parents or not path.is_file():
            return self.answer(404, {"error": "no such file"})
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return self.answer(200, path.read_bytes(), kind)

    def look_up(self, site, path, query):
        parts = [unquote(part) for part in path.removeprefix("/api/v1/").split("/")]
        match parts:
            case ["status"]:
                return site.status()
            case ["jurisdictions"]:
                return site.jurisdictions(int(query.get("hours", 24)))
            case ["hours"]:
                return self.hours(site, query)
            case ["incidents"]:
                rows = [{key: one[key] for key in one if key != "hours"}
                        for one in site.incidents
                        if (query.get("state") == "all" or one["state"] == "open")
                        and query.get("asset", one["alert"]["asset"]) == one["alert"]["asset"]
                        and query.get("country", one["alert"]["jurisdiction"])
                        == one["alert"]["jurisdiction"]]
                return page(rows, query, "incidents")
            case ["incidents", name]:
                return self.incident(site, name)
            case ["assets"]:
                word = query.get("q", "").lower()
                rows = [{**one, "countries": len(one["countries"])} for one in site.assets
                        if word in one["asset"].lower()
                        or word in (one["organisation"] or "").lower()]
                for row in rows:
                    row.pop("address"), row.pop("sector")
                return page(rows, query, "assets")
            case ["assets", name]:
                return site.asset_page(name)
            case ["corridors"]:
                return page(site.corridors, query, "corridors")
            case ["meters"]:
                return {"meters": site.meters()}
        return None

    def hours(self, site, query):
        if not site.assets:
            return {"hours": []}
        parse = datetime.datetime.fromisoformat
        end = parse(query.get("to", site.status()["now"]).replace("Z", "+00:00"))
        if "from" in query:
            start = parse(query["from"].replace("Z", "+00:00"))
            count = min(int((end - start).total_seconds() // 3600) + 1, 8784)
        else:
            count = int(query.get("count", 168))
        key = f"{query.get('asset')}/{query.get('country')}"
        return {"hours": site.hours(key, count, end, 4e9, 2e9)}

    def incident(self, site, name):
        one = site.by_incident.get(name)
        if one is None:
            return None
        first = {**one["alert"], "event": "open", "time": one["opened"],
                 "bytes": one["alert"]["bytes"] // 3}
        alerts = [first] if one["alert"]["event"] == "open" else [first, one["alert"]]
        return {"incident": name, "state": one["state"], "alerts": alerts,
                "hours": one["hours"], "feedback": site.feedback.get(name, [])}

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        origin = self.headers.get("Origin")
        if origin and urlsplit(origin).netloc != self.headers["Host"]:
            return self.answer(403, {"error": "the request is from another site"})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "the token is wrong"})
        parts = urlsplit(self.path).path.split("/")
        name = unquote(parts[4])
        if name not in self.server.site.by_incident or parts[5] != "feedback":
            return self.answer(404, {"error": "no such incident"})
        verdict = json.loads(body)["verdict"]
        said = self.server.site.feedback.setdefault(name, [])
        said.append({"verdict": verdict, "time": data.stamp(self.server.site.now), "note": None})
        return self.answer(200, {"number": len(said), "text": WORDS[verdict]})

    def events(self):
        behave = self.server.behave
        if behave.get("events") == "0":
            return self.answer(503, {"error": "16 clients are connected"})
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        site = self.server.site
        beat = 0
        try:
            while behave.get("events") != "0":
                if behave.get("events") != "hang":
                    opened = sum(one["state"] == "open" for one in site.incidents)
                    status = site.status()
                    if beat % 10 == 0:
                        self.event("health", status["health"])
                    self.event("tick", {"now": data.stamp(site.now), "incidents_open": opened,
                                        "export_bytes": status["totals"]["export_bytes"]})
                    if behave.pop("alert", None) and site.incidents:
                        self.event("alert", site.incidents[0]["alert"])
                beat += 1
                time.sleep(1)
        except OSError:
            return

    def event(self, name, body):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(body)}\n\n".encode())
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, name="full", port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.site = site(name)
        self.behave = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A browser that goes away in the middle is nothing to tell of."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--site", default="full",
                        choices=["full", "large", "hostile", "empty", "sick"])
    arguments = parser.parse_args()
    server = Server(arguments.site, arguments.port)
    print(f"{server.url} serves the site `{arguments.site}`; Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
