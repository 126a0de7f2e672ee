"""Embedding events from inside vLLM, for otelcol-embedding's ingest endpoint.

    vllm serve MODEL --middleware otelcol_embedding.EmbeddingEvents

vLLM imports what --middleware names and, where that is a class, hands it to the application's add_middleware. So the
class takes the application alone, and the environment configures it; README.md lists the variables.

A call is observed and never touched: every message goes on as it came, and parts of bodies are kept by reference.
When the last byte is out, the call goes to a bounded queue. A daemon thread reads the bodies and posts the events.
"""

from __future__ import annotations

import array
import asyncio
import atexit
import base64
import collections
import http.client
import json
import logging
import math
import os
import random
import re
import ssl
import sys
import threading
import time
import urllib.parse
from typing import Any, Awaitable, Callable, Dict, List, Mapping, MutableMapping, NamedTuple, Optional, Tuple

__all__ = ["EmbeddingEvents", "Settings"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

logger = logging.getLogger("otelcol_embedding")

# How the paths of calls end: of OpenAI's API, and of Cohere's in its two versions, of which vLLM has the second.
OPENAI_PATHS = ("/v1/embeddings",)
COHERE_PATHS = ("/v1/embed", "/v2/embed")
# What one POST holds at most, unless one event alone is larger.
BATCH_EVENTS = 200
BATCH_BYTES = 4 << 20
# How long an event waits for others, in seconds.
LINGER = 0.5
# How long stopping may take, in seconds.
FLUSH = 2.0
# Waiting times between attempts, in seconds.
FIRST_BACKOFF = 0.1
LAST_BACKOFF = 10.0
# The longest Retry-After that is followed, in seconds.
MAX_RETRY_AFTER = 30.0
# Ingest refuses longer texts in any field, in bytes.
MAX_TEXT = 1024
# The tap cuts the names of models and answers to as much, in bytes. The same call has the same names on either way.
MAX_NAME = 256
# Longer texts are no identifiers of an error, in bytes; ingest has the same limit.
MAX_IDENTIFIER = 64
# Ingest refuses larger whole numbers.
MAX_COUNT = 2**31 - 1
# What a part of a body takes beside its bytes.
PART_BYTES = 64
# Longer strings of an answer are set aside before it is read.
LONG_BYTES = 1 << 10
# After so many bytes the thread gives the interpreter away, for so many seconds. Without that, the event loop would
# wait for the interpreter's switch interval, 5 ms, each time it wants to run.
BREATH_BYTES = 32 << 10
BREATH = 0.0002

# Answers that mean that the same may be taken later (RFC 9110 section 15, RFC 6585 section 4).
RETRIED = frozenset((408, 429, 502, 503, 504))


class Settings(NamedTuple):
    """What the environment says."""

    ingest: str = "http://localhost:8081/v1/events"
    headers: Tuple[Tuple[str, str], ...] = ()
    queue: int = 1000  # events
    queue_bytes: int = 64 << 20
    body_bytes: int = 16 << 20
    vectors: bool = True
    texts: bool = False
    sample: float = 1.0  # share of calls
    timeout: float = 5.0  # seconds
    retry: float = 60.0  # seconds
    service: str = "vllm"
    provider: str = "vllm"
    model: str = "unknown"
    report: float = 60.0  # seconds between two summaries in the log

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Reads the variables; one with a wrong value is named in the log and counts as absent."""
        default = cls()
        found: Dict[str, Any] = {}
        if env.get("OTEL_SERVICE_NAME"):
            found["service"] = env["OTEL_SERVICE_NAME"]
        for name, read in _READERS.items():
            variable = "OTELCOL_EMBEDDING_" + name.upper()
            text = env.get(variable, "").strip()
            if not text:
                continue
            try:
                found[name] = read(text)
            except ValueError as error:
                # The value itself stays out of the log: headers hold secrets.
                logger.warning("%s is ignored: it %s", variable, error)
        return default._replace(**found)


def _url(text: str) -> str:
    wrong = ValueError("is not a URL such as http://localhost:8081/v1/events")
    try:
        url = urllib.parse.urlsplit(text)
        if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
            raise wrong
    except ValueError:
        raise wrong from None
    return text


def _pairs(text: str) -> Tuple[Tuple[str, str], ...]:
    pairs = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name, value = name.strip(), urllib.parse.unquote(value.strip())
        if not equals or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[ -~]*", value):
            raise ValueError("is not a list of name=value, with commas between")
        pairs.append((name, value))
    return tuple(pairs)


def _truth(text: str) -> bool:
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError("is neither true nor false")


def _positive(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) == 0:
        raise ValueError("is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    return _number(text, 0.001, 86400, "is not a number of seconds, from 0.001 to 86400")


def _share(text: str) -> float:
    return _number(text, 0, 1, "is not a number from 0 to 1")


def _number(text: str, low: float, high: float, wrong: str) -> float:
    try:
        x = float(text)
    except ValueError:
        raise ValueError(wrong) from None
    if not low <= x <= high:
        raise ValueError(wrong)
    return x


_READERS: Dict[str, Callable[[str], Any]] = {
    "ingest": _url,
    "headers": _pairs,
    "queue": _positive,
    "queue_bytes": _positive,
    "body_bytes": _positive,
    "vectors": _truth,
    "texts": _truth,
    "sample": _share,
    "timeout": _seconds,
    "retry": _seconds,
    "service": str,
    "provider": str,
    "model": str,
}


class EmbeddingEvents:
    """ASGI middleware that makes an event of each call to /v1/embeddings and /v2/embed."""

    def __init__(self, app: App, settings: Optional[Settings] = None) -> None:
        self.app = app
        self.settings = settings if settings is not None else Settings.from_environment()
        self.sender = Sender(self.settings)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        call = self._observe(scope)
        if call is None:
            await self.app(scope, receive, self._flushing(send) if scope.get("type") == "lifespan" else send)
            return

        async def observed_receive() -> Message:
            message = await receive()
            call.received(message)
            return message

        async def observed_send(message: Message) -> None:
            try:
                await send(message)
            except BaseException:
                call.disconnected = True
                raise
            call.sent(message)

        try:
            await self.app(scope, observed_receive, observed_send)
        except BaseException as error:
            call.finish(type(error).__name__)
            raise
        call.finish("upstream_aborted")  # counts only where the last byte has not been sent

    def _flushing(self, send: Send) -> Send:
        """Returns a send for the lifespan that lets the thread end before the application says that it is over.

        After that a server may end the process by a signal, as uvicorn does, and exit handlers would not run.
        """

        async def flushing_send(message: Message) -> None:
            try:
                if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                    await asyncio.get_running_loop().run_in_executor(None, self.sender.close)
            except Exception:
                self.sender.stop()  # another event loop than asyncio's
            await send(message)

        return flushing_send

    def _observe(self, scope: Mapping[str, Any]) -> Optional[Call]:
        try:
            if scope["type"] != "http" or scope["method"] != "POST":
                return None
            path = scope["path"]
            if path != "/embeddings" and not path.endswith(OPENAI_PATHS + COHERE_PATHS):
                return None
            return Call(scope, self.sender)
        except Exception:
            return None  # what such a scope means is for the application to say


class Body:
    """A body on its way through, by reference to its parts."""

    __slots__ = ("parts", "size", "held", "lost", "content_type", "encoding", "request_id")

    def __init__(self) -> None:
        self.parts: List[bytes] = []
        self.size = 0  # bytes
        self.held = 0  # bytes that the sender has reserved, more than size because each part is an object
        self.lost = ""  # why the parts are not kept
        # What the headers say that came before it.
        self.content_type = ""
        self.encoding = ""
        self.request_id: Optional[str] = None

    def add(self, part: Any, sender: Sender) -> None:
        if not part or self.lost:
            return
        part = bytes(part)  # bytes itself, where it is bytes as ASGI says
        if self.size + len(part) > sender.settings.body_bytes:
            self.lose("body_too_large", sender)
        elif not sender.reserve(len(part) + PART_BYTES):
            self.lose("memory_limit", sender)
        else:
            self.parts.append(part)
            self.size += len(part)
            self.held += len(part) + PART_BYTES

    def lose(self, why: str, sender: Sender) -> None:
        self.lost = why
        held, self.size, self.held, self.parts = self.held, 0, 0, []
        try:
            sender.release(held)
        except Exception:
            pass  # this is the last resort of all that fails here


class Call:
    """What is known of one call. Its methods never raise: the call is not theirs to break."""

    __slots__ = (
        "sender", "path", "server", "user_agent", "traceparent", "begun", "ended", "duration", "status", "error",
        "disconnected", "finished", "request", "response",
    )  # fmt: skip

    def __init__(self, scope: Mapping[str, Any], sender: Sender) -> None:
        self.begun = time.perf_counter()
        self.sender = sender
        self.path: str = scope["path"]
        self.server = scope.get("server")
        self.user_agent = ""
        self.traceparent: List[str] = []
        self.ended = 0.0  # Unix time in seconds
        self.duration = 0.0  # seconds
        self.status = 0
        self.error = ""
        self.disconnected = False
        self.finished = False
        self.request = Body()
        self.response = Body()
        for name, value in scope["headers"]:
            if name == b"user-agent":
                self.user_agent = value.decode("latin-1")
            elif name == b"traceparent":
                self.traceparent.append(value.decode("latin-1"))
            elif name == b"content-encoding":
                self.request.encoding = value.decode("latin-1").strip().lower()
            elif name == b"x-request-id" and self.request.request_id is None:
                self.request.request_id = value.decode("latin-1")

    def received(self, message: Message) -> None:
        """Sees what the application was given."""
        if self.finished:
            return
        try:
            if message["type"] == "http.request":
                self.request.add(message.get("body"), self.sender)
            elif message["type"] == "http.disconnect":
                self.disconnected = True
        except Exception:
            self.request.lose("internal", self.sender)

    def sent(self, message: Message) -> None:
        """Sees what the application has sent."""
        if self.finished:
            return
        try:
            if message["type"] == "http.response.start":
                self.status = int(message["status"])
                for name, value in message.get("headers", ()):
                    if name == b"content-type":
                        self.response.content_type = value.decode("latin-1").partition(";")[0].strip().lower()
                    elif name == b"content-encoding":
                        self.response.encoding = value.decode("latin-1").strip().lower()
                    elif name == b"x-request-id" and self.response.request_id is None:
                        self.response.request_id = value.decode("latin-1")
                if self.response.content_type == "text/event-stream":
                    self.response.lose("content_type", self.sender)
            elif message["type"] == "http.response.body":
                self.response.add(message.get("body"), self.sender)
                if not message.get("more_body", False):
                    self.finish("")
        except Exception:
            self.response.lose("internal", self.sender)

    def finish(self, error: str) -> None:
        """Ends the observation; error names what the application raised. Only the first time counts."""
        if self.finished:
            return
        self.finished = True
        try:
            self.duration = time.perf_counter() - self.begun
            self.ended = time.time()
            if self.disconnected or error == "CancelledError":
                self.error, self.status = "client_closed_request", 0
            elif error:
                # The server answers 500 for the application, if nothing has been sent.
                self.error, self.status = error, self.status or 500
            self.sender.put(self)
        except Exception:
            self.release()

    def release(self) -> None:
        """Lets the bodies go."""
        self.request.lose("", self.sender)
        self.response.lose("", self.sender)


class Sender:
    """The queue, and the thread that reads what is in it and posts it.

    The thread is started by the first call in the process that serves it, because threads do not survive a fork.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        url = urllib.parse.urlsplit(settings.ingest)
        self._https = url.scheme == "https"
        self._host, self._port = url.hostname or "", url.port
        self._target = (url.path or "/v1/events") + ("?" + url.query if url.query else "")
        self._headers = {"Content-Type": "application/x-ndjson", "User-Agent": "otelcol-embedding-vllm"}
        if url.username:
            secret = urllib.parse.unquote(url.username) + ":" + urllib.parse.unquote(url.password or "")
            self._headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
        self._headers.update(settings.headers)
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition(threading.Lock())
        self._queue: collections.deque[Call] = collections.deque()
        self._held = 0  # bytes of all bodies, being observed or waiting
        self._thread: Optional[threading.Thread] = None
        self._deadline: Optional[float] = None  # when stopping must be over
        self._pending = 0  # events that the thread has taken and not yet accounted for
        self._connection: Optional[http.client.HTTPConnection] = None
        self._counts: Dict[str, int] = {}
        self._reported: Dict[str, int] = {}
        self._last_report = -math.inf

    # The event loop's side. What runs under the lock is short, on either side.

    def reserve(self, size: int) -> bool:
        """Makes room for a part of a body, at the cost of the oldest events."""
        self._check_fork()
        with self._changed:
            while self._held + size > self.settings.queue_bytes and self._queue:
                self._drop_oldest("memory_limit")
            if self._held + size > self.settings.queue_bytes:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Gives back what was reserved."""
        if size and self._pid == os.getpid():
            with self._changed:
                self._held -= size

    def put(self, call: Call) -> None:
        """Queues a call that is over, at the cost of the oldest event where the queue is full."""
        self._check_fork()
        with self._changed:
            self._count("seen", 1)
            while len(self._queue) >= self.settings.queue:
                self._drop_oldest("queue_full")
            self._queue.append(call)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="otelcol-embedding", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return  # the process ends, or has no more threads: the next call tries again
                self._thread, self._deadline = thread, None
                atexit.register(self.close)
            self._changed.notify()

    def _drop_oldest(self, why: str) -> None:
        call = self._queue.popleft()
        self._held -= call.request.held + call.response.held
        self._count("dropped." + why, 1)

    def _check_fork(self) -> None:
        if self._pid != os.getpid():
            self._reset()

    def _count(self, what: str, n: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + n

    def counts(self) -> Dict[str, int]:
        """Returns what happened to the events: seen is the sum of accepted, dropped.* and what still waits."""
        with self._changed:
            return dict(self._counts)

    def held(self) -> int:
        """Returns the bytes of all bodies that are kept."""
        with self._changed:
            return self._held

    def stop(self) -> None:
        """Makes the thread send what there is, for FLUSH seconds at most, and end. A later call starts another."""
        if self._pid != os.getpid():
            return
        with self._changed:
            if self._thread is not None and self._deadline is None:
                self._deadline = time.monotonic() + FLUSH
                self._changed.notify()

    def close(self) -> None:
        """Stops, and waits for it. What is left then is lost."""
        if self._pid != os.getpid():
            return
        self.stop()
        thread = self._thread
        if thread is None:
            return
        thread.join(FLUSH)
        if thread.is_alive():
            with self._changed:
                self._abandon()
            self._report(time.monotonic(), True)

    def _abandon(self) -> None:
        while self._queue:
            self._drop_oldest("shutdown")
        self._count("dropped.shutdown", self._pending)
        self._pending = 0

    # The thread's side.

    def _run(self) -> None:
        while True:
            try:
                batch = self._gather()
                if batch is None:
                    break
                self._deliver(batch)
            except Exception:
                self._settle("dropped.internal", self._pending)
                time.sleep(BREATH)
            self._report(time.monotonic(), False)
        self._report(time.monotonic(), True)

    def _gather(self) -> Optional[List[bytes]]:
        """Waits for calls and returns the events of some, or None when the thread is to end."""
        batch: List[bytes] = []
        size = 0
        until = math.inf
        while len(batch) < BATCH_EVENTS and size < BATCH_BYTES:
            call = self._take(until)
            if call is None:
                break
            if not batch:
                until = time.monotonic() + LINGER
            entry, unread = read_call(call, self.settings)
            call.release()
            for why in unread:
                with self._changed:
                    self._count("unread." + why, 1)
            line = json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
            batch.append(line)
            size += len(line)
            time.sleep(BREATH)
        if batch:
            return batch
        with self._changed:
            if self._queue and self._deadline is not None and time.monotonic() > self._deadline:
                self._abandon()
            elif self._queue:
                return batch
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            # From here on a call that comes starts another thread.
            self._thread = None
        atexit.unregister(self.close)
        return None

    def _take(self, until: float) -> Optional[Call]:
        with self._changed:
            while not self._queue:
                if self._deadline is not None:
                    return None
                wait = until - time.monotonic()
                if wait <= 0:
                    return None
                self._changed.wait(None if wait == math.inf else wait)
            if self._deadline is not None and time.monotonic() > self._deadline:
                return None
            self._pending += 1
            return self._queue.popleft()

    def _settle(self, what: str, n: int) -> None:
        """Counts what became of n of the events that the thread has taken."""
        with self._changed:
            n = min(n, self._pending)  # none is left where close has given them up
            if n > 0:
                self._pending -= n
                self._count(what, n)

    def _deliver(self, batch: List[bytes]) -> None:
        """Posts events until they are taken, refused for good, or too old."""
        if not batch:
            return
        give_up = time.monotonic() + self.settings.retry
        backoff = FIRST_BACKOFF
        while True:
            status, answer, wait = self._post(batch)
            if status == 413 and len(batch) > 1:
                half = len(batch) // 2
                self._deliver(batch[:half])
                self._deliver(batch[half:])
                return
            if status != 0 and status not in RETRIED:
                self._note(status, answer, len(batch))
                return
            # Beyond what ingest asks for, so that the processes of a server do not all come back at once.
            pause = wait + backoff * random.uniform(0.5, 1)
            backoff = min(2 * backoff, LAST_BACKOFF)
            if not self._pause(pause, give_up):
                why = "shutdown" if self._deadline is not None else "unavailable" if status else "unreachable"
                self._settle("dropped." + why, len(batch))
                return
            self._report(time.monotonic(), False)

    def _note(self, status: int, answer: bytes, n: int) -> None:
        """Counts what ingest says of n events that it has read."""
        rejected = 0
        try:
            rejected = min(max(int(json.loads(answer)["rejected"]), 0), n)
        except Exception:
            rejected = 0 if status == 200 else n
        if status == 200:
            self._settle("accepted", n - rejected)
            self._settle("dropped.rejected", rejected)
        else:
            self._settle("dropped.too_large" if status == 413 else "dropped.refused_%d" % status, n)

    def _pause(self, seconds: float, give_up: float) -> bool:
        """Waits before another attempt; returns False where there is no time for one."""
        again = time.monotonic() + seconds
        with self._changed:
            while True:
                now = time.monotonic()
                if min(give_up, math.inf if self._deadline is None else self._deadline) <= min(again, now + seconds):
                    return False
                if now >= again:
                    return True
                self._changed.wait(again - now)

    def _post(self, batch: List[bytes]) -> Tuple[int, bytes, float]:
        """Returns status, answer and Retry-After in seconds; status 0 is no answer."""
        timeout = self.settings.timeout
        if self._deadline is not None:
            timeout = max(min(timeout, self._deadline - time.monotonic()), 0.01)
        body = b"\n".join(batch)
        while True:
            connection, reused = self._connection, True
            if connection is None:
                reused = False
                connection = self._connect(timeout)
                self._connection = connection
            elif connection.sock is not None:
                connection.sock.settimeout(timeout)
            try:
                whole = True
                try:
                    connection.request("POST", self._target, body, self._headers)
                except (BrokenPipeError, ConnectionResetError):
                    if connection.sock is None:
                        raise
                    whole = False  # ingest that is busy answers before it has read everything, and hangs up
                response = connection.getresponse()
                answer = response.read(1 << 20)
                if response.will_close or not response.isclosed() or not whole:
                    self._disconnect()
                return response.status, answer, _retry_after(response.getheader("Retry-After"))
            except (http.client.HTTPException, OSError, ValueError) as error:
                self._disconnect()
                # The other side closes connections that were idle for long: that says nothing about it.
                if not (reused and isinstance(error, (ConnectionError, http.client.RemoteDisconnected))):
                    return 0, b"", 0

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._https:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _report(self, now: float, last: bool) -> None:
        """Logs what was lost since the last time, unless that was a moment ago."""
        try:
            with self._changed:
                if not last and now - self._last_report < self.settings.report:
                    return
                news = {
                    what: n - self._reported.get(what, 0)
                    for what, n in sorted(self._counts.items())
                    if what.startswith(("dropped.", "unread.")) and n != self._reported.get(what, 0)
                }
                if not news:
                    return
                self._last_report = now
                self._reported = dict(self._counts)
            logger.warning(
                "Embedding events for %s were lost or incomplete; calls are not affected: %s",
                self._host, ", ".join("%s=%d" % item for item in news.items()),
            )  # fmt: skip
        except Exception:
            pass  # a broken log handler must not end the thread


def _retry_after(text: Optional[str]) -> float:
    """Reads Retry-After in seconds; dates count as absent."""
    return min(float(text), MAX_RETRY_AFTER) if text and re.fullmatch(r"[0-9]{1,9}", text) else 0.0


# Reading. Bodies may hold anything.


def read_call(call: Call, settings: Settings) -> Tuple[Dict[str, Any], List[str]]:
    """Returns the ingest entry of a call, and why bodies of it could not be read."""
    entry: Dict[str, Any] = {
        "event": "embedding.request",
        "timestamp": round(call.ended, 6),
        "duration_ms": round(call.duration * 1e3, 3),
        "service": _cut(settings.service),
        "provider": _cut(settings.provider),
        "url_path": _cut(call.path),
    }
    if call.user_agent:
        entry["user_agent"] = _cut(call.user_agent)
    if 100 <= call.status <= 599:
        entry["status"] = call.status
    request_id = _request_id(call.request.request_id) or _request_id(call.response.request_id)
    if request_id:
        entry["request_id"] = request_id
    _add_server(entry, call.server)
    _add_trace(entry, call.traceparent)
    unread = []
    cohere = call.path.endswith(COHERE_PATHS)
    variant = ""
    succeeded = not call.error and 200 <= call.status < 300
    try:
        why = _unreadable(call.request)
        if not why:
            request = _load(b"".join(call.request.parts))
            if cohere:
                _read_cohere_request(request, entry, settings.texts)
            else:
                variant = _read_request(request, entry, settings.texts)
    except Exception:
        why = "malformed"
    # That a refused request cannot be read is no fault of the reading.
    if why and (succeeded or why != "malformed"):
        unread.append(why)
    why = ""
    try:
        if call.error:
            entry["error_type"] = _cut(call.error)
        else:
            why = _unreadable(call.response)
            if not why and succeeded and call.response.content_type == "application/octet-stream":
                why = "content_type"  # encoding_format bytes
            if not why:
                body = b"".join(call.response.parts)
                if succeeded:
                    sampled = settings.vectors and (settings.sample >= 1 or random.random() < settings.sample)
                    if cohere:
                        why = _read_cohere_answer(body, entry, sampled, settings.body_bytes)
                    else:
                        _read_answer(body, entry, sampled, variant)
                else:
                    _read_error(body, entry)
    except Exception:
        why = "malformed" if succeeded else ""
    if why:
        unread.append(why)
    if not entry.get("model") and not entry.get("response_model"):
        entry["model"] = _cut(settings.model)
    return entry, unread


def _unreadable(body: Body) -> str:
    if body.lost:
        return body.lost
    return "" if body.encoding in ("", "identity") else "encoding"


def _load(text: bytes) -> Dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _cut(text: str, size: int = MAX_TEXT) -> str:
    """Returns text as ingest takes it: at most size bytes."""
    if len(text) * 4 <= size:
        return text
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def _name(value: Any) -> str:
    return _cut(value, MAX_NAME) if isinstance(value, str) else ""


def _request_id(text: Optional[str]) -> str:
    """Returns what a header X-Request-Id says, where it can serve as a name."""
    return text if text and re.fullmatch(r"[!-~]{1,128}", text) else ""


def _identifier(value: Any) -> str:
    """Returns a text that can serve as an error type or a format, else nothing."""
    if isinstance(value, str) and len(value) <= MAX_IDENTIFIER and re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        return value
    return ""


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _add_server(entry: Dict[str, Any], server: Any) -> None:
    if isinstance(server, (list, tuple)) and len(server) == 2 and isinstance(server[0], str) and _natural(server[1]):
        entry["server_address"], entry["server_port"] = _cut(server[0]), server[1]


_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def _add_trace(entry: Dict[str, Any], headers: List[str]) -> None:
    """Reads traceparent (https://www.w3.org/TR/trace-context/). Versions to come may append fields."""
    match = _TRACEPARENT.fullmatch(headers[0]) if len(headers) == 1 else None
    if match is None:
        return
    version, trace, span, flags, more = match.groups()
    if version == "ff" or (more and version == "00") or not trace.strip("0") or not span.strip("0"):
        return
    entry["trace_id"], entry["span_id"], entry["trace_flags"] = trace, span, flags


# Members that say what the vectors are for, in the order in which they are asked.
_TASKS = ("prefix", "input_type", "task", "prompt_name")


def _read_request(request: Dict[str, Any], entry: Dict[str, Any], texts: bool) -> str:
    """Adds what a request says. Returns how vLLM is asked to write elements, where that is not float32."""
    if _name(request.get("model")):
        entry["model"] = _name(request["model"])
    if _natural(request.get("dimensions")):
        entry["dimensions"] = request["dimensions"]
    limit = request.get("truncate_prompt_tokens")
    if _natural(limit) and limit > 0:  # -1 stands for the model's own maximum
        entry["truncate_prompt_tokens"] = limit
    user = request.get("user")
    # One cut to what ingest takes would have another hash than the whole.
    if isinstance(user, str) and user and len(user.encode("utf-8", "surrogatepass")) <= MAX_TEXT:
        entry["user"] = user
    for name in _TASKS:
        if _task(request.get(name)):
            entry["task_type"] = request[name]
            break
    encoding, variant = _identifier(request.get("encoding_format")), ""
    if encoding:
        entry["encoding_format"] = encoding
    element = _identifier(request.get("embed_dtype"))
    _add_element_type(element, entry)
    if encoding and encoding != "float":
        if element and element != "float32":
            variant += "+" + element
        if request.get("endianness") == "big":
            variant += "+big"
    _read_inputs(request, entry, texts)
    return variant


def _task(value: Any) -> bool:
    """Tells whether a value may say what vectors are for, by a name or an instruction: ingest knows which."""
    return isinstance(value, str) and bool(value.strip()) and len(value.encode("utf-8", "surrogatepass")) <= MAX_TEXT


def _add_element_type(name: str, entry: Dict[str, Any]) -> None:
    """Adds what type of elements a client asks for. base64, which some APIs have among the types, is an encoding."""
    if name == "base64":
        entry["encoding_format"] = name
    elif name not in ("", "float", "float32"):
        entry["element_type"] = name


def _read_inputs(request: Dict[str, Any], entry: Dict[str, Any], texts: bool) -> None:
    """Adds number and lengths of the inputs: texts, token ids, or the chat form's messages, which are one input."""
    given = request.get("input")
    inputs: List[Any]
    if isinstance(given, str):
        inputs = [given]
    elif isinstance(given, list) and given:
        inputs = [given] if isinstance(given[0], (int, float)) else given
    elif isinstance(request.get("messages"), list):
        inputs = [None]
    else:
        return
    _add_inputs(inputs, entry, texts)


def _add_inputs(inputs: List[Any], entry: Dict[str, Any], texts: bool) -> None:
    """Adds number and lengths of inputs; what is no string is no text."""
    entry["input_count"] = len(inputs)
    if texts and all(isinstance(i, str) for i in inputs):
        entry["input"] = inputs
    else:
        entry["input_characters"] = [len(i) if isinstance(i, str) else 0 for i in inputs]


def _read_cohere_request(request: Dict[str, Any], entry: Dict[str, Any], texts: bool) -> None:
    """Adds what a request of Cohere's API says."""
    if _name(request.get("model")):
        entry["model"] = _name(request["model"])
    if _natural(request.get("output_dimension")):
        entry["dimensions"] = request["output_dimension"]
    if _task(request.get("input_type")):
        entry["task_type"] = request["input_type"]
    types = request.get("embedding_types")
    types = [_identifier(name) for name in (types if isinstance(types, list) else [types])]
    if "float" not in types:  # of several, float is read, and else the first
        _add_element_type(next(filter(None, types), ""), entry)
    inputs: Optional[List[Any]] = None
    for name, given in request.items():
        if name in ("texts", "images", "inputs") and isinstance(given, list) and given:  # others may be null or empty
            inputs = [_cohere_input(i, name) for i in given]
    if inputs is not None:
        _add_inputs(inputs, entry, texts)


def _cohere_input(given: Any, name: str) -> Any:
    """Returns the text of an input, or something else where it is none, or none alone."""
    if isinstance(given, str):
        return given if name != "images" else None  # whose strings hold the data of the image
    parts = given.get("content") if isinstance(given, dict) else None
    if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict) and set(parts[0]) <= {"type", "text"}:
        return parts[0].get("text")
    return None


# An embedding in an answer: its numbers, or its base64. Quotes within JSON strings have a backslash before them, so
# nothing within a string looks like this.
_EMBEDDING = re.compile(rb'"embedding"\s*:\s*(\[[^\[\]{}"]*\]|"[^"\\]*")')
# A list of numbers, where no string is about.
_NUMBERS = re.compile(rb'\[[^\[\]{}"]*\]')
# The member that stands for an embedding while the rest of the answer is read.
_PLACE = "\0embedding"


class _Answer:
    """An answer whose embeddings are set aside, to be read one by one.

    Reading all of them at once would keep the event loop from running for as long as that takes.
    """

    def __init__(self, body: bytes) -> None:
        self.pieces: List[bytes] = []
        self._body = body
        self._skeleton: List[bytes] = []
        self._end = 0  # up to where the body is in the skeleton
        self._breath = _Breath()

    def set_aside_members(self) -> Dict[str, Any]:
        """Sets the members named embedding aside, and returns the rest."""
        for match in _EMBEDDING.finditer(self._body):
            self._set_aside(*match.span(1))
        return self._rest()

    def set_aside_lists(self) -> Dict[str, Any]:
        """Sets lists of numbers and long strings aside, and returns the rest.

        Cohere's embeddings have no name each, and its answers repeat the texts, in which there may be anything.
        """
        body, at = self._body, 0
        while at < len(body):
            quote = body.find(b'"', at)
            for match in _NUMBERS.finditer(body, at, quote if quote >= 0 else len(body)):
                self._set_aside(*match.span())
            if quote < 0:
                break
            at = self._after_string(quote)
            if at - quote > LONG_BYTES and body.find(b"\\", quote, at) < 0:
                self._set_aside(quote, at)
        return self._rest()

    def _after_string(self, quote: int) -> int:
        """Returns where the string that begins at quote has ended."""
        body, end = self._body, quote
        while True:
            begin = end + 1
            end = body.find(b'"', begin)
            if end < 0:
                return len(body)
            self._breath.after(end - begin)
            escapes = end
            while body[escapes - 1] == 0x5C:
                escapes -= 1
            if (end - escapes) % 2 == 0:
                return end + 1

    def _set_aside(self, begin: int, end: int) -> None:
        self._skeleton += (self._body[self._end:begin], b'{"\\u0000embedding":%d}' % len(self.pieces))
        self.pieces.append(self._body[begin:end])
        self._end = end
        self._breath.after(end - begin)

    def _rest(self) -> Dict[str, Any]:
        self._skeleton.append(self._body[self._end:])
        return _load(b"".join(self._skeleton))

    def piece(self, value: Any) -> bytes:
        """Returns the JSON text of a value of the rest."""
        if isinstance(value, dict) and _PLACE in value:
            return self.pieces[value[_PLACE]]
        return json.dumps(value).encode()  # one that escapes or nests, or is short

    def list_of_pieces(self, value: Any) -> Optional[List[bytes]]:
        """Returns the JSON texts of a list's elements, None where the value is no list."""
        if isinstance(value, dict) and _PLACE in value:
            value = json.loads(self.piece(value))
        return [self.piece(element) for element in value] if isinstance(value, list) else None


def _read_answer(body: bytes, entry: Dict[str, Any], sampled: bool, variant: str) -> None:
    """Adds what an answer says."""
    whole = _Answer(body)
    answer = whole.set_aside_members()
    if _name(answer.get("model")):
        entry["response_model"] = _name(answer["model"])
    if _name(answer.get("id")):
        entry["response_id"] = _name(answer["id"])
    usage = answer.get("usage")
    if isinstance(usage, dict):
        for name in ("prompt_tokens", "total_tokens"):
            if _natural(usage.get(name)):
                entry["input_tokens"] = usage[name]
                break
    data = answer.get("data")
    if not isinstance(data, list):
        raise ValueError("no data")
    rows = _in_order([item for item in data if isinstance(item, dict)])
    entry["output_count"] = len(rows)
    pieces = [whole.piece(row.get("embedding")) for row in rows]
    if variant and any(piece.startswith(b'"') for piece in pieces):
        return  # other elements than float32: counted and not read
    _add_vectors(pieces, entry, sampled, "float")


def _read_cohere_answer(body: bytes, entry: Dict[str, Any], sampled: bool, limit: int) -> str:
    """Adds what an answer of Cohere's API says. Returns why its vectors are not read."""
    whole = _Answer(body)
    answer = whole.set_aside_lists()
    if _name(answer.get("id")):
        entry["response_id"] = _name(answer["id"])
    meta = answer.get("meta")
    if isinstance(meta, dict):
        for name in ("billed_units", "tokens"):  # of Cohere, and of vLLM
            if isinstance(meta.get(name), dict) and _natural(meta[name].get("input_tokens")):
                entry["input_tokens"] = meta[name]["input_tokens"]
                break
    found, elements = _cohere_rows(whole, answer.get("embeddings"))
    if found is None:
        raise ValueError("no embeddings")
    entry["output_count"] = len(found)
    if elements not in _ELEMENTS:
        return ""  # counted and not read
    return _add_vectors(found, entry, sampled, elements, limit)


def _cohere_rows(whole: _Answer, embeddings: Any) -> Tuple[Optional[List[bytes]], str]:
    """Returns the vectors of an answer and their type: float where it is among several, else the first."""
    rows = whole.list_of_pieces(embeddings)
    elements = "float"
    if rows is None and isinstance(embeddings, dict):
        for name, value in embeddings.items():
            if rows and name != "float":
                continue
            found = whole.list_of_pieces(value)
            if found is not None:
                rows, elements = found, name
    return rows, elements


def _add_vectors(
    pieces: List[bytes], entry: Dict[str, Any], sampled: bool, elements: str, limit: int = sys.maxsize
) -> str:
    """Adds vectors, unless they would be larger than limit. Returns why they are not there."""
    vectors: List[str] = []
    breath = _Breath()
    for piece in pieces:
        if not vectors:
            dimension = _dimension(piece, elements)
            if dimension:
                entry["output_dim"] = dimension
            if sampled and len(pieces) * dimension * 16 // 3 > limit:
                return "vectors_too_large"  # bits grow to numbers of 32 bits each
        if not sampled:
            return ""
        vectors.append(_base64(piece, elements))
        breath.after(len(piece))
    if vectors:
        entry["vectors_base64"] = vectors
    return ""


class _Breath:
    """Gives the interpreter away now and then."""

    def __init__(self) -> None:
        self.done = 0

    def after(self, size: int) -> None:
        self.done += size
        if self.done >= BREATH_BYTES:
            self.done = 0
            time.sleep(BREATH)


def _in_order(rows: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Returns rows in the order of their indices, so that row i belongs to input i, where these are a permutation."""
    indices = [row.get("index", i) for i, row in enumerate(rows)]
    if all(_natural(i) for i in indices) and sorted(indices) == list(range(len(rows))):
        return [row for _, row in sorted(zip(indices, rows), key=lambda pair: pair[0])]
    return rows


# Types of elements that are read, and what array calls those that strings hold. Cohere's base64 is one of float32.
_ELEMENTS = {"float": "f", "base64": "f", "int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
# What is added to an entry of packed bits to make it the byte that it stands for.
_PACKED = {"binary": 128, "ubinary": 0}
# The eight elements that a byte of bits stands for, the first in the highest: +1 for a set one and -1 for a clear one,
# as the collector's tap reads them.
_BITS = [array.array("f", [1.0 if byte >> (7 - i) & 1 else -1.0 for i in range(8)]) for byte in range(256)]


def _dimension(piece: bytes, elements: str) -> int:
    """Returns how many numbers an embedding has, without reading them where that can be told."""
    if elements in _PACKED:
        return len(_numbers(json.loads(piece), elements))  # lists of elements that are not packed occur too
    if piece.startswith(b'"'):
        text = piece.strip(b'"').rstrip(b"=")
        return len(text) * 3 // 4 // array.array(_ELEMENTS[elements]).itemsize
    if not piece.startswith(b"[") or not piece.strip(b"[] \t\r\n"):
        return 0
    return piece.count(b",") + 1


def _base64(piece: bytes, elements: str) -> str:
    """Returns an embedding as base64 of little-endian float32. It raises where ingest would refuse the result."""
    value = json.loads(piece)
    if isinstance(value, str) and _ELEMENTS[elements] == "f":
        raw = base64.b64decode(value, validate=True)
        if not raw or len(raw) % 4:
            raise ValueError("not float32")
        return value
    numbers = _numbers(value, elements)
    if not numbers:
        raise ValueError("no vector")
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def _numbers(value: Any, elements: str) -> array.array[float]:
    """Returns the numbers of a list, or of base64 of bytes."""
    if isinstance(value, str):
        value = array.array(_ELEMENTS[elements], base64.b64decode(value, validate=True)).tolist()
    if not isinstance(value, list):
        raise ValueError("no vector")
    if elements in _PACKED and all(isinstance(x, (int, float)) and x == x // 1 for x in value):
        packed = [int(x) + _PACKED[elements] for x in value]
        if all(0 <= x <= 255 for x in packed):
            numbers = array.array("f")
            for x in packed:
                numbers.extend(_BITS[x])
            return numbers
    try:
        return array.array("f", value)
    except TypeError:
        return array.array("f", [math.nan if x is None else x for x in value])


# Parts of vLLM's messages, in lower case, and what the collector's tap calls the failure.
_FAILURES = (
    ("out_of_memory", ("out of memory",)),
    ("not_a_number", ("out of range float values are not json compliant",)),
    ("context_length_exceeded", ("context length", "maximum model length", "max_model_len")),
    ("dimensions_not_supported", ("matryoshka", "does not support specifying dimensions", "output dimension")),
    ("model_not_found", ("does not exist",)),
)


def _read_error(body: bytes, entry: Dict[str, Any]) -> None:
    """Adds what an error is called. Ingest takes the status where that says nothing.

    vLLM writes errors flat or within a member error, as its version goes. The message quotes texts in places: it is
    looked at and not sent.
    """
    outer = _load(body)
    inner = outer.get("error")
    error = inner if isinstance(inner, dict) else outer
    message = error.get("message")
    if isinstance(message, str):
        message = message.lower()
        for name, phrases in _FAILURES:
            if any(phrase in message for phrase in phrases):
                entry["error_type"] = name
                return
    name = _identifier(error.get("type")) or _identifier(error.get("code"))
    if name:
        entry["error_type"] = name
