package equivalence

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// arrival is one recipient's copy of a message.
type arrival struct {
	Hop       string // "smtp mx.example.com:25", "maildir /var/mail/x", "pipe /usr/local/bin/x a b"
	Sender    string
	Recipient string
	Login     string // "user/password"
	Fields    string // the addresses of the header
}

// trialField names the envelope of a message: "postfix/17".
const trialField = "X-Trial"

// captures take all that is delivered.
type captures struct {
	names      *names
	authority  *authority
	delimiters string // recipient_delimiter

	mu       sync.Mutex
	arrivals map[string][]arrival // by trial
	bounced  map[string]bool      // trials of which a report came
	last     time.Time
}

// capture listens on all ports that the files name.
func (w *world) capture() error {
	a, err := newAuthority()
	if err != nil {
		return err
	}
	w.captures = &captures{names: w.names, authority: a, arrivals: map[string][]arrival{}, bounced: map[string]bool{}, last: time.Now()}
	text, err := w.text()
	if err != nil {
		return err
	}
	ports := map[string]bool{"25": true, "24": true}
	for _, m := range regexp.MustCompile(`[\])a-z0-9]:(\d{2,5})\b`).FindAllStringSubmatch(text, -1) {
		ports[m[1]] = true
	}
	for port := range ports {
		if err := w.captures.listen("tcp", "0.0.0.0:"+port); err != nil {
			return err
		}
	}
	return w.sinks(text)
}

// sockets listens on all sockets that the files name. Postfix must have started:
// it makes their folder.
func (w *world) sockets() error {
	text, err := w.text()
	if err != nil {
		return err
	}
	sockets := map[string]bool{}
	for _, m := range regexp.MustCompile(`lmtp:unix:([\w./-]+)`).FindAllStringSubmatch(text, -1) {
		sockets[m[1]] = true
	}
	for name := range sockets {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/var/spool/postfix", name)
		}
		if err := w.captures.socket(name); err != nil {
			return err
		}
	}
	return nil
}

// text is all files of the configuration.
func (w *world) text() (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(w.Conf, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		b.Write(append(text, '\n'))
		return err
	})
	return b.String(), err
}

// socket listens on a path, for a user that is not root too.
func (c *captures) socket(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := c.listen("unix", name); err != nil {
		return err
	}
	return os.Chmod(name, 0o777)
}

func (c *captures) listen(network, addr string) error {
	ln, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go c.talk(conn, "unix:"+addr)
		}
	}()
	return nil
}

// sinkFolder is where programs put what they were given.
const sinkFolder = "/run/sinks"

// sinks puts programs at the places that the files name, which write down their
// arguments and their input.
func (w *world) sinks(text string) error {
	if err := os.Mkdir(sinkFolder, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(sinkFolder, 0o777); err != nil {
		return err
	}
	script := "#!/bin/sh\nf=$(mktemp " + sinkFolder + "/XXXXXXXXXX)\n{ echo \"$0 $*\"; cat; } >$f\n"
	for _, program := range regexp.MustCompile(`/usr/local/bin/[\w-]+`).FindAllString(text, -1) {
		if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// add writes one arrival down. A report about a trial has its field further
// down only.
func (c *captures) add(a arrival, message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		c.arrivals[""] = append(c.arrivals[""], a)
		return
	}
	trial := m.Header.Get(trialField)
	if trial == "" {
		if found := regexp.MustCompile(`(?m)^` + trialField + `: (\S+)`).FindSubmatch(message); found != nil {
			c.bounced[string(found[1])] = true
		}
		return
	}
	a.Fields = addresses(m.Header)
	c.arrivals[trial] = append(c.arrivals[trial], a)
}

// addressFields are those whose addresses are compared.
func addressFields() []string { return []string{"From", "Sender", "Reply-To", "To", "Cc"} }

// addresses writes the addresses of a header in one form.
func addresses(h mail.Header) string {
	var out []string
	for _, field := range addressFields() {
		list, err := h.AddressList(field)
		if err != nil {
			if h.Get(field) != "" {
				out = append(out, field+"="+h.Get(field))
			}
			continue
		}
		var all []string
		for _, a := range list {
			all = append(all, strings.ToLower(a.Address))
		}
		out = append(out, field+"="+strings.Join(all, ","))
	}
	return strings.Join(out, " ")
}

// collect reads what was put into files: Maildirs, mailboxes and sinks.
func (c *captures) collect() error {
	err := filepath.WalkDir("/var/mail", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		message, err := os.ReadFile(path)
		if err != nil || filepath.Base(filepath.Dir(path)) != "new" {
			return err
		}
		c.file(filepath.Dir(filepath.Dir(path)), message)
		return os.Remove(path)
	})
	if err != nil {
		return err
	}
	sinks, err := filepath.Glob(sinkFolder + "/*")
	for _, path := range sinks {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		command, message, _ := bytes.Cut(text, []byte("\n"))
		c.add(arrival{Hop: "pipe " + string(command)}, withoutFrom(message))
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return err
}

// file adds a message of a Maildir, whose envelope stands in its first lines.
func (c *captures) file(dir string, message []byte) {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return
	}
	c.add(arrival{Hop: "maildir " + dir, Sender: strings.Trim(m.Header.Get("Return-Path"), "<>"), Recipient: m.Header.Get("Delivered-To")}, message)
}

// withoutFrom takes the line off that mbox files begin with.
func withoutFrom(message []byte) []byte {
	if bytes.HasPrefix(message, []byte("From ")) {
		_, message, _ = bytes.Cut(message, []byte("\n"))
	}
	return message
}

// quiet tells that nothing has come for a while.
func (c *captures) quiet() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := time.Since(c.last); since < 300*time.Millisecond {
		return fmt.Errorf("mail still comes")
	}
	return nil
}

// of gives what came of a trial, each arrival once and in one order.
func (c *captures) of(trial string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]bool{}
	for _, a := range c.arrivals[trial] {
		out[c.inMailbox(a).String()] = true
	}
	return slices.Sorted(maps.Keys(out))
}

func (a arrival) String() string {
	s := fmt.Sprintf("<%s> by %s from <%s>", strings.ToLower(a.Recipient), strings.ToLower(a.Hop), strings.ToLower(a.Sender))
	if a.Login != "" {
		s += " as " + a.Login
	}
	return s + " [" + a.Fields + "]"
}

// inMailbox gives the mailboxes of users one name: those of local(8), and the
// Maildirs that are in their place. They have no subaddress.
func (c *captures) inMailbox(a arrival) arrival {
	user, domain, _ := strings.Cut(a.Recipient, "@")
	if i := strings.IndexAny(user, c.delimiters); c.delimiters != "" && i > 0 {
		user = user[:i]
	}
	dir, is := strings.CutPrefix(a.Hop, "maildir /var/mail/postroad/")
	switch {
	case is && strings.EqualFold(dir, user), a.Hop == "lmtp "+mailboxes+":24":
		a.Hop, a.Recipient = "mailbox", user+"@"+domain
	}
	return a
}
