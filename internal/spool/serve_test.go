package spool_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// served is what a process delivered out of a store, and how it ended.
type served struct {
	bodies  map[spool.ID]uint32 // checksums of what was read
	damaged bool                // it told of damage
	refused bool                // the store did not open
	died    bool
	output  string
}

// serveChild delivers all that a store gives out, in a process of its own, since
// pebble ends the process over some damage.
func serveChild(t *testing.T, o spool.Options, env ...string) served {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeChild$")
	cmd.Env = append(os.Environ(), "POSTROAD_SERVE_DIR="+o.Dir, "POSTROAD_SERVE_MEMTABLE="+strconv.Itoa(o.MemTable),
		"GORACE=atexit_sleep_ms=0") // else a process with the race detector sleeps a second at its end
	cmd.Env = append(cmd.Env, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	s := served{bodies: map[spool.ID]uint32{}, died: err != nil, output: stderr.String()}
	for line := range strings.Lines(string(out)) {
		var word, id string
		var sum uint32
		switch n, _ := fmt.Sscan(line, &word, &id, &sum); {
		case n == 3 && word == "served":
			m, err := spool.ParseID(id)
			if err != nil {
				t.Fatal(err)
			}
			s.bodies[m] = sum
		case word == "damaged":
			s.damaged = true
		case word == "refused":
			s.refused, s.died = true, false
			s.output += line
		default:
			s.output += line
		}
	}
	return s
}

// What the child does before it serves: merge all tables; release what was held
// since its body could not be read, as one does after a repair.
const (
	mergeFirst   = "POSTROAD_SERVE_MERGE=1"
	releaseFirst = "POSTROAD_SERVE_RELEASE=1"
)

func asked(setting string) bool {
	name, value, _ := strings.Cut(setting, "=")
	return os.Getenv(name) == value
}

// TestServeChild is the process of serveChild.
func TestServeChild(t *testing.T) {
	dir := os.Getenv("POSTROAD_SERVE_DIR")
	if dir == "" {
		t.Skip("runs in a process of its own")
	}
	memTable, err := strconv.Atoi(os.Getenv("POSTROAD_SERVE_MEMTABLE"))
	if err != nil {
		t.Fatal(err)
	}
	o := diskOptions(dir, memTable)
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	p, err := spool.Open(o)
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	if asked(mergeFirst) {
		told(t, p.Merge(true))
	}
	if asked(releaseFirst) {
		_, err := p.Change(t.Context(), spool.Filter{HeldOnly: true}, spool.ActionRelease, nil)
		told(t, err)
	}
	for range 4 {
		serveOnce(t, p)
	}
	if p.Health().Damaged > 0 {
		fmt.Println("damaged")
	}
	if err := p.Close(); err != nil {
		fmt.Println("damaged", err)
	}
}

// serveOnce delivers what is due.
func serveOnce(t *testing.T, p *spool.Pebble) {
	ctx, until := context.Background(), epoch.Add(time.Hour)
	lanes, err := p.Lanes(ctx, until, 100)
	told(t, err)
	for _, l := range lanes {
		jobs, err := p.Claim(ctx, spool.ClaimReq{Lane: l.Lane, Before: until, Max: 1000, LeaseFor: time.Hour})
		told(t, err)
		for _, j := range jobs {
			o := spool.Outcome{Uncount: true, Held: true}
			text, err := readBody(p, j.Message)
			if err == nil {
				fmt.Println("served", j.Message, crc32.ChecksumIEEE([]byte(text)))
				o = delivered(j)
			}
			told(t, p.Update(ctx, j.Lease, o, nil))
		}
	}
}

// told passes on what the store says of its damage.
func told(t *testing.T, err error) {
	switch {
	case errors.Is(err, spool.ErrDamaged):
		fmt.Println("damaged", err)
	case err != nil:
		t.Error(err)
	}
}

func readBody(p *spool.Pebble, id spool.ID) (string, error) {
	_, b, err := p.Open(context.Background(), id)
	if err != nil {
		return "", err
	}
	defer b.Close()
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	return string(text), err
}
