"""A server that answers what a test wants: late, cut, for ever, or in some other way that is wrong."""
import http.server
import json
import threading


class Answer:
    """What is said, after a delay or once a gate is open: `then` is said instead once this has been, `cut` is where it
    breaks off, `stall` where no more comes."""

    def __init__(self, body):
        self.status = 200
        self.headers = {"Content-Type": "application/json"}
        self.body = body
        self.delay = 0
        self.gate = None
        self.cut = None
        self.stall = None
        self.endless = False
        self.then = None


def encode(kind, result, warnings=()):
    value = {"status": "success", "data": {"resultType": kind, "result": result}}
    if warnings:
        value["warnings"] = list(warnings)
    return Answer(json.dumps(value).encode())


def vector(series):
    """[(labels, time, value as text)]"""
    return encode("vector", [{"metric": labels, "value": [moment, value]} for labels, moment, value in series])


def matrix(series, warnings=()):
    """[(labels, [(time, value as text)])]"""
    return encode("matrix", [{"metric": labels, "values": [list(point) for point in points]}
                             for labels, points in series], warnings)


class Request:
    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def serve(self):
        backend = self.server.backend
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with backend.lock:
            backend.requests.append(Request(self.command, self.path, self.headers, body))
            answer = backend.answer
            backend.answer = answer.then or answer
        if answer.delay and backend.closing.wait(answer.delay):
            self.close_connection = True
            return
        if answer.gate:
            answer.gate.wait()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.endless:
            self.send_header("Connection", "close")
            self.end_headers()
            self.send_for_ever()
            return
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.stall is not None:
            self.wfile.write(answer.body[:answer.stall])
            backend.closing.wait()
            return
        self.wfile.write(answer.body[:answer.cut])
        self.close_connection = answer.cut is not None

    do_GET = do_POST = do_PUT = serve

    def send_for_ever(self):
        self.close_connection = True
        try:
            while not self.server.backend.closing.is_set():
                self.wfile.write(b"[" * 65536)
        except OSError:
            pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients of these tests leave as they like."""


class Backend:
    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.backend = self
        self.name = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.name}"
        threading.Thread(target=lambda: self.server.serve_forever(0.02), daemon=True).start()

    def close(self):
        if not self.closing.is_set():
            self.closing.set()
            self.server.shutdown()
            self.server.server_close()
