package spool_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// bench opens a spool on the real disk.
func bench(b *testing.B) *spool.Pebble {
	b.ReportAllocs()
	return open(b, spool.Options{FS: vfs.Default, Dir: b.TempDir()})
}

// post commits a message of 10 KB with one recipient.
func post(p *spool.Pebble, body []byte, l spool.Lane) error {
	d, err := p.Create(context.Background())
	if err != nil {
		return err
	}
	defer d.Abort()
	// As a receiver writes it: in pieces.
	for rest := body; len(rest) > 0; rest = rest[min(len(rest), 4096):] {
		if _, err := d.Write(rest[:min(len(rest), 4096)]); err != nil {
			return err
		}
	}
	sender := mail.Path{Address: mail.Address{Local: "sender", Domain: "example.org"}}
	return d.Commit(spool.Envelope{Sender: sender, Helo: "client.example", Decision: body[:500]}, []spool.Job{{
		Lane: l, Sender: sender, Rule: "route.default (postroad.hcl:31)",
		Recipients: []spool.Recipient{{Final: mail.Address{Local: "rcpt", Domain: mail.Domain(l.Nexthop)}}},
	}})
}

func body10K() []byte { return []byte(strings.Repeat("0123456789abcdef", 640)) }

// run spreads b.N calls over a number of goroutines.
func run(b *testing.B, writers int, call func(int) error) {
	b.SetParallelism(max(1, writers/2))
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(int(n.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			p := bench(b)
			body := body10K()
			b.SetBytes(int64(len(body)))
			run(b, writers, func(n int) error {
				return post(p, body, spool.Lane{Transport: "internet", Nexthop: fmt.Sprintf("d%d.example", n%100)})
			})
		})
	}
}

// BenchmarkLife is the whole life of a message: commit, claim, read, end.
func BenchmarkLife(b *testing.B) {
	for _, writers := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			p := bench(b)
			body := body10K()
			b.SetBytes(int64(len(body)))
			run(b, writers, func(n int) error {
				l := spool.Lane{Transport: "internet", Nexthop: fmt.Sprintf("d%d.example", n%100)}
				if err := post(p, body, l); err != nil {
					return err
				}
				return deliver(p, l)
			})
		})
	}
}

func deliver(p *spool.Pebble, l spool.Lane) error {
	ctx := context.Background()
	jobs, err := p.Claim(ctx, spool.ClaimReq{Lane: l, Before: time.Now(), Max: 1, LeaseFor: time.Minute})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		_, body, err := p.Open(ctx, j.Message)
		if err != nil {
			return err
		}
		if err := body.Close(); err != nil {
			return err
		}
		o := spool.Outcome{Changes: []spool.RecipientChange{{State: spool.Delivered, Reply: mail.Reply{Code: 250, Text: "ok"}, Remote: "mx.example"}}}
		if err := p.Update(ctx, j.Lease, o, nil); err != nil {
			return err
		}
	}
	return nil
}
