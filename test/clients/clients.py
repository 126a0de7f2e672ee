"""Calls an embedding server with the official OpenAI client for Python, once through the tap and once directly, and
checks that both give the same vectors. Prints the number of calls through the tap.

    python clients.py http://tap/v1 http://server/v1 model
"""

import asyncio
import sys

import openai

REQUESTS = [
    {"input": "one text, base64 by the client's default"},
    {"input": "one text, as numbers", "encoding_format": "float"},
    {"input": ["two texts", "deux textes, 二つのテキスト"]},
    {"input": ["shorter vectors"], "dimensions": 256},
    {"input": [1, 2, 3]},
    {"input": [[1, 2, 3], [4, 5]]},
]


def main(tap_url: str, server_url: str, model: str) -> int:
    tap = openai.OpenAI(base_url=tap_url, api_key="demo", max_retries=0)
    server = openai.OpenAI(base_url=server_url, api_key="demo", max_retries=0)
    calls = 0
    for request in REQUESTS:
        through = tap.embeddings.create(model=model, **request)
        direct = server.embeddings.create(model=model, **request)
        calls += 1
        assert [d.embedding for d in through.data] == [d.embedding for d in direct.data], request
        assert through.usage == direct.usage, request
    try:
        tap.embeddings.create(model="no-such-model", input="x")
        raise AssertionError("a model that is not served was accepted")
    except openai.NotFoundError:
        calls += 1
    assert model in [m.id for m in tap.models.list()], "other paths pass through"
    return calls + asyncio.run(concurrent_calls(tap_url, model))


async def concurrent_calls(tap_url: str, model: str) -> int:
    """RAG back ends embed many chunks at once over one pool of connections."""
    async with openai.AsyncOpenAI(base_url=tap_url, api_key="demo", max_retries=0) as tap:
        answers = await asyncio.gather(
            *(tap.embeddings.create(model=model, input=f"chunk {i}") for i in range(50))
        )
    assert all(len(a.data) == 1 for a in answers)
    return len(answers)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
