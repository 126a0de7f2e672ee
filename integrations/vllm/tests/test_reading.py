"""What is made of the bodies of a call."""

import base64
import json
import math
import random
import struct
import time
import unittest

from servers import middleware, packed, vector


def settings(**more):
    return middleware.Settings(**more)


def call(request=b"", answer=b"", status=200, headers=(), path="/v1/embeddings", **more):
    """Returns a call that is over, as if it had passed."""
    scope = {"path": path, "headers": list(headers), "server": ("10.0.0.1", 8000)}
    made = middleware.Call(scope, middleware.Sender(settings(**more)))
    as_bytes = [x if isinstance(x, bytes) else json.dumps(x).encode() for x in (request, answer)]
    made.request.parts, made.response.parts = [as_bytes[0]], [as_bytes[1]]
    made.status, made.ended, made.duration = status, time.time(), 0.0125
    return made


def read(request=b"", answer=b"", **more):
    names = ("vectors", "texts", "sample", "model", "body_bytes")
    chosen = {name: more[name] for name in names if name in more}
    return middleware.read_call(call(request, answer, **more), settings(**chosen))


def answer(rows, **more):
    data = [{"index": i, "embedding": row} for i, row in enumerate(rows)]
    return {"model": "m2", "data": data, "usage": {"prompt_tokens": 7, "total_tokens": 9}, **more}


def embed(request=b"", answer=b"", **more):
    """Reads a call of Cohere's API."""
    return read(request, answer, path="/v2/embed", **more)


