"""Measures what precisions and quantisation make of a canary's texts, and prints a table.

    python measure.py ../../../build/embeddingcanary [--device cuda]

For each precision it starts server.py and pins its vectors. Every other precision, and weights of fewer bits, are then compared
with these pins.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import torch

PORT = 18090
DTYPES = ["float32", "float16", "bfloat16"]
WEIGHTS = ["int8", "fp8", "int4"]


class Server:
    """server.py with options, until the end of the block."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        script = pathlib.Path(__file__).with_name("server.py")
        self.process = subprocess.Popen([sys.executable, script, "--port", str(PORT), *self.options])
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1)
                return f"http://127.0.0.1:{PORT}/v1/embeddings"
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"server.py {self.options} does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(canary, *arguments):
    done = subprocess.run([canary, *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode > 1:
        raise SystemExit(f"embeddingcanary {arguments} has ended with {done.returncode}")
    return done.stdout


def row(pinned, dtype, weights, found):
    checks = found["checks"]
    repeats = min(checks[name] for name in ("repeat_cosine_min", "again_cosine_min", "alone_cosine_min", "equal_batch_cosine_min"))
    return (f"| {pinned} | {dtype} | {weights} | {checks['pinned_cosine_median']:.7f} | {checks['pinned_cosine_min']:.7f} | "
            f"{repeats:.7f} | {checks['kendall_tau']:.4f} | `{found['verdict']}` |")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("canary")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--width", default="512")
    p.add_argument("--layers", default="6")
    p.add_argument("--rounds", default="3")
    o = p.parse_args()
    common = ["--device", o.device, "--width", o.width, "--layers", o.layers]
    name = torch.cuda.get_device_name() if o.device == "cuda" else "processor"
    print(f"PyTorch {torch.__version__}, {name}, {o.layers} layers of {o.width}\n")
    print("| pinned | precision | weights | median cosine | least | least of repeats and batches | Kendall τ | verdict |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for pinned in DTYPES:
            pins = f"{folder}/{pinned}.pins"
            with Server([*common, "--dtype", pinned]) as url:
                run(o.canary, "pin", "-endpoint", url, "-model", "m", "-rounds", o.rounds, "-out", pins)
            for dtype, weights in [(d, "none") for d in DTYPES] + [(pinned, w) for w in WEIGHTS]:
                with Server([*common, "--dtype", dtype, "--weights", weights]) as url:
                    found = json.loads(run(o.canary, "verify", "-json", "-pins", pins, "-endpoint", url, "-model", "m"))
                print(row(pinned, dtype, weights, found), flush=True)


if __name__ == "__main__":
    main()
