"""Embeds texts as Open WebUI's retrieval does (read in version 0.12.4), through the tap and directly, and checks that
both give the same vectors and errors. Prints how many requests went through the tap.

    python openwebui.py http://tap http://direct model [open_webui.whl]

With a wheel of Open WebUI, its own functions send everything once more, through the tap alone.
"""

import asyncio
import json
import sys
import types
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import aiohttp

# What signed-in users' requests carry. None of it may come out of the collector.
USER = types.SimpleNamespace(
    id="id-of-the-user", name="Näme of the user", email="mail@user.invalid", role="role-of-the-user")
ANOTHER_USER = types.SimpleNamespace(**{**vars(USER), "id": "id-of-another-user"})
KEY = "key-of-the-server"


@dataclass
class Settings:
    """Open WebUI's RAG_* settings and what it embeds with them."""

    texts: list[str] | str  # a list of chunks, or one query
    engine: str = "openai"
    batch_size: int = 1
    concurrent: int = 0  # requests at a time; 0 is no limit
    parallel: bool = True  # ENABLE_ASYNC_EMBEDDING
    prefix: str | None = None
    prefix_field: str | None = None
    user: object = None
    errors: int = 0  # how many requests the server answers with an error
    task_type: str = field(default="general", kw_only=True)  # as the tap should tell it

    def batches(self) -> list[list[str]]:
        if isinstance(self.texts, str):
            return [[self.texts]]
        return [self.texts[i:i + self.batch_size] for i in range(0, len(self.texts), self.batch_size)]


def chunks(series: str, n: int) -> list[str]:
    """Pieces of documents, near Open WebUI's default length of 1000 characters."""
    words = "proxy вектор 嵌入 ベクトル réponse Größe متجه 임베딩 😀 \"quoted\" back\\slash".split()
    return [f"{series} {i}: " + " ".join(words[(i * 7 + j * j) % len(words)] for j in range(150)) for i in range(n)]


QWEN = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

CASES = [
    # The defaults: a request for each chunk of a document, all at once.
    Settings(chunks("burst", 200), user=USER),
    Settings(chunks("limited burst", 40), concurrent=8, user=USER),
    Settings(chunks("batches", 200), batch_size=32, user=USER),
    Settings(chunks("one after another", 48), batch_size=16, parallel=False),
    Settings("what is a tap?", user=USER),
    # The prefix before each text.
    Settings(chunks("prefixed", 64), batch_size=8, prefix="search_document: ", task_type="document"),
    Settings("what is a tap?", prefix="search_query: ", task_type="query"),
    Settings("what is a tap?", prefix=QWEN, task_type="query", user=ANOTHER_USER),
    # The prefix as a member of the request.
    Settings(chunks("document", 64), batch_size=8, prefix="document", prefix_field="input_type", task_type="document"),
    Settings("what is a tap?", prefix="query", prefix_field="input_type", task_type="query"),
    Settings("what is a tap?", prefix="query", prefix_field="prefix", task_type="query", user=USER),
    Settings("what is a tap?", prefix_field="prefix"),
    # An error fails the document; the requests on their way go on.
    Settings(chunks("an error", 50), errors=1, user=USER),
    Settings("an error", errors=1),
    Settings(chunks("ollama", 60), engine="ollama", batch_size=4, user=USER),
    Settings("ollama", engine="ollama", prefix=QWEN, task_type="query"),
    Settings("an error", engine="ollama", errors=1),
    Settings(chunks("azure", 60), engine="azure_openai", batch_size=4, user=USER),
]


async def replay(base: str, model: str, s: Settings) -> list:
    """Does what Open WebUI does with these settings."""

    async def send(texts: list[str]) -> list:
        if s.prefix is not None and s.prefix_field is None:
            texts = [s.prefix + text for text in texts]
        body = {"input": texts}
        headers = {"Content-Type": "application/json"}
        if s.engine == "azure_openai":
            url = f"{base}/openai/deployments/{model}/embeddings?api-version=2024-02-01"
            headers["api-key"] = KEY
        else:
            url = f"{base}/api/embed" if s.engine == "ollama" else f"{base}/v1/embeddings"
            body["model"] = model
            headers["Authorization"] = f"Bearer {KEY}"
        if s.engine == "ollama":
            body["truncate"] = True
        if s.prefix is not None and s.prefix_field is not None:
            body[s.prefix_field] = s.prefix
        if s.user:
            headers["X-OpenWebUI-User-Name"] = urllib.parse.quote(s.user.name, safe=" ")
            headers["X-OpenWebUI-User-Id"] = s.user.id
            headers["X-OpenWebUI-User-Email"] = s.user.email
            headers["X-OpenWebUI-User-Role"] = s.user.role
        # A ClientSession for each: no two requests share a connection.
        async with aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=None)) as session:
            async with session.post(url, headers=headers, json=body) as answer:
                answer.raise_for_status()
                answer = await answer.json()
        return answer["embeddings"] if s.engine == "ollama" else [d["embedding"] for d in answer["data"]]

    limit = asyncio.Semaphore(s.concurrent or len(s.batches()))

    async def within_limit(texts: list[str]) -> list:
        async with limit:
            return await send(texts)

    if s.parallel:
        answers = await asyncio.gather(*(within_limit(b) for b in s.batches()))
    else:
        answers = [await send(b) for b in s.batches()]
    return [vector for answer in answers for vector in answer]


def own(wheel: str):
    """Returns what does the same by Open WebUI's own functions."""
    from openwebui_wheel import load

    utils = load(wheel)

    async def embed(base: str, model: str, s: Settings) -> list:
        utils.RAG_EMBEDDING_PREFIX_FIELD_NAME = s.prefix_field
        function = utils.get_embedding_function(
            s.engine, model, None, base + "/v1" if s.engine == "openai" else base, KEY, s.batch_size,
            azure_api_version="2024-02-01", enable_async=s.parallel, concurrent_requests=s.concurrent)
        vectors = await function(s.texts, prefix=s.prefix, user=s.user)
        return [vectors] if isinstance(s.texts, str) else vectors

    return embed


async def outcome(embed, base: str, model: str, s: Settings) -> list | str:
    try:
        vectors = await embed(base, model, s)
        assert len(vectors) == sum(len(b) for b in s.batches()), s
        result = vectors
    except Exception as error:  # Open WebUI's are of several classes
        assert s.errors, error
        result = "503" if "503" in str(error) else repr(error)
    # After an error others are still under way.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    return result


def plant_errors(direct: str, count: int) -> None:
    """Makes the server answer the next requests with an error."""
    urllib.request.urlopen(urllib.request.Request(
        f"{direct}/faults/errors", method="PUT", data=json.dumps({"count": count, "value": 503}).encode(),
        headers={"Content-Type": "application/json"})).close()


async def main(tap: str, direct: str, model: str, wheel: str = "") -> dict:
    ways = [(replay, tap), (replay, direct)] + ([(own(wheel), tap)] if wheel else [])
    calls, task_types = 0, {}
    for s in CASES:
        outcomes = []
        for embed, base in ways:
            if s.errors:
                plant_errors(direct, s.errors)
            outcomes.append(await outcome(embed, base, model, s))
            if base == tap:
                calls += len(s.batches())
                task_types[s.task_type] = task_types.get(s.task_type, 0) + len(s.batches())
        assert (outcomes[0] == "503") == bool(s.errors), f"{s!s:.300}: {outcomes[0]!s:.300}"
        assert all(o == outcomes[1] for o in outcomes), f"{s!s:.300}\n" + "\n".join(f"{o!s:.300}" for o in outcomes)
    return {"calls": calls, "task_types": task_types}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
