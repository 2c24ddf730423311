"""Asks one server over one kept connection, and reads answers without losing how they were written."""
import http.client
import json
import re
import urllib.parse

TIMEOUT_SECONDS = 120
NOT_READ = object()


class Answer:
    """An HTTP answer; `json` is read when first asked for, and None when the body is something else."""

    def __init__(self, status, headers, body, json_value=NOT_READ):
        self.status = status
        self.headers = headers
        self.body = body
        self.json_value = json_value

    @property
    def json(self):
        if self.json_value is NOT_READ:
            self.json_value = parse_json(self.body)
        return self.json_value


class NumberText(str):
    """A JSON number, as it was written."""


def parse_json(body):
    try:
        return json.loads(body, parse_float=NumberText, parse_int=NumberText)
    except ValueError:
        return None


def metrics(port):
    """The text of /metrics."""
    client = Client(port)
    try:
        return client.send("GET", "/metrics").body.decode()
    finally:
        client.close()


def metric(port, name):
    """The value of one series of /metrics; None: there is none."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", metrics(port), re.M)
    return float(found.group(1)) if found else None


class Client:
    """One connection to 127.0.0.1:port."""

    def __init__(self, port):
        self.port = port
        self.connection = None

    def send(self, method, path, params=(), headers=None):
        """params: a list of (name, value); they go into the form of a POST, else into the URL."""
        headers = dict(headers or {})
        text = urllib.parse.urlencode(list(params))
        body = None
        if method == "POST":
            body = text
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif text:
            path = f"{path}?{text}"
        return self.exchange(method, path, body, headers)

    def exchange(self, method, path, body, headers):
        for attempt in (1, 2):
            try:
                return self.once(method, path, body, headers)
            except (OSError, http.client.HTTPException):
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("not reached")

    def once(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        data = response.read()
        return Answer(response.status, dict(response.getheaders()), data)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def query(self, text, at):
        return self.send("GET", "/api/v1/query", [("query", text), ("time", str(at))])

    def result(self, text, at):
        """The result of an instant query that must succeed."""
        answer = self.query(text, at)
        if answer.json is None or answer.json.get("status") != "success":
            raise RuntimeError(f"{text}: {answer.status} {answer.body[:300]!r}")
        return answer.json["data"]["result"]
