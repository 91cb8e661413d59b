package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver/limited"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// TestMain lets the binary of this test be what limits programs.
func TestMain(m *testing.M) {
	limited.Main(os.Args)
	os.Exit(m.Run())
}

// piped is a world whose transport "t" runs a script with the shell, and a folder
// that the program may write to.
func piped(t *testing.T, script string, args ...string) (*world, string) {
	w := newWorld(t)
	dir, err := os.MkdirTemp("", "pipe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &config.Pipe{Command: append([]string{path}, args...), Directory: dir, Timeout: 10 * time.Second, MaxOutput: 64 << 10}
	if os.Geteuid() == 0 {
		p.User = "nobody"
	}
	w.transport(&config.Transport{Name: "t", Kind: decide.KindPipe, Pipe: p})
	return w, dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPipe(t *testing.T) {
	w, dir := piped(t, `printf '%s|' "$@" >>args; echo >>args; cat >"message-$2"; env >env; pwd >where; id -u >user`,
		"{id}", "{local}", "to={recipient}", "{sender}", "{domain}", "{original}", "{\"json\": 1}")
	a := job("t", "Ann+x@d.example", "bob@d.example")
	a.Job.Recipients[1].Original = address("sales@d.example")
	a.Body = newBody("Return-Path: <old@x>\r\nSubject: x\r\n\r\n.dot\r\nno end")
	if got, want := told(a, w.d.Attempt(t.Context(), a)), "Ann+x delivered 250 2.0.0 delivered to program | bob delivered 250 2.0.0 delivered to program"; got != want {
		t.Errorf("got %s (%s)", got, w.log.String())
	}
	id := a.Job.Message.String()
	want := id + "|Ann+x|to=Ann+x@d.example|s@example.org|d.example|Ann+x@d.example|{\"json\": 1}|\n" +
		id + "|bob|to=bob@d.example|s@example.org|d.example|sales@d.example|{\"json\": 1}|\n"
	if got := read(t, dir+"/args"); got != want {
		t.Errorf("arguments: got %q, want %q", got, want)
	}
	for _, to := range []string{"Ann+x", "bob"} {
		want := "Return-Path: <s@example.org>\nDelivered-To: " + to + "@d.example\nSubject: x\n\n.dot\nno end\n"
		if got := read(t, dir+"/message-"+to); got != want {
			t.Errorf("message: got %q, want %q", got, want)
		}
	}
	names := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(read(t, dir+"/env")), "\n") {
		name, _, _ := strings.Cut(line, "=")
		names[name] = true
	}
	for _, own := range []string{"PWD", "OLDPWD", "SHLVL", "_"} { // of the shell
		delete(names, own)
	}
	if len(names) != 3 || !names["PATH"] || !names["HOME"] || !names["LANG"] {
		t.Errorf("environment: %v", names)
	}
	if strings.TrimSpace(read(t, dir+"/where")) != dir {
		t.Errorf("runs in %s", read(t, dir+"/where"))
	}
	if read(t, dir+"/user") == "0\n" {
		t.Error("runs as root")
	}
}

func TestPipeExitCodes(t *testing.T) {
	for code := range 256 {
		state, reply := ended{code: code}.verdict()
		want := spool.Waiting
		switch code {
		case 0:
			want = spool.Delivered
		case 65, 67, 68, 69, 77: // EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_UNAVAILABLE, EX_NOPERM
			want = spool.Failed
		}
		fits := state == spool.Delivered && reply.Positive() || state == spool.Failed && reply.Permanent() || state == spool.Waiting && reply.Transient()
		if state != want || !fits || int(reply.Enhanced[0]-'0') != reply.Code/100 {
			t.Errorf("%d: %v %s", code, state, reply)
		}
	}
}

func TestPipeSaysWhatTheProgramSaid(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`exit 0`, "ann delivered 250 2.0.0 delivered to program"},
		{`echo ticket 17; exit 0`, "ann delivered 250 2.0.0 delivered to program: ticket 17"},
		{`echo "no ann here" >&2; echo second; exit 67`, "ann failed 554 5.1.1 program knows no such user: no ann here"},
		{`printf '\n a\033[31m\r\0\303\251b\r\n'; exit 65`, `ann failed 554 5.6.0 program refuses the message: a\x1b[31m\x0d\x00\xc3\xa9b`},
		{`exit 75`, "ann waits 450 4.3.0 program asks to try again"},
		{`exit 1`, "ann waits 451 4.3.0 program failed with code 1"},
		{`kill -TERM $$`, "ann waits 451 4.3.0 program was ended by a signal"},
		{`head -c 5000 /dev/zero | tr '\0' x; exit 67`, "ann failed 554 5.1.1 program knows no such user: " + strings.Repeat("x", outputMax)},
	} {
		w, _ := piped(t, c.script)
		a := job("t", "ann@d.example")
		a.Body = newBody(strings.Repeat("a line that nobody reads\r\n", 10_000))
		if got := told(a, w.d.Attempt(t.Context(), a)); got != c.want {
			t.Errorf("%s: got %s", c.script, got)
		}
	}
}

