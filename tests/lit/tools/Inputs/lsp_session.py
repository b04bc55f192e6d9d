"""A session with a language server over stdio: prints what it says of two files, one of them wrong.

usage: lsp_session.py SERVER
"""

import json
import subprocess
import sys

GOOD = """\
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = llm.silu %x : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
"""
WRONG = GOOD + """\
llm.weight @w : tensor<?x64xf32> from "w"
"""


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen([command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.id = 0

    def send(self, method, params, **rest):
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **rest}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            name, value = line.split(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            sys.exit("the server has gone")
        return json.loads(self.process.stdout.read(length))

    def request(self, method, params):
        self.id += 1
        self.send(method, params, id=self.id)
        while (message := self.receive()).get("id") != self.id:
            pass
        if "error" in message:
            sys.exit(f"{method}: {message['error']}")
        return message["result"]

    def diagnostics(self, uri, text):
        self.send("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "mlir", "version": 1, "text": text}})
        while (message := self.receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        assert message["params"]["uri"] == uri
        return message["params"]["diagnostics"]


server = Server(sys.argv[1])
capabilities = server.request("initialize", {"processId": None, "rootUri": None,
                                             "capabilities": {}})["capabilities"]
print("hover provided:", capabilities["hoverProvider"])
server.send("initialized", {})

print("errors in good.mlir:", len(server.diagnostics("file:///good.mlir", GOOD)))
at = {"line": 1, "character": GOOD.splitlines()[1].index("llm.silu") + 1}
hover = server.request("textDocument/hover",
                       {"textDocument": {"uri": "file:///good.mlir"}, "position": at})
print("hover:", " ".join(hover["contents"]["value"].split()))
definition = server.request("textDocument/definition", {
    "textDocument": {"uri": "file:///good.mlir"},
    "position": {"line": 2, "character": GOOD.splitlines()[2].index("%y") + 1}})
print("defined in line:", definition[0]["range"]["start"]["line"])

for diagnostic in server.diagnostics("file:///wrong.mlir", WRONG):
    print("error in line", diagnostic["range"]["start"]["line"], diagnostic["message"])

server.request("shutdown", None)
server.send("exit", None)
print("exit code:", server.process.wait(timeout=20))
