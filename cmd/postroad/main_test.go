package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server/control"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"postroad": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"SMTP", "SINK"} {
				addr, err := freeAddr()
				if err != nil {
					return err
				}
				e.Setenv(name, addr)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": expand, "status": status, "await": await, "first": first, "send": send, "sink": sink,
		},
	})
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// expand FILE… puts the environment into files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, f := range args {
		text := os.Expand(ts.ReadFile(f), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(text), 0o600))
	}
}

// status N VERB… runs postroad and holds its exit status against N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("postroad", args[1:]...)
	got := 0
	if coded, ok := err.(interface{ ExitCode() int }); ok {
		got = coded.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// await waits until the server with the configuration FILE answers.
func await(ts *testscript.TestScript, neg bool, args []string) {
	c, _ := config.Load(ts.MkAbs(args[0]), config.Options{})
	client := control.NewClient(c.Data)
	for range 500 {
		if _, err := client.Status(context.Background()); (err == nil) != neg {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("waited too long")
}

// first NAME keeps the first word of what the last command printed.
func first(ts *testscript.TestScript, _ bool, args []string) {
	word, _, _ := strings.Cut(ts.ReadFile("stdout"), " ")
	ts.Setenv(args[0], word)
}

// send RCPT… sends a message; with ! it must be refused.
func send(ts *testscript.TestScript, neg bool, args []string) {
	r, err := lab.Send(ts.Getenv("SMTP"), "s@far.test", args, []byte("Subject: x\r\n\r\nbody\r\n"))
	ts.Check(err)
	if r.Accepted() == neg {
		ts.Fatalf("the server said %v", r.Refusal())
	}
}

// sink N opens the next host, and waits for so many recipients in all.
func sink(ts *testscript.TestScript, _ bool, args []string) {
	r, err := lab.Listen(lab.Config{Addr: ts.Getenv("SINK")})
	ts.Check(err)
	ts.Defer(func() { r.Close() })
	ts.Check(ts.Exec("postroad", "queue", "retry", "-c", "postroad.hcl", "--all"))
	var n int
	_, err = fmt.Sscan(args[0], &n)
	ts.Check(err)
	m, err := r.WaitMessages(n, 10*time.Second)
	ts.Check(err)
	var to []string
	for _, one := range m {
		to = append(to, one.To()...)
	}
	ts.Logf("arrived: %s", strings.Join(to, " "))
}