// Whatever it does, at its time-out the program and all that it started are gone.
func TestPipeIsKilledWhole(t *testing.T) {
	w, dir := piped(t, `trap '' TERM INT HUP; (trap '' TERM; echo $$ >pid; exec sleep 600) & exec sleep 600`)
	w.cfg.Transports["t"].Pipe.Timeout = 500 * time.Millisecond
	a := job("t", "ann@d.example")
	begun := time.Now()
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.4.1 program took too long" {
		t.Errorf("got %s", got)
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	for _, p := range inFolder(t, dir) {
		t.Errorf("process %d is left", p)
	}
}

// What a program leaves behind ends with it and keeps nobody waiting.
func TestPipeLeavesNothingBehind(t *testing.T) {
	w, dir := piped(t, `sleep 600 & echo done`)
	a := job("t", "ann@d.example")
	begun := time.Now()
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann delivered 250 2.0.0 delivered to program: done" {
		t.Errorf("got %s", got)
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	for _, p := range inFolder(t, dir) {
		t.Errorf("process %d is left", p)
	}
}

// inFolder gives the processes that run in a folder, zombies aside.
func inFolder(t *testing.T, dir string) []int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, l := range links {
		if where, err := os.Readlink(l); err == nil && where == dir {
			pid, _ := strconv.Atoi(strings.Split(l, "/")[2])
			out = append(out, pid)
		}
	}
	return out
}

func TestPipeThatWritesWithoutEnd(t *testing.T) {
	w, _ := piped(t, `while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done`)
	a := job("t", "ann@d.example")
	begun := time.Now()
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.3.0 program wrote too much" {
		t.Errorf("got %s", got)
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestPipeIsInterrupted(t *testing.T) {
	w, dir := piped(t, `echo >started; exec sleep 600`)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for range 500 {
			if _, err := os.Stat(dir + "/started"); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	a := job("t", "ann@d.example", "bob@d.example")
	if got, want := told(a, w.d.Attempt(ctx, a)), "ann waits 451 4.3.2 delivery interrupted | bob waits 451 4.3.2 delivery interrupted"; got != want {
		t.Errorf("got %s", got)
	}
}

// unreadable is a body whose end cannot be read.
type unreadable struct{ spool.Body }

func (u unreadable) ReadAt(p []byte, off int64) (int, error) {
	if off >= 32<<10 {
		return 0, errors.New("damaged")
	}
	return u.Body.ReadAt(p[:min(len(p), 32<<10)], off)
}

// Half a message is never taken for the whole.
func TestPipeOfADamagedMessage(t *testing.T) {
	w, dir := piped(t, `cat >message && echo >whole`)
	a := job("t", "ann@d.example")
	a.Body = unreadable{newBody(strings.Repeat("0123456789012345678901234567890\r\n", 10_000))}
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.3.0 program cannot be run now" {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(dir + "/whole"); err == nil {
		t.Error("the program took half a message for the whole")
	}
}

func TestPipeLimits(t *testing.T) {
	w, dir := piped(t, `for l in n v f u t c; do ulimit -$l; done >limits 2>&1`)
	w.cfg.Transports["t"].Pipe.Limits = config.PipeLimits{Memory: 512 << 20, FileSize: 1 << 20, CPU: 7 * time.Second, OpenFiles: 33}
	a := job("t", "ann@d.example")
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann delivered 250 2.0.0 delivered to program" {
		t.Errorf("got %s", got)
	}
	got := strings.Fields(read(t, dir+"/limits"))
	if len(got) < 6 || got[0] != "33" || got[1] != "524288" || got[2] != "2048" || got[len(got)-2] != "7" || got[len(got)-1] != "0" {
		t.Errorf("limits: %v", got)
	}
}

