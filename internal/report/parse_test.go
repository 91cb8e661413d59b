package report_test

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/report"
	"github.com/postroad/postroad/internal/spool"
)

type part struct {
	header textproto.MIMEHeader
	body   string
}

type parsed struct {
	header netmail.Header
	parts  []part
	status []textproto.MIMEHeader // message, then one a recipient
}

// parse reads a report with other people's parsers.
func parse(t testing.TB, raw []byte) parsed {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("not a message: %v\n%q", err, raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("Content-Type %q %v %v", kind, params, err)
	}
	p := parsed{header: m.Header}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		next, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("part %d: %v", len(p.parts), err)
		}
		body, err := io.ReadAll(next)
		if err != nil {
			t.Fatalf("part %d: %v", len(p.parts), err)
		}
		p.parts = append(p.parts, part{next.Header, string(body)})
	}
	if len(p.parts) < 2 {
		t.Fatalf("%d parts", len(p.parts))
	}
	p.status = parseStatus(t, p.parts[1].body)
	return p
}

func parseStatus(t testing.TB, body string) []textproto.MIMEHeader {
	t.Helper()
	var out []textproto.MIMEHeader
	// The last block ends with the part; an empty line closes it for the reader.
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(body + "\r\n")))
	for {
		h, err := r.ReadMIMEHeader()
		if len(h) == 0 {
			return out
		}
		if err != nil && err != io.EOF {
			t.Fatalf("delivery status: %v\n%q", err, body)
		}
		out = append(out, h)
	}
}

// FuzzCompose: whatever senders and remote hosts say, the report is one message
// with the header that we meant, three parts and one block a recipient.
func FuzzCompose(f *testing.F) {
	f.Add("no such user", "mx.example.net[192.0.2.1]:25", "5.1.1", "rfc822;bob@example.net", "id1", original, uint8(0))
	f.Add("a\r\nBcc: x@y\r\n\r\n--=_t0k3nt0k3nt0k3n--", "x]\r\n:[", "5.1.1\r\n", "rfc822;+0D+0A+0D+0Aevil", "+0D+0AX: y", "Message-ID: <a@b>\r\n", uint8(1))
	f.Add("\xff\xfe"+strings.Repeat("\u4e2d", 900), "[::1]:25", "", "utf-8;\\x{FF}", "+", "no header at all", uint8(0x12))
	f.Add(strings.Repeat(" ", 3000), "[fe80::1%eth0]", "4.4.1", ";", strings.Repeat(" ", 99), "\r\n\r\n", uint8(0x13))
	f.Fuzz(func(t *testing.T, text, remote, enhanced, orcpt, envid, msg string, bits uint8) {
		in := input(t)
		in.Original = strings.NewReader(msg)
		n := &in.Notice
		n.Kind = queue.NoticeKind(bits % 5)
		n.Envelope.SMTPUTF8 = bits&16 != 0
		n.Job.EnvID = envid
		rcpt := spool.Recipient{
			Final: n.Recipients[0].Final, ORCPT: orcpt, Remote: remote,
			Notify: mail.NotifySuccess | mail.NotifyFailure | mail.NotifyDelay,
			Reply:  mail.Reply{Code: 550, Enhanced: enhanced, Text: text},
		}
		n.Recipients = []spool.Recipient{rcpt, rcpt}
		raw, err := report.Compose(in)
		if err != nil {
			t.Fatal(err)
		}
		checkWire(t, raw)
		checkShape(t, raw, msg)
	})
}

func checkShape(t *testing.T, raw []byte, msg string) {
	t.Helper()
	p := parse(t, raw)
	for name := range p.header {
		switch name {
		case "From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Auto-Submitted",
			"Mime-Version", "Content-Type", "Content-Transfer-Encoding":
		default:
			t.Errorf("unexpected field %q", name)
		}
	}
	if len(p.parts) != 3 || len(p.status) != 3 {
		t.Fatalf("%d parts, %d status blocks", len(p.parts), len(p.status))
	}
	checkStatus(t, p.status)
	own := raw
	if i := bytes.LastIndex(raw, []byte("Content-Description:")); i >= 0 {
		own = raw[:i] // what follows is the sender's own line lengths
	}
	for line := range bytes.SplitSeq(own, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("line of %d octets", len(line))
		}
	}
}

func checkStatus(t *testing.T, blocks []textproto.MIMEHeader) {
	t.Helper()
	allowed := map[string]bool{
		"Original-Recipient": true, "Final-Recipient": true, "Action": true, "Status": true, "Remote-Mta": true,
		"Diagnostic-Code": true, "Last-Attempt-Date": true, "Will-Retry-Until": true,
	}
	for i, b := range blocks {
		for name, values := range b {
			perMessage := name == "Reporting-Mta" || name == "Original-Envelope-Id" || name == "Arrival-Date"
			if len(values) != 1 || (i == 0) != perMessage || (i > 0 && !allowed[name]) {
				t.Errorf("block %d: %s: %q", i, name, values)
			}
		}
	}
	for _, b := range blocks[1:] {
		if b.Get("Final-Recipient") != "rfc822; bob@example.net" || b.Get("Status") == "" || b.Get("Action") == "" {
			t.Errorf("a required field is missing: %v", b)
		}
	}
}

// TestPython reads the golden reports with Python's email package, whose
// parser records every defect that it finds.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	const script = `
import sys, email, email.policy
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.SMTP.clone(utf8=True))
assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "delivery-status", m.get_content_type()
parts = list(m.iter_parts())
assert len(parts) == 3, len(parts)
for p in [m] + parts:
    assert not p.defects, p.defects
kind = parts[1].get_content_type()
if kind == "message/delivery-status":
    blocks = [b for b in parts[1].get_payload() if len(b)]
    assert blocks[0]["Reporting-MTA"] == "dns; mx1.example.com", blocks[0].items()
    assert all(b["Final-Recipient"] and b["Status"] and b["Action"] for b in blocks[1:]) and len(blocks) > 1
else:
    assert kind == "message/global-delivery-status", kind
`
	for _, g := range goldens() {
		in := input(t)
		g.edit(t, &in)
		raw, err := report.Compose(in)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, "-c", script)
		cmd.Stdin = bytes.NewReader(raw)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", g.name, err, out)
		}
	}
}
