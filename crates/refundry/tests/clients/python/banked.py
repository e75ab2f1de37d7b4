"""Talks to us with the PyPI package `bankedpy`: one question per line as JSON,
one answer per line. Its address is fixed but for a private member."""

import json
import sys

from bankedpy import BankedClient
from bankedpy.common import NotFoundError
from bankedpy.payment_session import PaymentSessionRequest

client = None


def begin(ask):
    global client
    client = BankedClient(ask["keys"]["api_key"], ask["keys"]["secret_key"])
    client._session_handler._base_url = ask["base"] + "/v2/"
    client._session_handler.trust_env = False
    return {}


def create(ask):
    return json.loads(client.payment_session.create(PaymentSessionRequest(**ask["body"])).json())


def read(ask):
    return json.loads(client.payment_session.retrieve(ask["id"]).json())


def remove(ask):
    client.payment_session.remove(ask["id"])
    return {}


DEEDS = {"open": begin, "create": create, "read": read, "delete": remove}

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"data": DEEDS[question["deed"]](question)}
    except NotFoundError:
        answer = {"refused": "not found"}
    except Exception as error:
        answer = {"refused": repr(error)}
    print(json.dumps(answer), flush=True)
