"""An embedding server with real arithmetic: a small transformer of random weights, in a precision of choice, behind OpenAI's API.

    python server.py --port 8001 --dtype bfloat16 --weights int8 --device cuda

Its vectors mean nothing, but they are computed as those of models are, by the kernels of PyTorch: what a precision, a batch or a
device makes of them is real. Texts are read byte by byte; a text's vector is that of its end token.
"""

import argparse
import base64
import http.server
import json

import torch
from torch import nn
from torch.nn import functional

BYTES, END, PAD = 256, 256, 257
MAX_TOKENS = 4096


def quantised(weight, kind):
    """The weights as a model of fewer bits has them, with one scale for each row, or for 32 elements of one (int4)."""
    if kind == "none":
        return weight
    rows = weight.reshape(-1, 32) if kind == "int4" else weight
    most = {"int8": 127, "int4": 7, "fp8": 448}[kind]
    scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / most
    if kind == "fp8":
        rounded = (rows / scale).to(torch.float8_e4m3fn).to(rows.dtype)
    else:
        rounded = (rows / scale).round()
    return (rounded * scale).reshape(weight.shape)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.RMSNorm(width), nn.RMSNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x, angles):
        n, length, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Padding comes after the end of a text, where causal attention does not look.
        y = functional.scaled_dot_product_attention(rotated(q, angles), rotated(k, angles), v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
        return x + self.down(functional.silu(self.up(self.second(x))))


def rotated(x, angles):
    """Rotary position embedding, computed in float32 as servers do."""
    a, b = x.float().chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).to(x.dtype)


class Encoder(nn.Module):
    def __init__(self, width, layers, heads):
        super().__init__()
        self.embedding = nn.Embedding(PAD + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        self.frequencies = 10_000 ** -torch.linspace(0, 1, width // heads // 2)

    def forward(self, tokens, ends):
        angles = torch.outer(torch.arange(tokens.shape[1]), self.frequencies).to(tokens.device)
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, angles)
        last = self.norm(x)[torch.arange(len(ends)), ends].float()
        return functional.normalize(last, dim=1)


def make(options):
    torch.manual_seed(options.seed)
    encoder = Encoder(options.width, options.layers, options.width // 64)
    with torch.no_grad():
        for name, p in encoder.named_parameters():
            if p.dim() == 2:
                # What trained models have: steps of a size to matter beside what is already there.
                p.normal_(0, 1 if "embedding" in name else 1.5 / p.shape[1] ** 0.5)
                if "embedding" not in name:
                    p.copy_(quantised(p, options.weights))
    return encoder.to(options.device, getattr(torch, options.dtype)).eval()


@torch.inference_mode()
def embed(encoder, texts, device):
    rows = [list(text.encode())[: MAX_TOKENS - 1] + [END] for text in texts]
    length = max(map(len, rows))
    tokens = torch.tensor([row + [PAD] * (length - len(row)) for row in rows], device=device)
    ends = torch.tensor([len(row) - 1 for row in rows], device=device)
    return encoder(tokens, ends).cpu(), sum(map(len, rows))


def handler(options, encoder):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.answer({"status": "ok"})

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
            vectors, tokens = embed(encoder, texts, options.device)
            if "dimensions" in request:
                vectors = functional.normalize(vectors[:, : request["dimensions"]], dim=1)
            if request.get("encoding_format") == "base64":
                rows = [base64.b64encode(v.numpy().astype("<f4").tobytes()).decode() for v in vectors]
            else:
                rows = vectors.tolist()
            self.answer({
                "object": "list", "model": request["model"], "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)],
            })

        def answer(self, body):
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=8001)
    p.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    p.add_argument("--weights", default="none", choices=["none", "int8", "fp8", "int4"])
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--width", type=int, default=512)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--seed", type=int, default=1)
    options = p.parse_args()
    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler(options, make(options))).serve_forever()


if __name__ == "__main__":
    main()
