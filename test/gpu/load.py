"""Puts a known load on the first CUDA device, for compare.sh, and ends by itself.

    load.py allocate BYTES SECONDS   hold memory
    load.py matmul SECONDS           multiply half-precision matrices without a pause; needs torch
    load.py copy BYTES SECONDS       copy BYTES to the device and as many back, evenly over SECONDS (0: at full speed)

Prints a line of JSON when the load is there. Exit status 3 says that something it needs is not installed.
"""

import ctypes
import json
import os
import sys
import time


class Cuda:
    """The few calls of the CUDA driver that the loads need, in the primary context of device 0."""

    def __init__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuInit", ctypes.c_uint(0))
        self.call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)

    def call(self, function, *arguments):
        status = getattr(self.driver, function)(*arguments)
        if status != 0:
            sys.exit(f"{function} failed with CUresult {status}")

    def device_memory(self, size):
        pointer = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
        return pointer

    def host_memory(self, size):
        """Page-locked, so that a copy crosses the bus once and in the fastest way."""
        pointer = ctypes.c_void_p()
        self.call("cuMemHostAlloc", ctypes.byref(pointer), ctypes.c_size_t(size), ctypes.c_uint(0))
        return pointer


def ready(**facts):
    print(json.dumps({"pid": os.getpid(), **facts}), flush=True)


def allocate(size, seconds):
    cuda = Cuda()
    pointer = cuda.device_memory(size)
    cuda.call("cuMemsetD8_v2", pointer, ctypes.c_ubyte(1), ctypes.c_size_t(size))
    cuda.call("cuCtxSynchronize")
    ready(allocated=size)
    time.sleep(seconds)


def matmul(seconds):
    try:
        import torch
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    if not torch.cuda.is_available():
        print("torch is installed without CUDA", file=sys.stderr)
        sys.exit(3)
    left = torch.randn(8192, 8192, device="cuda", dtype=torch.float16)
    right = torch.randn(8192, 8192, device="cuda", dtype=torch.float16)
    product = left @ right
    torch.cuda.synchronize()
    ready()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # Enough work at a time that the GPU does not wait for the CPU.
        for _ in range(50):
            torch.matmul(left, right, out=product)
        torch.cuda.synchronize()


def copy(size, seconds):
    chunk = 64 << 20
    chunks = size // chunk
    cuda = Cuda()
    device, host = cuda.device_memory(chunk), cuda.host_memory(chunk)
    ready(copied_each_way=chunks * chunk)
    start = time.monotonic()
    for done in range(1, chunks + 1):
        cuda.call("cuMemcpyHtoD_v2", device, host, ctypes.c_size_t(chunk))
        cuda.call("cuMemcpyDtoH_v2", host, device, ctypes.c_size_t(chunk))
        time.sleep(max(0.0, start + seconds * done / chunks - time.monotonic()))


def main():
    loads = {"allocate": (allocate, int, float), "matmul": (matmul, float), "copy": (copy, int, float)}
    try:
        load, *kinds = loads[sys.argv[1]]
        arguments = [kind(sys.argv[2 + i]) for i, kind in enumerate(kinds)]
    except (IndexError, KeyError, ValueError):
        sys.exit(__doc__)
    load(*arguments)


main()
