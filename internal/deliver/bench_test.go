package deliver

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/spool"
)

// sink takes all mail and looks at nothing.
func sink(b *testing.B) netip.AddrPort {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go swallow(conn)
		}
	}()
	return netip.MustParseAddrPort(ln.Addr().String())
}

func swallow(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReaderSize(conn, 64<<10)
	bw := bufio.NewWriter(conn)
	_, _ = bw.WriteString("220 sink\r\n")
	for {
		if br.Buffered() == 0 && bw.Flush() != nil {
			return
		}
		line, err := br.ReadSlice('\n')
		if err != nil {
			return
		}
		switch line[0] {
		case 'E':
			_, _ = bw.WriteString("250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case 'D':
			_, _ = bw.WriteString("354 go\r\n")
			_ = bw.Flush()
			for err == nil && !bytes.Equal(line, []byte(".\r\n")) {
				line, err = br.ReadSlice('\n')
			}
			_, _ = bw.WriteString("250 taken\r\n")
		default:
			_, _ = bw.WriteString("250 ok\r\n")
		}
	}
}

// BenchmarkTransactions delivers 10 KB messages to a sink on loopback, with and
// without reuse of connections.
func BenchmarkTransactions(b *testing.B) {
	to := sink(b)
	for _, reuse := range []bool{true, false} {
		b.Run("reuse="+strconv.FormatBool(reuse), func(b *testing.B) {
			cfg := &config.Config{Hostname: "me.example", Transports: map[string]*config.Transport{"t": {
				Name: "t", Kind: decide.KindSMTP, Tiers: [][]string{{to.String()}}, Reuse: reuse,
				ConnectTimeout: 30 * time.Second, CommandTimeout: time.Minute, DataTimeout: time.Minute,
			}}}
			d := New(Options{
				Configs: func() *config.Config { return cfg }, MarkKey: []byte("key"),
				Resolvers: func(string) dns.Resolver { return zone{} },
			})
			defer d.Close()
			text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 140)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			b.SetParallelism(10)
			b.RunParallel(func(pb *testing.PB) {
				a := job("t", "a@d.example")
				a.Body = newBody(text)
				for pb.Next() {
					if res := d.Attempt(context.Background(), a); res.Recipients[0].State != spool.Delivered {
						b.Errorf("%s", told(a, res))
					}
				}
			})
		})
	}
}
