"""The middleware in a real server, with a real endpoint that takes the events, or does not."""

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import logging
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from servers import Ingest, Serving, fixture, middleware, wait


def settings(ingest, **more):
    return middleware.Settings(**{"ingest": ingest, "report": 3600.0, **more})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lost(counts):
    return {what: n for what, n in counts.items() if what.startswith("dropped.")}


class Case(unittest.TestCase):
    def setUp(self):
        for name, value in (("LINGER", 0.02), ("FIRST_BACKOFF", 0.02), ("LAST_BACKOFF", 0.05)):
            before = getattr(middleware, name)
            setattr(middleware, name, value)
            self.addCleanup(setattr, middleware, name, before)
        self.quiet = logging.NullHandler()
        middleware.logger.addHandler(self.quiet)
        self.addCleanup(middleware.logger.removeHandler, self.quiet)
        self.addCleanup(self.no_threads)

    def no_threads(self):
        wait(lambda: not [t for t in threading.enumerate() if t.name == "otelcol-embedding"])


class Passing(Case):
    def test_answers_are_the_same_and_events_are_there(self):
        batch = ["text %d" % i for i in range(32)]
        calls = [
            {"model": "m", "input": "x"},
            {"model": "m", "input": ["x", "yy"], "encoding_format": "base64"},
            {"model": "m", "input": "x", "user": "chunked"},
            {"model": "m", "input": "x", "user": "error"},
            {"model": "m", "input": "x", "user": "raise"},
            {"model": "m", "input": "x", "user": "events"},
            {"model": "m", "input": batch, "dimensions": 2560},
            {"model": "m", "input": batch, "dimensions": 2560, "encoding_format": "base64"},
            b"{broken",
            b"",
        ]
        with Ingest() as ingest, Serving() as plain, Serving(settings(ingest.url)) as watched:
            sizes = []
            for body in calls:
                want = plain.post(body)
                self.assertEqual(watched.post(body), want)
                sizes.append(len(want[2]))
            self.assertGreater(max(sizes), 800_000)
            for path in ("/v1/completions", "/nowhere"):
                self.assertEqual(watched.post({}, path), plain.post({}, path))
            wait(lambda: watched.sender.counts().get("accepted") == len(calls))
            counts = watched.sender.counts()
        self.assertEqual(counts, {"seen": 10, "accepted": 10, "unread.content_type": 1})
        self.assertEqual(watched.sender.held(), 0)
        got = [(e["status"], e.get("error_type"), e.get("output_count"), e.get("output_dim")) for e in ingest.entries]
        self.assertEqual(
            got,
            [(200, None, 1, 4), (200, None, 2, 4), (200, None, 1, 4), (400, "context_length_exceeded", None, None),
             (500, "LookupError", None, None), (200, None, None, None), (200, None, 32, 2560), (200, None, 32, 2560),
             (500, "JSONDecodeError", None, None), (500, "JSONDecodeError", None, None)],
        )  # fmt: skip
        self.assertEqual(ingest.entries[6]["vectors_base64"], ingest.entries[7]["vectors_base64"])
        everything = json.dumps(ingest.entries)
        self.assertNotIn("private words", everything)
        self.assertNotIn("text 1", everything)
        for _, path, headers, _ in ingest.posts:
            self.assertEqual((path, headers["Content-Type"]), ("/v1/events", "application/x-ndjson"))

    def test_an_answer_of_more_than_a_megabyte_and_a_half(self):
        body = {"model": "m", "input": ["a"] * 64, "dimensions": 2560}
        with Ingest() as ingest, Serving() as plain, Serving(settings(ingest.url)) as watched:
            want = plain.post(body)
            self.assertGreater(len(want[2]), 1_500_000)
            self.assertEqual(watched.post(body), want)
            wait(lambda: len(ingest.entries) == 1)
        self.assertEqual(len(ingest.entries[0]["vectors_base64"]), 64)

    def test_200_at_once(self):
        with Ingest() as ingest, Serving(settings(ingest.url)) as watched:
            with concurrent.futures.ThreadPoolExecutor(200) as pool:
                bodies = [{"model": "m%d" % i, "input": ["x"] * (i % 5 + 1)} for i in range(200)]
                answers = list(pool.map(watched.post, bodies))
            wait(lambda: watched.sender.counts().get("accepted") == 200)
            self.assertEqual(watched.sender.counts(), {"seen": 200, "accepted": 200})
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual({e["model"]: e["output_count"] for e in ingest.entries}, {b["model"]: len(b["input"]) for b in bodies})

    def test_client_goes_away(self):
        with Ingest() as ingest, Serving(settings(ingest.url)) as watched:
            body = b'{"model":"m","input":"x"}'
            with socket.create_connection(("127.0.0.1", watched.port)) as client:
                client.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + body)
            wait(lambda: len(ingest.entries) == 1)
        self.assertEqual(ingest.entries[0]["error_type"], "client_closed_request")
        self.assertNotIn("status", ingest.entries[0])

    def test_other_scopes_pass(self):
        seen = []

        async def app(scope, receive, send):
            seen.append((scope, receive, send))

        watched = middleware.EmbeddingEvents(app, settings("http://127.0.0.1:9/"))
        passed = [({"type": "websocket", "path": "/v1/embeddings"}, 1, 2), ({}, 1, 2),
                  ({"type": "http", "method": "GET", "path": "/v1/embeddings", "headers": []}, 1, 2),
                  ({"type": "http", "method": "POST", "path": "/v1/embeddings", "headers": None}, 1, 2)]  # fmt: skip
        for scope, receive, send in passed:
            asyncio.run(watched(scope, receive, send))
        self.assertEqual(seen, passed)

    def test_lifespan_passes(self):
        messages = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}, {}]
        taken = []

        async def app(scope, receive, send):
            for message in messages:
                await send(message)

        async def send(message):
            taken.append(message)

        watched = middleware.EmbeddingEvents(app, settings("http://127.0.0.1:9/"))
        asyncio.run(watched({"type": "lifespan"}, None, send))
        self.assertEqual(taken, messages)

    def test_broken_applications_stay_as_they_are(self):
        scope = {"type": "http", "method": "POST", "path": "/v1/embeddings", "headers": []}
        taken = []

        async def send(message):
            taken.append(message)

        async def receive():
            return {"type": "http.request", "body": memoryview(b"{}")}

        messages = [{"type": "http.response.start", "status": "x", "headers": 5}, {"type": 7}, {}, None,
                    {"type": "http.response.body", "body": 3.5, "more_body": True}]  # fmt: skip

        async def app(scope, receive, send):
            await receive()
            for message in messages:
                await send(message)
            raise KeyboardInterrupt

        with Ingest() as ingest:
            watched = middleware.EmbeddingEvents(app, settings(ingest.url))
            with self.assertRaises(KeyboardInterrupt):
                asyncio.run(watched(scope, receive, send))
            self.assertEqual(taken, messages)
            watched.sender.close()
            self.assertEqual([e["error_type"] for e in ingest.entries], ["KeyboardInterrupt"])
            self.assertEqual(watched.sender.held(), 0)

    def test_failing_sender_stays_inside(self):
        with Serving(settings("http://127.0.0.1:9/")) as watched:
            self.assertEqual(watched.post({"model": "m", "input": "x"})[0], 200)
            for name in ("put", "reserve", "release"):
                setattr(watched.sender, name, None)
            self.assertEqual(watched.post({"model": "m", "input": "x"})[0], 200)
            del watched.sender.put, watched.sender.reserve, watched.sender.release


