package receive_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/table"
)

// counted is a remoteTable that counts what it is asked, key by key, and in how
// many exchanges.
type counted struct {
	remoteTable
	mu        sync.Mutex // guards what follows
	keys      map[string]int
	exchanges int
}

func (c *counted) LookupAll(ctx context.Context, keys []string) []table.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exchanges++
	var out []table.Answer
	for _, k := range keys {
		c.keys[k]++
		out = append(out, c.remoteTable.Lookup(ctx, k))
	}
	return out
}

// A table is asked once for a key in one message, whoever needs it: RCPT, the
// same recipient again, the end of data. The next message asks anew.
func TestTableIsAskedOncePerKeyAndMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		asked := &counted{keys: map[string]int{}}
		w.gen.gen = receive.Generation{Config: w.gen.gen.Config, View: table.View{{Name: "slow", Remote: asked}}}
		conn, done := w.connect("public", somebody)
		c := newClient(t, conn)
		c.greeted("220")
		c.say("EHLO x", "250")
		for n := 1; n <= 2; n++ {
			c.say("MAIL FROM:<s@client.example>", "250")
			c.say("RCPT TO:<ann@slow.example>", "250")
			c.say("RCPT TO:<ann@slow.example>", "250")
			c.say("RCPT TO:<Ann@SLOW.example>", "250")
			c.say("RCPT TO:<nobody@slow.example>", "550")
			c.say("DATA", "354")
			c.say("Subject: x\r\n\r\n.", "250")
			for key, times := range asked.keys {
				if times != n {
					t.Errorf("after message %d %s was asked %d times", n, key, times)
				}
			}
		}
		for _, key := range []string{"ann@slow.example", "nobody@slow.example"} {
			if asked.keys[key] != 2 {
				t.Errorf("%s was asked %d times in two messages", key, asked.keys[key])
			}
		}
		c.say("QUIT", "221")
		<-done
	})
}

// What one round needs of a table that can is asked for in one exchange.
func TestOneExchangeForARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		asked := &counted{keys: map[string]int{}}
		gen := receive.Generation{Config: w.gen.gen.Config, View: table.View{{Name: "slow", Remote: asked}}}
		gen.Config.Rules.Domains[1].AliasTable = 0
		w.gen.gen = compiled(t, gen)
		conn, done := w.connect("public", somebody)
		c := newClient(t, conn)
		c.greeted("220")
		c.say("EHLO x", "250")
		c.say("MAIL FROM:<s@client.example>", "250")
		c.say("RCPT TO:<nobody@slow.example>", "550")
		c.say("QUIT", "221")
		<-done
		if len(asked.keys) != 3 || asked.exchanges != 2 { // the names together, then @domain
			t.Errorf("%d exchanges for %v", asked.exchanges, asked.keys)
		}
	})
}

// compiled takes over changed rules.
func compiled(t *testing.T, g receive.Generation) receive.Generation {
	t.Helper()
	s, err := decide.Compile(g.Config.Rules)
	if err != nil {
		t.Fatal(err)
	}
	c := *g.Config
	c.Snapshot = s
	g.Config = &c
	return g
}
