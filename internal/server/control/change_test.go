package control_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

func ignore(control.Changed) {}

// How far a change is comes while it goes on, and all that was done is told of one
// that fails in the middle.
func TestChangeTellsHowFarItIs(t *testing.T) {
	b := &backend{chunks: 3, wait: make(chan struct{}), err: spool.ErrUnavailable}
	var told []int64
	n, err := serve(t, b).Change(t.Context(), "hold", control.Selection{All: true}, func(n control.Changed) {
		told = append(told, n.Jobs)
		b.wait <- struct{}{} // the next chunk is not begun before the client knows of this one
	})
	if len(told) != 3 || told[0] != 1 || told[2] != 3 {
		t.Errorf("told %v", told)
	}
	var r *control.Refused
	if n.Jobs != 3 || n.Recipients != 2 || !errors.As(err, &r) || !r.Later() || r.Text != spool.ErrUnavailable.Error() {
		t.Errorf("at last: %+v %v", n, err)
	}
}

// Who goes away gets no more done, and knows all that was.
func TestChangeEndsWithItsClient(t *testing.T) {
	b := &backend{chunks: 2, hangs: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	n, err := serve(t, b).Change(ctx, "remove", control.Selection{All: true}, func(n control.Changed) {
		if n.Jobs == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || n.Jobs != 3 {
		t.Errorf("%+v %v", n, err)
	}
	<-b.hangs
}

// A server that ends in the middle has not done all.
func TestChangeThatBreaksOff(t *testing.T) {
	data := t.TempDir()
	ln, err := control.Listen(data)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"messages":5,"jobs":7,"recipients":9}` + "\n"))
	})}
	go srv.Serve(net.Listener(ln))
	t.Cleanup(func() { srv.Close() })
	n, err := control.NewClient(data).Change(t.Context(), "hold", control.Selection{All: true}, ignore)
	if !errors.Is(err, control.ErrBrokenOff) || n.Jobs != 7 {
		t.Errorf("%+v %v", n, err)
	}
}