class Losing(Case):
    def post(self, watched, n, **more):
        for i in range(n):
            # The client has its answer before the call is queued.
            seen = watched.sender.counts().get("seen", 0) if watched.middleware else 0
            self.assertEqual(watched.post({"model": "m%d" % i, "input": "x", **more})[0], 200)
            wait(lambda: watched.sender.counts().get("seen", 0) > seen)

    def test_ingest_down(self):
        with Serving(settings("http://127.0.0.1:%d/" % free_port(), retry=0.2)) as watched:
            self.post(watched, 20)
            wait(lambda: lost(watched.sender.counts()) == {"dropped.unreachable": 20})
            self.assertEqual(watched.sender.counts()["seen"], 20)

    def test_full_queue_drops_the_oldest(self):
        blocked, entered = threading.Event(), threading.Event()

        def answer(entries):
            entered.set()
            blocked.wait(10)
            return 200, {}

        with Ingest(answer) as ingest, Serving(settings(ingest.url, queue=5)) as watched:
            self.post(watched, 1)
            self.assertTrue(entered.wait(5))
            self.post(watched, 12)
            self.assertEqual(lost(watched.sender.counts()), {"dropped.queue_full": 7})
            blocked.set()
            wait(lambda: len(ingest.entries) == 6)
            self.assertEqual([e["model"] for e in ingest.entries], ["m0", "m7", "m8", "m9", "m10", "m11"])
            wait(lambda: watched.sender.counts() == {"seen": 13, "accepted": 6, "dropped.queue_full": 7})

    def test_memory_is_bounded(self):
        blocked, entered = threading.Event(), threading.Event()

        def answer(entries):
            entered.set()
            blocked.wait(10)
            return 200, {}

        limit = 100_000
        with Ingest(answer) as ingest, Serving(settings(ingest.url, queue_bytes=limit)) as watched:
            self.post(watched, 1)
            self.assertTrue(entered.wait(5))
            for _ in range(20):  # about 25 kB each
                self.post(watched, 1, dimensions=2000)
                self.assertLessEqual(watched.sender.held(), limit)
            counts = watched.sender.counts()
            self.assertGreater(lost(counts)["dropped.memory_limit"], 10)
            blocked.set()
            wait(lambda: len(ingest.entries) + sum(lost(watched.sender.counts()).values()) == 21)
            # One that does not fit alone leaves an event all the same.
            self.post(watched, 1, dimensions=20000)
            wait(lambda: ingest.entries[-1].get("dimensions") == 20000)
            self.assertNotIn("output_count", ingest.entries[-1])
            self.assertEqual(watched.sender.counts()["unread.memory_limit"], 1)
            self.assertEqual(watched.sender.held(), 0)

    def test_large_bodies_leave_an_event(self):
        with Ingest() as ingest, Serving(settings(ingest.url, body_bytes=5000)) as watched:
            self.post(watched, 1, dimensions=2000)
            self.post(watched, 1, user="x" * 6000)
            wait(lambda: watched.sender.counts() == {"seen": 2, "accepted": 2, "unread.body_too_large": 2})
        self.assertEqual([e.get("output_count") for e in ingest.entries], [None, 1])

    def test_retries_as_told(self):
        answers = [(503, {"Retry-After": "1"}), (503, {}), (429, {}), (200, {})]
        with Ingest(lambda entries: answers.pop(0)) as ingest, Serving(settings(ingest.url)) as watched:
            self.post(watched, 1)
            wait(lambda: len(ingest.entries) == 1)
            wait(lambda: watched.sender.counts() == {"seen": 1, "accepted": 1})
        times = [post[0] for post in ingest.posts]
        self.assertGreaterEqual(times[1] - times[0], 1)
        self.assertLess(times[3] - times[1], 1)

    def test_refusals_are_not_repeated(self):
        for status in (400, 401, 404, 500):
            with Ingest(lambda entries: (status, {})) as ingest, Serving(settings(ingest.url)) as watched:
                self.post(watched, 2)
                wait(lambda: lost(watched.sender.counts()) == {"dropped.refused_%d" % status: 2})

    def test_unavailable_for_too_long(self):
        with Ingest(lambda entries: (503, {})) as ingest, Serving(settings(ingest.url, retry=0.2)) as watched:
            self.post(watched, 3)
            wait(lambda: lost(watched.sender.counts()) == {"dropped.unavailable": 3})

    def test_too_large_batches_are_halved(self):
        middleware.LINGER = 0.5
        with Ingest(lambda entries: (413 if len(entries) > 1 or entries[0]["model"] == "m1" else 200, {})) as ingest:
            with Serving(settings(ingest.url)) as watched:
                self.post(watched, 4)
                wait(lambda: watched.sender.counts() == {"seen": 4, "accepted": 3, "dropped.too_large": 1})
        self.assertEqual([e["model"] for e in ingest.entries], ["m0", "m2", "m3"])

    def test_idle_connections_that_were_closed_lose_nothing(self):
        with Ingest() as ingest, Serving(settings(ingest.url, retry=0.05)) as watched:
            ingest.RequestHandlerClass = type("Hasty", (ingest.RequestHandlerClass,), {"timeout": 0.1})
            for i in range(3):
                self.post(watched, 1)
                wait(lambda: len(ingest.entries) == i + 1)
                time.sleep(0.3)
            wait(lambda: watched.sender.counts() == {"seen": 3, "accepted": 3})

    def test_calls_are_no_slower(self):
        def slow(entries):
            time.sleep(0.3)
            return 503, {}

        def median(server):
            connection = server.connect()
            times = []
            for _ in range(150):
                begin = time.perf_counter()
                server.post({"model": "m", "input": "x", "dimensions": 64}, connection=connection)
                times.append(time.perf_counter() - begin)
            connection.close()
            return statistics.median(times)

        down = "http://127.0.0.1:%d/" % free_port()
        with Ingest(slow) as ingest, Serving() as plain:
            median(plain)
            for url in (ingest.url, down):
                with Serving(settings(url)) as watched:
                    ratios = []
                    for _ in range(3):
                        ratios.append(median(watched) / median(plain))
                        if ratios[-1] < 1.5:
                            break
                    self.assertLess(min(ratios), 1.5, ratios)

    def test_losses_are_logged_once_in_a_while(self):
        with self.assertLogs("otelcol_embedding") as logs:
            with Ingest(lambda entries: (400, {})) as ingest, Serving(settings(ingest.url)) as watched:
                for i in range(5):
                    self.post(watched, 1, user="somebody")
                    wait(lambda: lost(watched.sender.counts()) == {"dropped.refused_400": i + 1})
            self.no_threads()
        self.assertEqual(len(logs.output), 2)  # the first, and the rest at the end
        self.assertIn("dropped.refused_400=4", logs.output[1])
        self.assertNotIn("somebody", "".join(logs.output))


