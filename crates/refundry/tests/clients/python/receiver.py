"""A receiver of webhooks with nothing but Python's own library. It says the
port that it took, then each webhook as one line of JSON, verified with what
`PUT` on the same path told it: `url`, `scheme`, `secret`, and `answers`, each
with a `status`, `headers` and `hang`, seconds before it; the last one is given
again and again."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

places = {}
lock = threading.Lock()


def signature(how, content_type, body):
    beside = {
        "body-base64": "",
        "path-hex": urlsplit(how["url"]).path + content_type,
        "url-hex": how["url"] + content_type,
    }[how["scheme"]]
    # As a verifier does that makes a character of every byte.
    text = beside + "".join(chr(byte) for byte in body)
    digest = hmac.new(how["secret"].encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode() if how["scheme"] == "body-base64" else digest.hex()


def verified(how, headers, name, body):
    if "secret" not in how:
        return None
    return hmac.compare_digest(signature(how, headers.get("content-type", ""), body), headers.get(name, ""))


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_PUT(self):
        with lock:
            places[self.path] = json.loads(self.body())
        self.answer(204)

    def do_POST(self):
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        with lock:
            how = places.get(self.path, {})
            answers = how.get("answers", [{"status": 200}])
            next_one = answers.pop(0) if len(answers) > 1 else answers[0]
            said = {
                "path": self.path,
                "headers": headers,
                "body": body.decode("latin-1"),
                "verified": verified(how, headers, "x-signature", body),
                "changed": verified(how, headers, "x-signature", body.replace(b"1", b"2", 1)),
                "by_the_one_before": verified(
                    {**how, "secret": how.get("before", "")}, headers, "x-signature-previous", body
                )
                if "before" in how
                else None,
            }
            print(json.dumps(said), flush=True)
        if "hang" in next_one:
            threading.Event().wait(next_one["hang"])
        self.answer(next_one["status"], next_one.get("headers", {}))


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
