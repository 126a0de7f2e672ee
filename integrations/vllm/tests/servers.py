"""An embedding application as vLLM is one, a real server for it, and a stand-in for the ingest endpoint."""

import asyncio
import base64
import functools
import http.client
import http.server
import importlib
import json
import pathlib
import struct
import sys
import threading
import time

import fastapi
import uvicorn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import otelcol_embedding as middleware  # noqa: E402

MODEL = "qwen3-embedding-4b"
# Calls to real servers, from the tests of the collector's tap.
FIXTURES = pathlib.Path(__file__).resolve().parents[3] / "internal" / "dialect" / "testdata"


@functools.lru_cache(None)
def vector(seed, dimension):
    return [((seed * 31 + i * 17) % 1000 - 500) / 512 for i in range(dimension)]


def packed(numbers):
    return base64.b64encode(struct.pack("<%df" % len(numbers), *numbers)).decode()


def fixture(name):
    """Returns the bodies of a request and of its answer."""
    return tuple((FIXTURES / (name + kind + ".json")).read_bytes() for kind in (".request", ".response"))


def replay(request):
    """Returns the answer of the fixture that the request's headers name, with the status that they name."""
    name, status = request.headers["X-Fixture"], int(request.headers.get("X-Status", "200"))
    error = b'{"message":"Unsupported embedding type: private words","type":"BadRequestError"}'
    body = fixture(name)[1] if status < 300 else error
    headers = {"X-Request-Id": "of-the-server"}
    return fastapi.responses.Response(body, status, media_type="application/json", headers=headers)


def application():
    """Answers as the request's user says, so that each test can have any answer."""
    app = fastapi.FastAPI()

    @app.post("/v1/embed")
    @app.post("/v2/embed")
    async def embed(request: fastapi.Request):
        await request.body()
        return replay(request)

    @app.post("/v1/embeddings")
    async def embeddings(request: fastapi.Request):
        if "X-Fixture" in request.headers:
            await request.body()
            return replay(request)
        asked = await request.json()
        what = asked.get("user", "")
        if what == "error":
            message = "This model's maximum context length is 8 tokens, as in 'private words'."
            return fastapi.responses.JSONResponse(
                {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}, 400
            )
        if what == "raise":
            raise LookupError("private words")
        if what == "slow":
            await asyncio.sleep(0.5)
        if what == "events":
            return fastapi.responses.StreamingResponse(iter([b"data: 1\n\n", b"data: 2\n\n"]), media_type="text/event-stream")
        inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        rows = [vector(len(str(text)), asked.get("dimensions", 4)) for text in inputs]
        if asked.get("encoding_format") == "base64":
            rows = [packed(row) for row in rows]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
        body = json.dumps({"id": "embd-1", "object": "list", "model": MODEL, "data": data, "usage": usage}).encode()
        if what == "chunked":
            size = max(7, len(body) // 100)
            parts = [body[i : i + size] for i in range(0, len(body), size)]
            return fastapi.responses.StreamingResponse(iter(parts), media_type="application/json")
        return fastapi.responses.Response(body, media_type="application/json", headers={"X-Kept": "1"})

    @app.post("/v1/completions")
    async def completions():
        return {"ok": True}

    @app.websocket("/socket")
    async def socket(connection: fastapi.WebSocket):
        await connection.accept()
        await connection.send_text("hello")
        await connection.close()

    return app


class Serving:
    """uvicorn in a thread. settings None serves without the middleware."""

    def __init__(self, settings=None):
        self.app = application()
        self.middleware = None
        if settings is not None:
            # As vLLM loads --middleware, but that the instance is kept for the test to look at.
            name = "otelcol_embedding.EmbeddingEvents"
            module, _, attribute = name.rpartition(".")
            imported = getattr(importlib.import_module(module), attribute)
            serving = self

            class Kept(imported):
                def __init__(self, app):
                    super().__init__(app, settings)
                    serving.middleware = self

            self.app.add_middleware(Kept)
        config = uvicorn.Config(self.app, host="127.0.0.1", port=0, log_level="critical", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        wait(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(10)

    @property
    def sender(self):
        return self.middleware.sender

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def post(self, body, path="/v1/embeddings", headers=None, connection=None):
        """Returns status, headers without the date, and body."""
        own = connection is None
        connection = connection or self.connect()
        try:
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
            connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, [h for h in response.getheaders() if h[0].lower() != "date"], response.read()
        finally:
            if own:
                connection.close()


class Ingest(http.server.ThreadingHTTPServer):
    """Keeps what is posted. answer, called with the entries, returns status and headers, None for not at all."""

    daemon_threads = True

    def __init__(self, answer=None):
        self.entries, self.posts, self.answer = [], [], answer or (lambda entries: (200, {}))
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = "http://127.0.0.1:%d/v1/events" % self.server_port
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, *_):
        pass  # the middleware may go away before the answer


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        entries = [json.loads(line) for line in body.split(b"\n")]
        self.server.posts.append((time.monotonic(), self.path, dict(self.headers), len(entries)))
        status, headers = self.server.answer(entries)
        if status == 200:
            self.server.entries += entries
        reply = json.dumps({"accepted": len(entries), "rejected": 0}).encode() if status == 200 else b'{"error":"no"}'
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def wait(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited %g s in vain" % seconds)
        time.sleep(0.01)
