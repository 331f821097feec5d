"""A process that serves one Python file's ``app``, as its reader would.

    python serve_example.py FILE FD

``FD`` is a socket that already listens.
"""

from __future__ import annotations

import importlib
import socket
import sys
import warnings
from pathlib import Path
from typing import Any


def main(file: Path, fd: int) -> None:
    sys.path.insert(0, str(file.parent))
    app = importlib.import_module(file.stem).app
    if type(app).__module__.startswith("flask"):
        serve_wsgi(app, fd)
    else:
        serve_asgi(app, fd)


def serve_asgi(app: Any, fd: int) -> None:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.run(sockets=[socket.socket(fileno=fd)])


def serve_wsgi(app: Any, fd: int) -> None:
    from werkzeug.serving import make_server

    make_server("127.0.0.1", 0, app, threaded=True, fd=fd).serve_forever()


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(Path(sys.argv[1]), int(sys.argv[2]))
