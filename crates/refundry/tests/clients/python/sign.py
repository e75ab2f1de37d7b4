"""Signs and verifies with the PyPI package `truelayer-signing`: one question
per line as JSON, one answer per line."""

import json
import sys

from truelayer_signing import HttpMethod, extract_jws_header, sign_with_pem, verify_with_jwks


def sign(ask):
    signer = sign_with_pem(ask["kid"], ask["privateKeyPem"])
    return {"signature": about(signer, ask).sign()}


def verify(ask):
    header = extract_jws_header(ask["signature"])
    verifier = verify_with_jwks(json.loads(ask["jwks"]), header)
    verifier.add_required_header("X-TL-Webhook-Timestamp")
    about(verifier, ask).verify(ask["signature"])
    return {"kid": header.kid, "jku": header.jku}


def about(builder, ask):
    builder.set_method(HttpMethod(ask["method"])).set_path(ask["path"])
    return builder.add_headers(ask["headers"]).set_body(ask["body"])


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"sign": sign, "verify": verify}[question["deed"]](question)
    except Exception as error:
        answer = {"refused": repr(error)}
    print(json.dumps(answer), flush=True)
