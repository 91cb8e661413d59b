package peer

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"
)

// Service is a program in Python that answers keys by HTTP, or by one of Postfix's
// own table protocols, and shares no line with ours.
type Service struct {
	*Process
	Addr string
}

// servicePy is run with its protocol, its port, the file of its values and, for
// HTTPS, a certificate. Octets stand in JSON as the characters of their numbers.
const servicePy = `import http.server, json, socketserver, ssl, sys
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit
protocol, port, path, *certificate = sys.argv[1:]
values = {k.encode("latin-1"): v for k, v in json.load(open(path)).items()}

class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            word, _, key = line.rstrip(b"\r\n").partition(b" ")
            value = values.get(unquote_to_bytes(key)) if word == b"get" else None
            self.wfile.write(b"500 none\n" if value is None else b"200 " + quote(value, safe="").encode() + b"\n")

class Socketmap(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            size = b""
            while not size.endswith(b":"):
                c = self.rfile.read(1)
                if not c:
                    return
                size += c
            name, _, key = self.rfile.read(int(size[:-1])).partition(b" ")
            self.rfile.read(1)
            value = values.get(key) if name == b"users" else None
            text = b"NOTFOUND " if value is None else b"OK " + value.encode()
            self.wfile.write(b"%d:%s," % (len(text), text))

class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True, encoding="latin-1"))
        value = values.get(query["address"].encode("latin-1"))
        self.reply(404 if value is None else 200, {"error": "none"} if value is None else {"values": [value]})
    def do_POST(self):
        keys = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [values.get(k.encode()) for k in keys]
        self.reply(200, [False if v is None else [v] for v in found])
    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

server = Server(("127.0.0.1", int(port)), {"tcp": Tcp, "socketmap": Socketmap, "http": Http}[protocol])
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
`

// StartService starts a service of protocol "http", "tcp" or "socketmap" (map
// "users") with these values. With a certificate, HTTP is HTTPS.
func StartService(t *testing.T, protocol string, values map[string]string, certificate ...string) *Service {
	t.Helper()
	Need(t, "python3")
	dir := Dir(t)
	wide := map[string]string{}
	for k, v := range values {
		wide[latin1(k)] = v
	}
	text, err := json.Marshal(wide)
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{Addr: FreePort(t)}
	args := []string{"/usr/bin/python3", Write(t, dir, "service.py", servicePy), protocol, Port(s.Addr), Write(t, dir, "values.json", string(text))}
	s.Process = StartProcess(t, Program{Dir: dir, End: syscall.SIGTERM, Args: append(args, certificate...)})
	s.Wait()
	return s
}

// latin1 makes of each octet the character of its number.
func latin1(s string) string {
	out := make([]rune, len(s))
	for i, c := range []byte(s) {
		out[i] = rune(c)
	}
	return string(out)
}

// Wait waits until the service takes connections.
func (s *Service) Wait() {
	s.t.Helper()
	WaitFor(s.t, 15*time.Second, func() error { return Accepts(s.Addr) })
}
