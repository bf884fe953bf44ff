"""An SMTP server for tests: STARTTLS, a login, and answers of one's choice.

Prints its port. Then it answers each line on its input, which is a JSON object, with a line of JSON:
{"list": true}                    every try so far: envelope, and the message as Python's own parser reads it
{"answers": ["450 ...", ...]}     what the next messages are answered; "hang" is no answer at all; then 250 again
{"recipients": {"a@b": "550 ..."}} what these recipients are answered
"""

import asyncio
import hashlib
import json
import ssl
import sys
import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self):
        self.tries, self.answers, self.recipients = [], [], {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.recipients.get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 2.0.0 kept"
        self.tries.append(told(session, envelope, answer))
        if answer == "hang":
            await asyncio.Event().wait()
        return answer


def told(session, envelope, answer):
    message = message_from_bytes(envelope.content, policy=default)
    raw = message_from_bytes(envelope.content)
    body = message.get_body(("plain",))
    files = []
    for part in message.iter_attachments():
        content = part.get_content()
        content = content if isinstance(content, bytes) else content.encode()
        files.append({
            "name": part.get_filename(),
            "type": part.get_content_type(),
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        })
    senders = message["from"].addresses
    # The newer reader of names leaves a blank between the parts of a long one (before Python 3.13); the older one does not.
    display = str(make_header(decode_header(parseaddr(raw["from"])[0])))
    return {
        "tls": session.ssl is not None,
        "login": session.authenticated,
        "mailFrom": envelope.mail_from,
        "rcptTo": envelope.rcpt_tos,
        "from": [display, senders[0].addr_spec],
        "to": [one.addr_spec for one in message["to"].addresses],
        "cc": [one.addr_spec for one in message["cc"].addresses] if message["cc"] else [],
        "bcc": message["bcc"],
        "replyTo": message["reply-to"],
        "subject": message["subject"],
        "messageId": message["message-id"],
        "automatic": message["auto-submitted"],
        "headers": sorted(name.lower() for name in message.keys()),
        "text": body.get_content().replace("\r\n", "\n") if body else None,
        "files": files,
        "answer": answer,
    }


def main():
    certificate, key, user, password = sys.argv[1:5]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    handler = Handler()

    def login(server, session, envelope, mechanism, given):
        right = given.login == user.encode() and given.password == password.encode()
        return AuthResult(success=right, handled=False)

    def connection():
        return SMTP(
            handler,
            hostname="mail.example.com",
            tls_context=tls,
            require_starttls=True,
            authenticator=login,
            auth_required=True,
            data_size_limit=40 * 1024 * 1024,
            enable_SMTPUTF8=True,
            loop=loop,
        )

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", 0))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    print(server.sockets[0].getsockname()[1], flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        handler.answers.extend(command.get("answers", []))
        handler.recipients.update(command.get("recipients", {}))
        print(json.dumps({"tries": handler.tries}), flush=True)


main()
