"""A mail server that keeps nothing: the PyPI package `aiosmtpd`. It takes
the port that it is told, or a free one, says it, then each letter that it takes
as one line of JSON. An address that begins with `later` is put off once, one
that begins with `never` is refused; that is said, too."""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.controller import Controller


class Postbox:
    def __init__(self):
        self.put_off = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never"):
            print(json.dumps({"refused": address}), flush=True)
            return "550 no such mailbox"
        if address.startswith("later") and address not in self.put_off:
            self.put_off.add(address)
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = {part.get_content_type(): part.get_content() for part in letter.walk() if not part.is_multipart()}
        headers = {name.lower(): str(value) for name, value in letter.items()}
        said = {"to": envelope.rcpt_tos, "from": envelope.mail_from, "headers": headers, "body": body}
        said["defects"] = [repr(defect) for part in letter.walk() for defect in part.defects]
        print(json.dumps(said), flush=True)
        return "250 OK"


async def main():
    controller = Controller(Postbox())
    server = await asyncio.get_running_loop().create_server(
        controller.factory, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