func TestPipeThatCannotRun(t *testing.T) {
	for name, change := range map[string]func(*config.Pipe){
		"no program": func(p *config.Pipe) { p.Command = []string{"/nowhere/program"} },
		"no user":    func(p *config.Pipe) { p.User = "nobody-of-that-name" },
		"no group":   func(p *config.Pipe) { p.User, p.Group = "nobody", "nobody-of-that-name" },
		"root":       func(p *config.Pipe) { p.User = "root" },
		"no folder":  func(p *config.Pipe) { p.Directory = "/nowhere" },
	} {
		w, _ := piped(t, `exit 0`)
		change(w.cfg.Transports["t"].Pipe)
		a := job("t", "ann@d.example")
		if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.3.0 program cannot be run now" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	if os.Geteuid() == 0 {
		w, _ := piped(t, `exit 0`)
		w.cfg.Transports["t"].Pipe.User = ""
		a := job("t", "ann@d.example")
		if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.3.0 program cannot be run now" {
			t.Errorf("our own user, who is root: got %s", got)
		}
	}
}

// hostileLocals are local parts that mean something to somebody.
func hostileLocals() []string {
	out := []string{
		"-rf", "--help", "-", "--", "$(id)", "`id`", ";id", "|id", "&&id", "a b", "a'b", "a\"b", "*", "~root", "{sender}", "{recipient}", "{id}", "%s%n",
		"\\", "a\\nb", "!event", "<in", ">out", "#x", "é", "${IFS}", "a=b", "/etc/passwd", "../..", "@list", "-oQ/tmp", "\u202e",
	}
	for i := range 170 {
		out = append(out, fmt.Sprintf("-%c%d'\"`$(id)", '!'+rune(i%90), i))
	}
	return out
}

// A value is one argument or a part of one, whatever it holds, and never an option.
func TestPipeArguments(t *testing.T) {
	command := []string{"/p", "{local}", "x{local}", "-r{local}", "--to={local}"}
	safe := []string{"/p", "--", "{local}", "{local}{sender}"}
	for _, local := range hostileLocals() {
		values := map[string]string{config.PlaceLocal: local, config.PlaceSender: "s@example.org", config.PlaceRecipient: "r@d.example", config.PlaceID: "17"}
		got, err := arguments(command, values)
		if isOption := local[0] == '-'; (err != nil) != isOption {
			t.Errorf("%q: %v", local, err)
		}
		if want := []string{"/p", local, "x" + local, "-r" + local, "--to=" + local}; err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %q", local, got)
		}
		got, err = arguments(safe, values)
		if want := []string{"/p", "--", local, local + "s@example.org"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q behind --: %q, %v", local, got, err)
		}
	}
	for _, control := range []string{"a\nb", "a\x00b", "a\rb", "a\x1bb"} {
		if got, err := arguments(safe, map[string]string{config.PlaceLocal: control}); err == nil {
			t.Errorf("%q becomes %q", control, got)
		}
	}
}

// The same with a real program, which tells its arguments as it got them.
func TestPipeRunsHostileAddresses(t *testing.T) {
	w, dir := piped(t, `shift; printf '%s\n' "$@" >args`, "--", "{local}", "{recipient}")
	for _, local := range hostileLocals()[:40] {
		a := job("t", "x@d.example")
		a.Job.Recipients[0].Final = mail.Address{Local: local, Domain: "d.example"}
		res := w.d.Attempt(t.Context(), a)
		if res.Recipients[0].State != spool.Delivered {
			t.Errorf("%q: %s", local, told(a, res))
			continue
		}
		if got, want := read(t, dir+"/args"), local+"\n"+a.Job.Recipients[0].Final.String()+"\n"; got != want {
			t.Errorf("%q: got %q, want %q", local, got, want)
		}
	}
	w.cfg.Transports["t"].Pipe.Command = w.cfg.Transports["t"].Pipe.Command[:1]
	w.cfg.Transports["t"].Pipe.Command = append(w.cfg.Transports["t"].Pipe.Command, "{sender}")
	a := job("t", "ann@d.example")
	a.Job.Sender = mail.Path{Address: mail.Address{Local: "-oX", Domain: "x.example"}}
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann failed 553 5.1.3 address cannot be handed to the program" {
		t.Errorf("an option by the sender: got %s", got)
	}
}

// Programs at once do not wait for each other, and no descriptor is left open.
func TestPipesAtOnce(t *testing.T) {
	w, _ := piped(t, `cat >/dev/null; exit 0`)
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	one := func() queue.Result { return w.d.Attempt(context.Background(), job("t", "ann@d.example")) }
	one()
	before := descriptors()
	done := make(chan queue.Result)
	for range 20 {
		go func() { done <- one() }()
	}
	for range 20 {
		if res := <-done; res.Recipients[0].State != spool.Delivered || !res.Final {
			t.Errorf("%+v", res)
		}
	}
	if after := descriptors(); after > before+2 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