class Ending(Case):
    script = """
import sys; sys.path.insert(0, sys.argv[1])
import servers, uvicorn
app = servers.application()
app.add_middleware(servers.middleware.EmbeddingEvents)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="critical", ws="none")
"""

    def serve(self, ingest):
        port = free_port()
        here = str(pathlib.Path(__file__).resolve().parent)
        env = {**os.environ, "OTELCOL_EMBEDDING_INGEST": ingest, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", self.script, here, str(port)]
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def post():
            body = b'{"model":"m","input":"x"}'
            request = urllib.request.Request("http://127.0.0.1:%d/v1/embeddings" % port, body)
            request.add_header("Content-Type", "application/json")
            try:
                with urllib.request.urlopen(request, timeout=10) as response:
                    return response.status == 200
            except OSError:
                return False

        wait(post, 20)
        return process, post

    def test_what_waits_is_sent_at_the_end(self):
        with Ingest() as ingest:
            process, post = self.serve(ingest.url)
            for _ in range(9):
                self.assertTrue(post())
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            self.assertEqual(len(ingest.entries), 10)
        self.assertEqual(process.stderr.read(), b"")

    def test_the_end_comes_whatever_ingest_does(self):
        release = threading.Event()

        def hang(entries):
            release.wait(20)
            return 200, {}

        with Ingest(hang) as ingest:
            process, _ = self.serve(ingest.url)
            time.sleep(1)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            self.assertLess(time.monotonic() - begin, 4)
            release.set()
        self.assertIn(b"dropped.shutdown=1", process.stderr.read())

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_fork(self):
        script = """
import os, sys; sys.path.insert(0, sys.argv[1])
import asyncio, servers
watched = servers.middleware.EmbeddingEvents(servers.application())
scope = {"type": "http", "method": "POST", "path": "/v1/embeddings", "headers": [], "query_string": b""}
async def receive(): return {"type": "http.request", "body": b'{"model":"m","input":"x"}'}
async def send(message): pass
asyncio.run(watched(scope, receive, send))
with watched.sender._changed:  # as if another thread held it
    child = os.fork()
    if child == 0:
        asyncio.run(watched(scope, receive, send))
        assert watched.sender.counts()["seen"] == 1
        sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
        here = str(pathlib.Path(__file__).resolve().parent)
        with Ingest() as ingest:
            env = {**os.environ, "OTELCOL_EMBEDDING_INGEST": ingest.url}
            subprocess.run([sys.executable, "-W", "ignore", "-c", script, here], env=env, check=True, timeout=20)
            self.assertEqual(len(ingest.entries), 2)


COLLECTOR = os.environ.get("OTELCOL_EMBEDDING", "")


@unittest.skipUnless(os.access(COLLECTOR, os.X_OK), "OTELCOL_EMBEDDING names no collector")
class Collecting(Case):
    @contextlib.contextmanager
    def collector(self, **receiver):
        """Runs the collector with an embedding receiver, and gives a list that holds the events when it has ended."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "events.json")
            config = {
                "receivers": {"embedding": receiver},
                "exporters": {"file": {"path": str(out), "flush_interval": "100ms"}},
                "service": {
                    "telemetry": {"metrics": {"level": "none"}},
                    "pipelines": {"logs": {"receivers": ["embedding"], "exporters": ["file"]}},
                },
            }
            pathlib.Path(folder, "config.yaml").write_text(json.dumps(config))
            events = []
            with open(pathlib.Path(folder, "log"), "wb") as log:
                process = subprocess.Popen([COLLECTOR, "--config", folder + "/config.yaml"], stdout=log, stderr=log)
            try:
                wait(lambda: all(self.listens(part["endpoint"]) for part in receiver.values() if "endpoint" in part), 30)
                yield events
            finally:
                process.terminate()
                process.wait(20)
            for line in out.read_text().splitlines():
                for resource in json.loads(line)["resourceLogs"]:
                    (service,) = (a["value"]["stringValue"] for a in resource["resource"]["attributes"])
                    for record in (r for scope in resource["scopeLogs"] for r in scope["logRecords"]):
                        attributes = {a["key"]: a["value"] for a in record["attributes"]}
                        events.append((service, attributes, record))

    def listens(self, endpoint):
        host, _, port = endpoint.partition(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    def accepted(self, watched, n):
        """Waits until n events have been accounted for, none of them as lost."""
        wait(lambda: watched.sender.counts().get("accepted", 0) + sum(lost(watched.sender.counts()).values()) == n)
        self.assertEqual(lost(watched.sender.counts()), {})

    def test_the_collector_takes_every_event(self):
        headers = {"traceparent": "00-" + "a1" * 16 + "-" + "b2" * 8 + "-01", "User-Agent": "u" * 2000}
        headers["X-Request-Id"] = "r" * 128
        calls = [{}, {"encoding_format": "base64"}, {"user": "error"}, {"user": "raise"}, {"user": "events"},
                 {"input": ["x"] * 64, "dimensions": 2560, "user": "chunked"}, {"input": [[1, 2], [3]], "prompt_name": "q"},
                 {"user": "é" * 512, "truncate_prompt_tokens": 2**31 - 1}, {"user": "\ud800" * 341}]  # fmt: skip
        port = free_port()
        with self.collector(ingest={"endpoint": "127.0.0.1:%d" % port}) as events:
            with Serving(settings("http://127.0.0.1:%d/v1/events" % port, texts=True)) as watched:
                for i, more in enumerate(calls):
                    watched.post({"model": "m%d" % i, "input": ["x", "é"], **more}, headers=headers)
                watched.post(b"{broken")
                self.accepted(watched, 10)
        models = sorted(e.get("gen_ai.request.model", {}).get("stringValue", "") for _, e, _ in events)
        self.assertEqual(models, ["m%d" % i for i in range(9)] + ["unknown"])

    def test_events_are_those_of_the_tap(self):
        tap, ingest = free_port(), free_port()
        # Path, fixture, headers, and what ingest has no field for: what a tap reads of inputs that are not texts.
        inputs = {"embedding.input.fingerprints", "embedding.input.words", "embedding.input.longest.words"}
        calls = [
            ("/v1/embed", "cohere/v1", {}, set()),
            ("/v1/embed", "cohere/v1_types", {"X-Request-Id": "r1"}, set()),  # float before int8
            ("/v2/embed", "cohere/v2_binary", {"X-Request-Id": "not an id"}, inputs),
            ("/v2/embed", "vllm/cohere", {"X-Request-Id": "r2"}, set()),
            ("/v2/embed", "vllm/cohere", {"X-Status": "400"}, set()),
            ("/v1/embeddings", "openai/base64", {"X-Request-Id": "r3"}, set()),
            ("/v1/embeddings", "openai/base64", {"X-Status": "500"}, set()),
        ]
        with Serving(settings("http://127.0.0.1:%d/v1/events" % ingest, texts=True)) as watched:
            upstream = {"endpoint": "http://127.0.0.1:%d" % watched.port}
            with self.collector(
                fingerprint_key="shared",
                tap={"endpoint": "127.0.0.1:%d" % tap, "upstream": upstream},
                ingest={"endpoint": "127.0.0.1:%d" % ingest},
            ) as events:
                for i, (path, name, headers, _) in enumerate(calls):
                    connection = http.client.HTTPConnection("127.0.0.1", tap, timeout=10)
                    request, answer = fixture(name)
                    headers = {"X-Fixture": name, "User-Agent": "client/%d" % i, **headers}
                    status, _, body = watched.post(request, path, headers, connection)
                    connection.close()
                    self.assertEqual(body == answer, status == 200)
                self.accepted(watched, len(calls))
        own = {"embedding.duration", "embedding.upstream.duration", "embedding.client.id"}
        self.assertEqual(len(events), 2 * len(calls))
        of = {(service, e["user_agent.original"]["stringValue"]): (e, record) for service, e, record in events}
        for i, (path, name, headers, unsaid) in enumerate(calls):
            (want, tapped), (got, posted) = (of[service, "client/%d" % i] for service in ("embedding-tap", "vllm"))
            with self.subTest(name, headers=headers):
                self.assertEqual(want.keys() - got.keys() - own, unsaid)
                left = own | unsaid
                self.assertEqual(*({k: v for k, v in e.items() if k not in left} for e in (got, want)))
                self.assertIn("embedding.request.id", got)  # the server's, where the client has none
                self.assertEqual(posted["severityText"], tapped["severityText"])
                if path == "/v1/embeddings":  # the request says for whom it is
                    self.assertEqual(got["embedding.client.id"], want["embedding.client.id"])
        everything = json.dumps(events)
        for private in ("first", "private words", '"u"'):
            self.assertNotIn(private, everything)

    def test_busy_ingest_gets_every_event_once(self):
        port = free_port()
        endpoint = "127.0.0.1:%d" % port
        statuses = []
        with self.collector(ingest={"endpoint": endpoint, "max_concurrent_requests": 1}) as events:
            with Serving(settings("http://%s/v1/events" % endpoint)) as watched:
                post = watched.sender._post
                watched.sender._post = lambda batch: statuses.append(post(batch)) or statuses[-1]
                # Small enough for ingest to read the rest of it, and too large.
                for calls, dimension in ((3, 8), (1, 20000)):
                    del statuses[:]
                    with socket.create_connection(("127.0.0.1", port)) as other:
                        other.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                      b"Content-Length: 1000\r\n\r\n[")  # fmt: skip
                        time.sleep(0.2)  # until it is being read
                        for _ in range(calls):
                            body = {"model": "m", "input": ["x"] * 100, "dimensions": dimension, "encoding_format": "base64"}
                            self.assertEqual(watched.post(body)[0], 200)
                        wait(lambda: len(statuses) > 1)
                        self.assertEqual(watched.sender.counts().get("accepted", 0), 0 if dimension == 8 else 3)
                    wait(lambda: watched.sender.counts().get("accepted") == (3 if dimension == 8 else 4))
                    self.assertEqual({(status, after) for status, _, after in statuses[:2]}, {(503, 1.0)}, statuses)
                self.assertEqual(lost(watched.sender.counts()), {})
        self.assertEqual(len(events), 4)


if __name__ == "__main__":
    unittest.main()
