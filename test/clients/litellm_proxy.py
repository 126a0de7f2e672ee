"""Calls LiteLLM's proxy with the official OpenAI client, each call once for a model behind the tap and once for one
that is not, and checks that both give the same vectors, token counts and errors. Prints how many requests went through
the tap. litellm.yaml is the proxy's configuration.

    python litellm_proxy.py http://proxy/v1 http://direct/v1
"""

import asyncio
import json
import os
import struct
import sys
import urllib.request

import openai

# How LiteLLM calls the server: with its own client for vLLM, or with OpenAI's.
CLIENTS = ["hosted_vllm", "openai"]

# LiteLLM asks the server for what the client asked for: base64 by default.
REQUESTS = [
    {"input": "one text, base64 by the client's default"},
    {"input": "one text, as numbers 😀", "encoding_format": "float"},
    {"input": ["two texts", "deux textes, 二つのテキスト"]},
    {"input": ["shorter vectors"], "dimensions": 256},
    {"input": [1, 2, 3]},
    {"input": [[1, 2, 3], [4, 5]]},
    {"input": ["what is a tap?"], "extra_body": {"input_type": "query"}},
    {"input": ["A tap is a proxy."], "extra_body": {"input_type": "document"}},
]

REFUSED = [
    {"input": "x", "dimensions": 4096},
    {"input": "more than the model takes " * 8000},
]


class Proxy:
    def __init__(self, proxy: str, direct: str):
        settings = {"base_url": proxy, "api_key": os.environ["LITELLM_MASTER_KEY"], "max_retries": 0}
        self.client, self.concurrent = openai.OpenAI(**settings), openai.AsyncOpenAI(**settings)
        self.faults = direct.removesuffix("/v1") + "/faults"
        self.calls = 0
        self.requests = 0
        self.task_types: dict[str, int] = {}

    async def run(self) -> dict:
        for client in CLIENTS:
            for request in REQUESTS:
                self.check(client, request)
            for request in REFUSED:
                self.check(client, request, status=400)
            # The proxy tries a second time: of one error the client hears nothing, of two it does.
            self.check(client, {"input": "again"}, errors=(503, 1), attempts=2)
            self.check(client, {"input": "no answer"}, errors=(500, 2), attempts=2, status=500)
            await self.burst(client, 50)
        return {"calls": self.calls, "task_types": self.task_types}

    def check(self, client: str, request: dict, errors: tuple | None = None, attempts: int = 1, status: int = 200):
        headers = self.headers()
        outcomes = []
        for way in ("tap", "direct"):
            if errors:
                self.plant(*errors)
            outcomes.append(self.embed(f"{way}-{client}", request, headers))
        assert outcomes[0][0] == status, f"{request!s:.300}: {outcomes[0]!s:.300}"
        assert outcomes[0] == outcomes[1], f"{request!s:.300}: {outcomes[0]!s:.300}\ndirectly: {outcomes[1]!s:.300}"
        self.count(request, attempts)

    def embed(self, model: str, request: dict, headers: dict) -> tuple:
        try:
            answer = self.client.embeddings.create(model=model, extra_headers=headers, **request)
        except openai.APIStatusError as error:
            return error.status_code, type(error).__name__
        return 200, vectors(answer), answer.usage.prompt_tokens

    async def burst(self, client: str, n: int) -> None:
        headers = [self.headers() for _ in range(n)]
        through, direct = [
            await asyncio.gather(*(
                self.concurrent.embeddings.create(model=f"{way}-{client}", input=f"chunk {i}", extra_headers=headers[i])
                for i in range(n)
            ))
            for way in ("tap", "direct")
        ]
        assert [vectors(a) for a in through] == [vectors(a) for a in direct]
        for _ in range(n):
            self.count({}, 1)

    def headers(self) -> dict:
        self.requests += 1
        return {"X-Request-Id": f"{self.requests:032x}", "traceparent": f"00-{self.requests:032x}-00f067aa0ba902b7-01"}

    def count(self, request: dict, attempts: int) -> None:
        self.calls += attempts
        task_type = request.get("extra_body", {}).get("input_type", "general")
        self.task_types[task_type] = self.task_types.get(task_type, 0) + attempts

    def plant(self, status: int, count: int) -> None:
        """Makes the server answer the next requests with an error."""
        urllib.request.urlopen(urllib.request.Request(
            f"{self.faults}/errors", method="PUT", data=json.dumps({"count": count, "value": status}).encode(),
            headers={"Content-Type": "application/json"})).close()


def vectors(answer) -> list[bytes]:
    """The vectors as the bits of their numbers."""
    return [struct.pack(f"<{len(d.embedding)}f", *d.embedding) for d in answer.data]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Proxy(*sys.argv[1:]).run())))
