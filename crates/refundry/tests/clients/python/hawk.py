"""Calls us with a package of PyPI, named by the argument: `mohawk`, or
`requests-hawk` on top of it. One question per line as JSON, one answer per
line. `sent` says what is sent otherwise than it was signed; `authorization`
sends that header once more. Neither package sets its clock by a server; with
the first one's own functions that is done here."""

import json
import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import mohawk
import requests
from mohawk.base import EmptyValue
from mohawk.util import calculate_ts_mac, parse_authorization_header, strings_match
from requests_hawk import HawkAuth

PATIENCE = 30
# Seconds by which the clock is off.
clock = 0


def now():
    return int(time.time()) + clock


def with_mohawk(ask, credentials):
    body, headers = ask.get("body", ""), dict(ask.get("headers", {}))
    content = {"content": EmptyValue, "content_type": EmptyValue, "always_hash_content": False}
    if ask.get("hash"):
        content = {"content": body, "content_type": headers.get("content-type", "")}
    extra = {name: ask[name] for name in ("ext", "app", "dlg", "nonce") if name in ask}
    sender = mohawk.Sender(credentials, ask["url"], ask["method"], _timestamp=now(), **content, **extra)
    headers["authorization"] = ask.get("authorization") or sender.request_header
    sent = ask.get("sent", {})
    place = urlsplit(sent.get("url", ask["url"]))
    if "host" in sent:
        headers["host"] = sent["host"]
    # The path as it is written.
    path = sent.get("url", ask["url"]).split(place.netloc, 1)[1]
    connection = HTTPConnection(place.netloc, timeout=PATIENCE)
    bytes_sent = sent.get("body", body).encode() or None
    connection.request(sent.get("method", ask["method"]), path, bytes_sent, headers)
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    text = answer.read().decode()
    connection.close()
    return answer.status, told, text, headers["authorization"]


def with_requests(ask, credentials):
    sent = ask.get("sent", {})
    body = ask.get("body", "").encode() or None
    # What has no body is not hashed, else it refuses; what has one always is.
    auth = HawkAuth(
        id=credentials["id"], key=credentials["key"], always_hash_content=bool(body),
        ext=ask.get("ext"), app=ask.get("app"), _timestamp=now(),
    )
    request = requests.Request(ask["method"], ask["url"], headers=ask.get("headers"), data=body, auth=auth).prepare()
    if "authorization" in ask:
        request.headers["authorization"] = ask["authorization"]
    if "host" in sent:
        request.headers["host"] = sent["host"]
    if "body" in sent:
        request.prepare_body(sent["body"].encode(), None)
    request.url = sent.get("url", request.url)
    request.method = sent.get("method", request.method)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.send(request, timeout=PATIENCE, allow_redirects=False)
    told = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status_code, told, answer.text, request.headers["authorization"]


SENDERS = {"mohawk": with_mohawk, "requests-hawk": with_requests}
send = SENDERS[sys.argv[1]]


def call(ask):
    global clock
    credentials = {"id": ask["id"], "key": ask["key"], "algorithm": "sha256"}
    status, headers, body, authorization = send(ask, dict(credentials))
    answer = {"status": status, "headers": headers, "body": body, "authorization": authorization}
    challenge = headers.get("www-authenticate", "")
    if " ts=" in challenge:
        told = parse_authorization_header(challenge)
        if not strings_match(calculate_ts_mac(told["ts"], credentials).decode(), told["tsm"]):
            raise ValueError("the time is not signed with our key")
        clock += int(told["ts"]) - now()
        answer["corrected"] = True
    return answer


def set_clock(ask):
    global clock
    clock = ask["off"]
    return {"clock": clock}


DEEDS = {"call": call, "clock": set_clock}

for line in sys.stdin:
    question = json.loads(line)
    try:
        said = DEEDS[question["deed"]](question)
    except Exception as error:
        said = {"refused": repr(error)}
    print(json.dumps(said), flush=True)