def floats(text):
    raw = base64.b64decode(text)
    return list(struct.unpack("<%df" % (len(raw) // 4), raw))


class Reading(unittest.TestCase):
    def test_all_that_a_call_says(self):
        request = {"model": "m", "input": ["hé", "abc"], "dimensions": 4, "encoding_format": "float", "task": " query ",
                   "truncate_prompt_tokens": 8, "user": "somebody"}  # fmt: skip
        headers = [(b"user-agent", b"client/1"), (b"traceparent", b"00-" + b"a1" * 16 + b"-" + b"b2" * 8 + b"-01"),
                   (b"x-request-id", b"r-1")]  # fmt: skip
        rows = [vector(1, 4), vector(2, 4)]
        entry, unread = read(request, answer(rows, id="embd-r-1"), headers=headers)
        self.assertEqual(unread, [])
        self.assertAlmostEqual(entry.pop("timestamp"), time.time(), delta=5)
        self.assertEqual([floats(v) for v in entry.pop("vectors_base64")], rows)
        self.assertEqual(
            entry,
            {
                "event": "embedding.request", "service": "vllm", "provider": "vllm", "url_path": "/v1/embeddings",
                "duration_ms": 12.5, "status": 200, "user_agent": "client/1", "server_address": "10.0.0.1",
                "server_port": 8000, "trace_id": "a1" * 16, "span_id": "b2" * 8, "trace_flags": "01", "model": "m",
                "response_model": "m2", "task_type": " query ", "input_count": 2, "input_characters": [2, 3],
                "dimensions": 4, "encoding_format": "float", "input_tokens": 7, "output_count": 2, "output_dim": 4,
                "truncate_prompt_tokens": 8, "user": "somebody", "request_id": "r-1", "response_id": "embd-r-1",
            },
        )  # fmt: skip

    def test_base64_passes_as_it_is(self):
        rows = [packed(vector(1, 5)), packed(vector(2, 5))]
        entry, unread = read({"model": "m", "input": "x", "encoding_format": "base64"}, answer(rows))
        self.assertEqual((entry["vectors_base64"], entry["output_dim"], unread), (rows, 5, []))
        escaped = json.dumps(answer(["/////w=="])).replace("/", "\\/").encode()
        self.assertEqual(read({"model": "m"}, escaped)[0]["vectors_base64"], ["/////w=="])

    def test_rows_are_put_in_order(self):
        rows = [{"index": 1, "embedding": [1, 2]}, {"index": 0, "embedding": [3, 4]}]
        entry, _ = read({"model": "m"}, {"data": rows})
        self.assertEqual([floats(v) for v in entry["vectors_base64"]], [[3, 4], [1, 2]])
        rows[0]["index"] = 0
        entry, _ = read({"model": "m"}, {"data": rows})
        self.assertEqual([floats(v) for v in entry["vectors_base64"]], [[1, 2], [3, 4]])

    def test_not_a_number(self):
        entry, unread = read({"model": "m"}, b'{"data":[{"embedding":[1,NaN,null,-Infinity,1e300]}]}')
        got = floats(entry["vectors_base64"][0])
        self.assertEqual((got[0], got[3:], unread), (1, [-math.inf, math.inf], []))
        self.assertTrue(math.isnan(got[1]) and math.isnan(got[2]))

    def test_other_elements_are_counted_and_not_read(self):
        request = {"model": "m", "input": "x", "encoding_format": "base64", "embed_dtype": "float16"}
        entry, unread = read(request, answer(["AAAAAAAA"]))
        self.assertEqual((entry["encoding_format"], entry["element_type"]), ("base64", "float16"))
        self.assertEqual((entry["output_count"], unread), (1, []))
        self.assertNotIn("vectors_base64", entry)
        self.assertNotIn("output_dim", entry)

    def test_sampling_leaves_counts(self):
        rows = [vector(1, 4), vector(2, 4)]
        for more in ({"vectors": False}, {"sample": 0.0}):
            for body in (answer(rows), answer([packed(row) for row in rows])):
                entry, unread = read({"model": "m"}, body, **more)
                self.assertNotIn("vectors_base64", entry)
                self.assertEqual((entry["output_count"], entry["output_dim"], unread), (2, 4, []))

    def test_inputs(self):
        for request, count, characters in (
            ({"input": "é"}, 1, [1]),
            ({"input": [1, 2, 3]}, 1, [0]),
            ({"input": [[1, 2], [3]]}, 2, [0, 0]),
            ({"input": ["a", {"x": 1}]}, 2, [1, 0]),
            ({"messages": [{"role": "user", "content": "x"}]}, 1, [0]),
        ):
            entry, _ = read({"model": "m", **request}, answer([[1.0]]), texts=False)
            self.assertEqual((entry["input_count"], entry["input_characters"]), (count, characters))
            self.assertNotIn("input", entry)
        entry, _ = read({"model": "m", "input": ["a", "b"]}, answer([[1.0]]), texts=True)
        self.assertEqual((entry["input"], entry["input_count"]), (["a", "b"], 2))

    def test_errors_have_names_and_no_messages(self):
        for body, want in (
            ({"error": {"message": "The maximum context length is 8: secret", "type": "x"}}, "context_length_exceeded"),
            ({"object": "error", "message": "The model `secret` does not exist.", "type": "NotFound"}, "model_not_found"),
            ({"error": {"message": "secret", "type": "BadRequestError"}}, "BadRequestError"),
            ({"error": {"message": "secret", "type": "secret with spaces"}}, None),
            (b"<html>secret", None),
        ):
            entry, unread = read({"model": "m"}, body, status=400)
            self.assertEqual((entry.get("error_type"), entry["status"], unread), (want, 400, []))
            self.assertNotIn("secret", json.dumps(entry))

    def test_a_model_is_always_named(self):
        self.assertEqual(read(b"{", b"", status=400, model="fallback")[0]["model"], "fallback")
        entry, _ = read({"input": "x"}, answer([[1.0]]))
        self.assertEqual((entry.get("model"), entry["response_model"]), (None, "m2"))

    def test_long_texts_are_cut_to_what_ingest_takes(self):
        entry, _ = read({"model": "é" * 5000}, answer([[1.0]]), headers=[(b"user-agent", b"u" * 5000)])
        self.assertEqual((len(entry["model"].encode()), len(entry["user_agent"])), (256, 1024))
        entry, _ = read({"model": "a" + "é" * 500}, answer([[1.0]], id="i" * 500))
        self.assertEqual((entry["model"], entry["response_id"]), ("a" + "é" * 127, "i" * 256))
        # A hash tells whole users apart, so none is made of a part.
        self.assertEqual(read({"model": "m", "user": "é" * 512})[0]["user"], "é" * 512)
        self.assertNotIn("user", read({"model": "m", "user": "é" * 512 + "x"})[0])

    def test_names_of_the_call(self):
        for asked, answered, want in (
            (["r-1"], ["other"], "r-1"),
            ([], ["r-2"], "r-2"),
            ([""], ["r-2"], "r-2"),
            (["two words"], ["r-2"], "r-2"),
            (["x" * 129], ["é"], None),
            (["x" * 128], [], "x" * 128),
            (["two words", "second"], ["first", "second"], "first"),
            (["tab\t"], ["line\n"], None),
        ):
            made = call({"model": "m"}, answer([[1.0]]), headers=[(b"x-request-id", v.encode("latin-1")) for v in asked])
            headers = [(b"x-request-id", v.encode("latin-1")) for v in answered]
            made.sent({"type": "http.response.start", "status": 200, "headers": headers})
            self.assertEqual(middleware.read_call(made, settings())[0].get("request_id"), want, (asked, answered))

    def test_members_of_another_kind_count_as_absent(self):
        for value in (0, -1, 1.5, "8", True, None, 2**31, [8]):
            self.assertNotIn("truncate_prompt_tokens", read({"model": "m", "truncate_prompt_tokens": value})[0], value)
        for value in ("", 7, None, ["somebody"], {"id": 1}):
            self.assertNotIn("user", read({"model": "m", "user": value})[0], value)
        for value in ("", 7, None, ["x"]):
            self.assertNotIn("response_id", read({"model": "m"}, answer([[1.0]], id=value))[0], value)

    def test_broken_traceparents_count_as_absent(self):
        good = "00-" + "a1" * 16 + "-" + "b2" * 8 + "-01"
        for bad in ("", good.upper(), good[:-1], "ff" + good[2:], good + "-x", good.replace("a1", "00"), good + "\n"):
            self.assertNotIn("trace_id", read({"model": "m"}, headers=[(b"traceparent", bad.encode())])[0], bad)
        self.assertNotIn("trace_id", read({"model": "m"}, headers=[(b"traceparent", good.encode())] * 2)[0])
        self.assertIn("trace_id", read({"model": "m"}, headers=[(b"traceparent", b"01" + good[2:].encode() + b"-x")])[0])

    def test_content_encodings_are_not_read(self):
        made = call({"model": "m"}, answer([[1.0]]))
        made.response.encoding = "gzip"
        self.assertEqual(middleware.read_call(made, settings())[1], ["encoding"])

    def test_garbage(self):
        whole = json.dumps(answer([vector(1, 4), packed(vector(1, 4))])).encode()
        bodies = [b"", b"\x00", b"null", b"[]", b"{}", b'"', b"[" * 200000, b'{"data":' * 50000, b'{"data":[null,1,{}]}',
                  b'{"data":[{"embedding":{}}]}', b'{"data":[{"embedding":{"\\u0000embedding":99}}]}',
                  b'{"data":[{"embedding":{"\\u0000embedding":"x"}}]}', b'{"data":[{"embedding":[[1],[2]]}]}',
                  b'{"data":[{"embedding":"!"}]}', b'{"data":[{"embedding":[]}]}', b'{"data":[{"embedding":[1e999,"a"]}]}',
                  b'{"data":[{"embedding":[' + b"9" * 100000 + b"]}]}", b'{"data":{},"usage":[],"model":1}',
                  b'{"data":[{"index":true,"embedding":[1]},{"index":-1,"embedding":[1]}]}',
                  b'{"usage":{"prompt_tokens":-1,"total_tokens":1e400}}', b"\xff\xfe{\x00}\x00"]  # fmt: skip
        bodies += [whole[:n] for n in range(len(whole))]
        chance = random.Random(1)
        for _ in range(2000):
            broken = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            bodies.append(bytes(broken))
        for body in bodies:
            for status in (200, 500):
                entry, _ = read(body, body, status=status)
                line = json.dumps(entry, allow_nan=False)
                self.assertTrue(entry.get("model") or entry.get("response_model"))
                self.assertLess(len(line), 20 * len(body) + 2000)

    def test_texts_that_look_like_embeddings(self):
        name = 'a "embedding": [1, 2] {"embedding":[3]}'
        entry, unread = read({"model": name}, answer([[1.0, 2.0]], model=name))
        self.assertEqual((entry["response_model"], entry["output_dim"], unread), (name, 2, []))


SIGNS = [1, -1, 1, 1, -1, 1, 1, -1]  # 10110110


class ReadingCohere(unittest.TestCase):
    def test_all_that_a_call_says(self):
        request = {"model": "m", "texts": ["hé", "abc"], "images": None, "inputs": None, "input_type": "query",
                   "truncate": "END", "embedding_types": ["base64"], "output_dimension": 4, "user": "none"}  # fmt: skip
        rows = [packed(vector(1, 4)), packed(vector(2, 4))]
        body = {"id": "embd-r7", "embeddings": {"float": None, "binary": None, "base64": rows}, "texts": ["hé", "abc"],
                "meta": {"api_version": {"version": "2"}, "tokens": {"input_tokens": 5}}}  # fmt: skip
        entry, unread = embed(request, body, headers=[(b"x-request-id", b"r7")])
        self.assertEqual(unread, [])
        del entry["timestamp"]
        self.assertEqual(
            entry,
            {
                "event": "embedding.request", "service": "vllm", "provider": "vllm", "url_path": "/v2/embed",
                "duration_ms": 12.5, "status": 200, "server_address": "10.0.0.1", "server_port": 8000, "model": "m",
                "task_type": "query", "input_count": 2, "input_characters": [2, 3], "dimensions": 4,
                "encoding_format": "base64", "input_tokens": 5, "output_count": 2, "output_dim": 4,
                "vectors_base64": rows, "request_id": "r7", "response_id": "embd-r7",
            },
        )  # fmt: skip

    def test_inputs(self):
        one = {"content": [{"type": "text", "text": "abc"}]}
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        for request, want in (
            ({"images": ["data:image/png;base64,AA=="], "texts": None}, [0]),
            ({"texts": ["a", "é😀"], "images": None, "inputs": None}, [1, 2]),
            ({"inputs": [{"content": []}, one, {"content": [{"text": "a"}, {"text": "b"}]}, None]}, [0, 3, 0, 0]),
            ({"inputs": [{"content": "abc"}, {"content": ["abc"]}, {"content": [image]}, "ab"]}, [0, 0, 0, 2]),
            ({"texts": "abc"}, None),
            ({"input": ["abc"]}, None),
        ):
            entry, unread = embed({"model": "m", **request}, {"embeddings": [[1.0]]})
            self.assertEqual((entry.get("input_characters"), entry.get("input_count")), (want, want and len(want)))
            self.assertEqual(unread, [])
        entry, _ = embed({"inputs": [one, "ab"]}, {"embeddings": [[1.0]]}, texts=True)
        self.assertEqual((entry["input"], entry["input_count"]), (["abc", "ab"], 2))
        entry, _ = embed({"inputs": [one, {"content": [image]}]}, {"embeddings": [[1.0]]}, texts=True)
        self.assertEqual((entry["input_characters"], "input" in entry), ([3, 0], False))

    def test_types(self):
        for embeddings, want in (
            ([[1, 2], [3, 4.5]], [[1, 2], [3, 4.5]]),
            ({"float": [[1, 2]], "int8": [[3, 4]]}, [[1, 2]]),
            ({"int8": [[3, 4]], "float": [[1, 2]]}, [[1, 2]]),
            ({"int8": [[-128, 127]], "uint8": [[5, 6]]}, [[-128, 127]]),
            ({"float": None, "uint8": [[0, 255]]}, [[0, 255]]),
            ({"int8": [base64.b64encode(b"\x80\x7f").decode()]}, [[-128, 127]]),
            ({"uint8": [base64.b64encode(b"\x00\xff").decode()]}, [[0, 255]]),
            ({"ubinary": [[0b10110110]]}, [SIGNS]),
            ({"binary": [[0b10110110 - 128], [127]]}, [SIGNS, [1] * 8]),
            ({"binary": [[-128.0]], "ubinary": [[1]]}, [[-1] * 8]),
            ({"ubinary": [base64.b64encode(bytes([0b10110110])).decode()]}, [SIGNS]),
            ({"binary": [base64.b64encode(bytes([0b00110110])).decode()]}, [SIGNS]),
            ({"ubinary": [[0, 256]]}, [[0, 256]]),  # not packed
            ({"binary": [[0.5, 1]]}, [[0.5, 1]]),
            ({"float": [[1, 2], [3]]}, [[1, 2], [3]]),  # ingest counts those of another length
            ({"base64": [packed(vector(1, 1000))] * 2}, [vector(1, 1000)] * 2),
        ):
            body = {"embeddings": embeddings, "texts": ['[1] {"embedding":[2]} \\', "x" * 2000, '"' * 2000]}
            for text in (json.dumps(body), json.dumps(body, indent=1), json.dumps(body).replace("/", "\\/")):
                entry, unread = embed({"model": "m"}, text.encode())
                self.assertEqual(([floats(v) for v in entry["vectors_base64"]], unread), (want, []), embeddings)
                self.assertEqual((entry["output_count"], entry["output_dim"]), (len(want), len(want[0])))
                entry, unread = embed({"model": "m"}, text.encode(), vectors=False)
                self.assertEqual((entry["output_count"], "vectors_base64" in entry, unread), (len(want), False, []))
                self.assertEqual(entry["output_dim"], len(want[0]), embeddings)

    def test_unknown_types_are_counted_and_not_read(self):
        entry, unread = embed({"model": "m"}, {"embeddings": {"int4": [[5, 6], [7, 8]]}})
        self.assertEqual((entry["output_count"], unread), (2, []))
        self.assertNotIn("output_dim", entry)
        self.assertNotIn("vectors_base64", entry)

    def test_answers_that_are_not_what_the_api_says(self):
        for body in ({}, {"embeddings": 7}, {"embeddings": {}}, {"embeddings": {"float": None}},
                     {"embeddings": {"float": "x" * 2000}}, {"embeddings": [1, 2]}, {"embeddings": [[1], None]},
                     {"embeddings": {"base64": ["!"]}}, {"embeddings": {"float": [[]]}}):  # fmt: skip
            entry, unread = embed({"model": "m"}, body)
            self.assertEqual((unread, "vectors_base64" in entry), (["malformed"], False), body)
        for embeddings in ([], {"float": []}):
            entry, unread = embed({"model": "m"}, {"embeddings": embeddings})
            self.assertEqual((entry["output_count"], unread), (0, []))

    def test_tokens(self):
        for meta, want in (
            ({"billed_units": {"input_tokens": 5, "images": 1}}, 5),
            ({"billed_units": {"input_tokens": 5}, "tokens": {"input_tokens": 6}}, 5),
            ({"billed_units": None, "tokens": {"input_tokens": 0}}, 0),
            ({"billed_units": {"images": 1}, "tokens": {"input_tokens": 6}}, 6),
            ({"tokens": {"input_tokens": -1}}, None),
            ({"tokens": 5}, None),
            ([], None),
        ):
            entry, unread = embed({"model": "m"}, {"embeddings": [[1.0]], "meta": meta})
            self.assertEqual((entry.get("input_tokens"), unread), (want, []))

    def test_encoding_formats_and_element_types(self):
        base64, int8, none = ("base64", None), (None, "int8"), (None, None)
        for types, want in (
            (["base64"], base64), ("base64", base64), (["base64", "float"], none), ([None, "base64"], base64),
            (["int8", "base64"], int8), ("int8", int8), (["float"], none), (None, none), ([], none), ({}, none),
        ):  # fmt: skip
            entry, _ = embed({"model": "m", "embedding_types": types}, {"embeddings": [[1.0]]})
            self.assertEqual((entry.get("encoding_format"), entry.get("element_type")), want, types)

    def test_errors(self):
        body = {"error": {"message": "secret", "type": "BadRequestError", "param": None, "code": 400}}
        entry, unread = embed({"model": "m", "texts": ["secret"]}, body, status=400)
        self.assertEqual((entry["error_type"], entry["status"], unread), ("BadRequestError", 400, []))
        self.assertNotIn("secret", json.dumps(entry))
        self.assertNotIn("error_type", embed({"model": "m"}, {"message": "trial key limit"}, status=429)[0])

    def test_bits_that_would_fill_the_memory_are_counted(self):
        entry, unread = embed({"model": "m"}, {"embeddings": {"ubinary": [[7] * 320] * 8}}, body_bytes=100_000)
        self.assertEqual((entry["output_count"], entry["output_dim"], unread), (8, 2560, ["vectors_too_large"]))
        self.assertNotIn("vectors_base64", entry)

    def test_garbage(self):
        embeddings = {"float": [vector(1, 4)], "ubinary": [[7]], "base64": [packed([1] * 300)]}
        meta = {"tokens": {"input_tokens": 3}}
        whole = json.dumps({"id": "x", "embeddings": embeddings, "texts": ["a\\\"[1]"], "meta": meta}).encode()
        bodies = [b"", b"\x00", b"null", b"[]", b"{}", b'"', b"[" * 200000, b'{"embeddings":' * 50000, b"[1]", b'"\\',
                  b'"' + b"\\" * 100001 + b'"', b'"' + b'\\"' * 50000, b'{"embeddings":{"\\u0000embedding":9}}',
                  b'{"embeddings":[{"\\u0000embedding":"x"}]}', b'{"embeddings":{"float":[{"\\u0000embedding":null}]}}',
                  b'{"embeddings":{"int8":[["a"]]}}', b'{"embeddings":{"binary":[[1e999,null]]}}',
                  b'{"embeddings":[[1],[[2]]]}',
                  b'{"embeddings":{"uint8":["/"]}}', b'{"inputs":[{"content":[[]]},7],"embedding_types":[[],{}]}',
                  b'{"' + b"x" * 5000 + b'":1}', b'{"embeddings":["' + b"A" * 5000 + b'"]}', b"\xff\xfe{\x00}\x00"]  # fmt: skip
        bodies += [whole[:n] for n in range(len(whole))]
        chance = random.Random(2)
        for _ in range(2000):
            broken = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            bodies.append(bytes(broken))
        for body in bodies:
            for status in (200, 500):
                entry, _ = embed(body, body, status=status)
                line = json.dumps(entry, allow_nan=False)
                self.assertTrue(entry.get("model") or entry.get("response_model"))
                self.assertLess(len(line), 30 * len(body) + 2000)


class FromEnvironment(unittest.TestCase):
    def test_defaults(self):
        self.assertEqual(middleware.Settings.from_environment({}), middleware.Settings())

    def test_all(self):
        env = {"INGEST": "https://c:9/x", "HEADERS": "a=b, Authorization=Bearer%20x", "QUEUE": "5", "QUEUE_BYTES": "6",
               "BODY_BYTES": "7", "VECTORS": "false", "TEXTS": "true", "SAMPLE": "0.25", "TIMEOUT": "2", "RETRY": "3",
               "SERVICE": "s", "PROVIDER": "p", "MODEL": "m"}  # fmt: skip
        got = middleware.Settings.from_environment({"OTELCOL_EMBEDDING_" + k: v for k, v in env.items()})
        headers = (("a", "b"), ("Authorization", "Bearer x"))
        self.assertEqual(got, ("https://c:9/x", headers, 5, 6, 7, False, True, 0.25, 2, 3, "s", "p", "m", 60))
        self.assertEqual(middleware.Settings.from_environment({"OTEL_SERVICE_NAME": "o"}).service, "o")

    def test_wrong_values_are_named_and_not_shown(self):
        env = {"INGEST": "ftp://secret", "HEADERS": "secret", "QUEUE": "-1", "QUEUE_BYTES": "secret", "BODY_BYTES": "0",
               "VECTORS": "secret", "TEXTS": "2", "SAMPLE": "nan", "TIMEOUT": "0", "RETRY": "inf"}  # fmt: skip
        with self.assertLogs("otelcol_embedding") as logs:
            got = middleware.Settings.from_environment({"OTELCOL_EMBEDDING_" + k: v for k, v in env.items()})
        self.assertEqual(got, middleware.Settings())
        self.assertEqual(len(logs.output), len(env))
        self.assertNotIn("secret", "".join(logs.output))
        for url in ("http://", "http://h:x/", "localhost:8081", "http://[::1", "http://h:0/"):
            with self.assertLogs("otelcol_embedding"):
                middleware.Settings.from_environment({"OTELCOL_EMBEDDING_INGEST": url})


if __name__ == "__main__":
    unittest.main()
