package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/explain"
)

var (
	// ErrNotRunning says that nobody answers at the socket.
	ErrNotRunning = errors.New("no server is running")
	// ErrForbidden says that the socket is another user's.
	ErrForbidden = errors.New("only root and the server's user may ask")
	// ErrBrokenOff says that the server ended in the middle of its answer.
	ErrBrokenOff = errors.New("the answer broke off")
)

// Refused is what the server said instead of doing it.
type Refused struct {
	Status int // of HTTP
	Text   string
}

// Error is the server's text.
func (r *Refused) Error() string { return r.Text }

// Usage tells whether the question was at fault.
func (r *Refused) Usage() bool { return r.Status == http.StatusBadRequest }

// Later tells whether the same question may be answered another time.
func (r *Refused) Later() bool { return r.Status == http.StatusServiceUnavailable }

// Client asks the server whose data folder it was made for.
type Client struct {
	http *http.Client
	data string
}

// NewClient connects to nothing yet; each call does.
func NewClient(data string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, data) }
	return &Client{data: data, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Reload asks for a new configuration and gives its generation.
func (c *Client) Reload(ctx context.Context) (string, error) {
	var r Reloaded
	err := c.call(ctx, http.MethodPost, "/reload", nil, &r)
	return r.Generation, err
}

// Route asks with the running server's rules and tables.
func (c *Client) Route(ctx context.Context, q explain.Query) (explain.Result, error) {
	var r explain.Result
	err := c.call(ctx, http.MethodPost, "/route", q, &r)
	return r, err
}

// Status asks how the server is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s, err
}

// List calls each for every job selected, while the server sends them.
func (c *Client) List(ctx context.Context, s Selection, each func(Job) error) error {
	return stream(ctx, c, "/queue/list", s, each)
}

// ListLines copies what List gives as the server sends it: a JSON object a line.
func (c *Client) ListLines(ctx context.Context, s Selection, to io.Writer) error {
	resp, err := c.send(ctx, http.MethodPost, "/queue/list", s)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err = io.CopyBuffer(struct{ io.Writer }{to}, resp.Body, make([]byte, streamSize)); errors.Is(err, io.ErrUnexpectedEOF) {
		err = brokenOff(err)
	}
	return err
}

// streamSize is how much of a stream is read at once.
const streamSize = 64 << 10

func brokenOff(err error) error { return fmt.Errorf("%w: %w", ErrBrokenOff, err) }

// stream calls each for every object that the server sends, as it comes.
func stream[T any](ctx context.Context, c *Client, path string, in any, each func(T) error) error {
	resp, err := c.send(ctx, http.MethodPost, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReaderSize(resp.Body, streamSize))
	for {
		var one T
		switch err := lines.Decode(&one); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return brokenOff(err)
		}
		if err := each(one); err != nil {
			return err
		}
	}
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// lastWords is how long the server has to tell how far it came.
const lastWords = 5 * time.Second

// toTheEnd is a context for a request that ctx shall end in good order: the server
// is told that no more is wanted, by the end of what is sent to it, and then says
// what it did until then. release frees what it takes.
func toTheEnd(ctx context.Context) (_ context.Context, release func()) {
	on, cancel := context.WithCancel(context.WithoutCancel(ctx))
	got := make(chan *net.UnixConn, 1)
	on = httptrace.WithClientTrace(on, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if conn, ok := i.Conn.(*net.UnixConn); ok {
			got <- conn
		}
	}})
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(lastWords, cancel)
		select {
		case conn := <-got:
			conn.CloseWrite()
		case <-on.Done():
		}
	})
	return on, func() { stop(); cancel() }
}

// send gives the response when it is 200; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://postroad"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.notRunning(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	return nil, &Refused{Status: resp.StatusCode, Text: strings.TrimSpace(string(text))}
}

// notRunning names the cases that people meet.
func (c *Client) notRunning(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w for the data folder %s", ErrNotRunning, c.data)
	}
	var asked *url.Error // with an address that nobody knows
	if errors.As(err, &asked) && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrForbidden, asked.Err)
	}
	return err
}
