"""Loads what embeds in Open WebUI out of its wheel, without Open WebUI's dependencies: the module that sends, the one
that makes headers and the one that reads the environment are its own, everything else that they import is a stub.
"""

import atexit
import importlib
import importlib.abc
import importlib.machinery
import os
import shutil
import sys
import tempfile
import types
import zipfile

OWN = {"open_webui", "open_webui.constants", "open_webui.env", "open_webui.retrieval", "open_webui.retrieval.utils",
       "open_webui.utils", "open_webui.utils.headers"}
STUBBED = {"bs4", "cryptography", "dotenv", "fastapi", "jwt", "langchain_classic", "langchain_core", "markdown", "numpy",
           "requests"}


def load(wheel: str) -> types.ModuleType:
    """Returns the wheel's open_webui.retrieval.utils."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if n.startswith("open_webui/") and n.endswith(".py")])
    for name in ("__init__.py", "CHANGELOG.md"):
        open(os.path.join(folder, "open_webui", name), "w").close()
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, Stubs())
    os.environ.update(ENABLE_FORWARD_USER_INFO_HEADERS="true", DATA_DIR=folder, WEBUI_SECRET_KEY="not of any use here")
    return importlib.import_module("open_webui.retrieval.utils")


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in STUBBED or root == "open_webui" and name not in OWN:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StubModule(spec.name)

    def exec_module(self, module):
        if module.__name__ == "open_webui.config":
            for name in ("CONTENT_PREFIX", "QUERY_PREFIX", "PREFIX_FIELD_NAME"):
                setattr(module, "RAG_EMBEDDING_" + name, None)


class StubType(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Stub(metaclass=StubType):
    """A class to inherit from, to call, and to look for any name in."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter(())

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class StubModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub
