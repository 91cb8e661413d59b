package receive_test

import (
	"strings"
	"testing"
)

// TestPlain: who sends a message on need not look for dots and bare newlines in
// it exactly when none stand where it matters, which only the data tells.
func TestPlain(t *testing.T) {
	for _, c := range []struct {
		listener, data string
		plain          bool
	}{
		{"public", "Subject: x\r\n\r\nbody\r\n", true},
		{"public", "no header, a dot. and another\r\n", true},
		{"public", "", true},
		{"public", "Subject: x\r\n\r\n..\r\n", false},
		{"public", "Subject: x\r\n\r\na line\r\n..with a dot\r\nand more\r\n", false},
		{"public", "Subject: x\r\n\r\n" + strings.Repeat("a long body\r\n", 700) + "..\r\n" + strings.Repeat("a long body\r\n", 700), false},
		{"trusted", "Subject: x\r\n\r\nbody\r\n", true},
		{"trusted", "Subject: x\r\n\r\na bare newline\nrepaired\r\n", false},
		{"trusted", "Subject: x\r\n\r\na bare return\rrepaired\r\n", false},
	} {
		w := newWorld(t)
		w.server.ServeConn(&scripted{pieces: []string{
			"EHLO x\r\n", "MAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n", c.data + ".\r\n", "QUIT\r\n",
		}}, c.listener)
		if len(w.store.messages()) != 1 {
			t.Fatalf("%s, %.60q: %s", c.listener, c.data, w.log)
		}
		got := w.store.take()
		if got.env.Plain != c.plain {
			t.Errorf("%s, %.60q: plain %v", c.listener, c.data, got.env.Plain)
		}
		if got.env.Plain && (strings.Contains(got.body, "\n.") || strings.ContainsAny(strings.ReplaceAll(got.body, "\r\n", ""), "\r\n") || !strings.HasSuffix(got.body, "\r\n")) {
			t.Errorf("%s, %.60q is called plain", c.listener, c.data)
		}
	}
}
