"""Calls an embedding server with LiteLLM's Python SDK, each call once through the tap and once directly, and checks
that both give the same vectors, token counts and errors. Prints how many requests went through the tap.

    python litellm_sdk.py http://tap/v1 http://direct/v1 model
"""

import asyncio
import base64
import json
import os
import struct
import sys
import urllib.request

# Unless told not to, LiteLLM downloads a list of prices when it is imported, and tries two more times where OpenAI's
# client is to try none.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", DEFAULT_MAX_RETRIES="0")

import litellm  # noqa: E402
import openai  # noqa: E402

litellm.suppress_debug_info = True

# LiteLLM has a client of its own for vLLM, and uses the official one for OpenAI.
PROVIDERS = ["hosted_vllm", "openai"]

REQUESTS = [
    {"input": "one text"},
    {"input": ["two texts", "deux textes, 二つのテキスト"]},
    {"input": ["as numbers", "en nombres"], "encoding_format": "float"},
    {"input": ["as base64", "en base64 😀"], "encoding_format": "base64"},
    # LiteLLM lets dimensions pass to OpenAI's own models alone, unless told to.
    {"input": ["shorter vectors"], "dimensions": 256, "allowed_openai_params": ["dimensions"]},
    {"input": [1, 2, 3]},
    {"input": [[1, 2, 3], [4, 5]]},
    {"input": ["what is a tap?"], "input_type": "query"},
    {"input": ["A tap is a proxy."], "input_type": "document"},
]

REFUSED = [
    (404, {"input": "x", "model": "no-such-model"}),
    (400, {"input": "x", "dimensions": 4096, "allowed_openai_params": ["dimensions"]}),
    (400, {"input": "more than the model takes " * 8000}),
]


def main(tap: str, direct: str, model: str) -> dict:
    server = Server(tap, direct, model)
    for provider in PROVIDERS:
        for request in REQUESTS:
            server.check(provider, request)
        for status, request in REFUSED:
            server.check(provider, request, status=status)
        for status in (500, 503, 429):
            server.check(provider, {"input": "no answer"}, fault=("errors", status), status=status)
        if provider == "openai":  # the other client leaves retries to the proxy
            server.check(provider, {"input": "again", "max_retries": 1}, fault=("errors", 503), attempts=2)
        server.check(provider, {"input": "not a number", "encoding_format": "base64"}, fault=("nan", "error"))
        asyncio.run(server.burst(provider, 50))
    return {"calls": server.calls, "task_types": server.task_types}


class Server:
    """The same embedding server by two ways."""

    def __init__(self, tap: str, direct: str, model: str):
        self.tap, self.direct, self.model = tap, direct, model
        self.calls = 0
        self.task_types: dict[str, int] = {}
        self.traces = 0

    def check(self, provider: str, request: dict, fault: tuple | None = None, status: int = 200, attempts: int = 1):
        request = {"model": self.model, **request, "extra_headers": self.headers()}
        request["model"] = f"{provider}/{request['model']}"
        outcomes = []
        for base in (self.tap, self.direct):
            if fault:
                self.switch_on(*fault)
            outcomes.append(embed(api_base=base, **request))
        assert outcomes[0][0] == status, f"{request!s:.300}: {outcomes[0]!s:.300}"
        assert outcomes[0] == outcomes[1], f"{request!s:.300}: {outcomes[0]!s:.300}\ndirectly: {outcomes[1]!s:.300}"
        self.count(request, attempts)

    async def burst(self, provider: str, n: int) -> None:
        """RAG back ends embed many chunks at once."""
        requests = [
            {"model": f"{provider}/{self.model}", "input": [f"chunk {i}"], "extra_headers": self.headers()}
            for i in range(n)
        ]
        through, direct = [
            await asyncio.gather(*(litellm.aembedding(api_base=base, api_key="demo", **r) for r in requests))
            for base in (self.tap, self.direct)
        ]
        assert [vectors(a) for a in through] == [vectors(a) for a in direct]
        for request in requests:
            self.count(request, 1)

    def headers(self) -> dict:
        self.traces += 1
        return {
            "x-request-id": f"{self.traces:032x}",
            "traceparent": f"00-{self.traces:032x}-00f067aa0ba902b7-01",
            "tracestate": f"test={self.traces}",
        }

    def count(self, request: dict, attempts: int) -> None:
        self.calls += attempts
        task_type = request.get("input_type", "general")
        self.task_types[task_type] = self.task_types.get(task_type, 0) + attempts

    def switch_on(self, fault: str, value) -> None:
        """Makes the next request meet the fault."""
        urllib.request.urlopen(urllib.request.Request(
            f"{self.direct.removesuffix('/v1')}/faults/{fault}", method="PUT",
            data=json.dumps({"count": 1, "value": value}).encode(), headers={"Content-Type": "application/json"},
        )).close()


def embed(**request) -> tuple:
    try:
        answer = litellm.embedding(api_key="demo", **request)
    except openai.APIStatusError as error:  # LiteLLM's own are of these classes
        return error.status_code, type(error).__name__
    return 200, vectors(answer), answer.usage.prompt_tokens, answer.model


def vectors(answer) -> list[bytes]:
    """The vectors as the bits of their numbers, so that NaN equals itself."""
    return [
        base64.b64decode(v) if isinstance(v, str) else struct.pack(f"<{len(v)}f", *v)
        for v in (d["embedding"] for d in answer.data)
    ]


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
