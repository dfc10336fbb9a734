"""A collector of traces on loopback, as workers tell them to."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

PATIENCE = 20.0


class Collector:
    """Takes what comes by OTLP over HTTP in protobuf, and keeps it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._came = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                collector.take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` has to be."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        """Keep what came."""
        with self._came:
            self.bodies.append(body)
            self._came.notify_all()

    def told(self) -> list[ResourceSpans]:
        """All that came so far, by process."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]
        return [spans for request in requests for spans in request.resource_spans]

    def spans(self, job_id: str) -> dict[str, list[Span]]:
        """The spans of a job by name."""
        found: dict[str, list[Span]] = {}
        for process in self.told():
            for scope in process.scope_spans:
                for span in scope.spans:
                    if span.trace_id.hex() == job_id.replace("-", ""):
                        found.setdefault(span.name, []).append(span)
        return found

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something is true of what came."""
        with self._came:
            assert self._came.wait_for(condition, PATIENCE)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
