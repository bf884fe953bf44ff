"""A receiver built on the public Standard Webhooks library: what Sala posts verifies with the old and with the new secret."""

import http.server
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

program, home = os.path.abspath(sys.argv[1]), sys.argv[2]
database = f"sqlite:{home}/sala.db"
got = queue.Queue()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        got.put((body, dict(self.headers.items())))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def sala(*words):
    command = [program, *words, "--json", "--company", "507", "--database", database]
    return json.loads(subprocess.run(command, check=True, capture_output=True, cwd=home).stdout)


def call(method, path, body=None, token=None, form=None):
    data = urllib.parse.urlencode(form).encode() if form else json.dumps(body or {}).encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    request = urllib.request.Request(base + path, data=data, method=method, headers={"content-type": kind})
    if token:
        request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def verifies(secret, posted):
    body, headers = posted
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
subprocess.run([program, "company", "create", "--id", "507", "--name", "Siam Tools", "--json", "--database", database],
               check=True, capture_output=True, cwd=home)
client = sala("client", "create", "--name", "receiver")
account = sala("account", "create", "--platform", "line", "--name", "sandbox", "--sandbox")
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
base = f"http://127.0.0.1:{port}"
server = subprocess.Popen([program, "serve", "--listen", f"127.0.0.1:{port}", "--allow-private-webhooks",
                           "--database", database], cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(600):
        try:
            urllib.request.urlopen(base + "/healthz", timeout=1)
            break
        except OSError:
            time.sleep(0.1)
    token = call("POST", "/authorization/connect/token", form={
        "grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": client["client_secret"],
    })["access_token"]
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    made = call("POST", "/v1/webhooks", {"url": url, "topics": ["Chat"]}, token)["data"]
    say = lambda text: call("POST", f"/channels/sandbox/{account['id']}/U1", {"content": text, "name": "สมชาย"})
    say("before")
    before = got.get(timeout=60)
    assert verifies(made["secret"], before), "the first secret"
    new = call("POST", f"/v1/webhooks/{made['webhookId']}/rotate-secret", {}, token)["data"]["secret"]
    assert not verifies(new, before), "a secret that did not sign"
    say("after")
    after = got.get(timeout=60)
    assert verifies(made["secret"], after) and verifies(new, after), "both secrets while one is replaced"
    assert json.loads(after[0])["Data"]["ChatMessage"]["Content"] == "after"
    assert not verifies(new, (after[0].replace(b"after", b"other"), after[1])), "a body that was changed"
finally:
    server.terminate()
    server.wait(timeout=30)
print("standardwebhooks verifies the old and the new secret")
