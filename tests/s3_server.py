"""An S3 server of the test run's own, in this process, spoken to over HTTP."""

import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Refuse = Callable[[str, str], bool]
"""Whether a request (method, path) is to be answered with 403."""


class S3Server:
    """``refuse`` may be set to make requests fail."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.refuse: Refuse = lambda method, path: False
        self._application = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.refuse(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>not now</Message></Error>"]
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer


@contextmanager
def s3_server(patch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server, empty but for the buckets ``recorder`` and ``reports``, where ``s3://`` leads to."""
    import s3fs
    from werkzeug.serving import make_server

    server = S3Server()
    http = make_server("127.0.0.1", 0, server, threaded=True)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{http.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    reset = urllib.request.Request(f"http://127.0.0.1:{http.server_port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()  # noqa: S310  # http; its memory is the process's
    for bucket in ("recorder", "reports"):
        s3fs.S3FileSystem().mkdir(bucket)
    try:
        yield server
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        http.shutdown()
        thread.join()
