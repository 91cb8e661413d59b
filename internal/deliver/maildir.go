package deliver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// maildirs puts the message into the maildir of each recipient. The file is on
// disk, and its name too, before the recipient counts as delivered.
func (r *run) maildirs(ctx context.Context) {
	for i := range r.slots {
		if r.slots[i].settled {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		dir, err := mailPath(r.t.Path, r.slots[i].rcpt.Final)
		if err != nil {
			r.settle(i, spool.Failed, mail.Reply{Code: 553, Enhanced: "5.1.3", Text: "address cannot have a mailbox here"}, "")
			continue
		}
		if dir, err = r.folder(dir); err != nil {
			r.undelivered(ctx, i, dir, err)
			continue
		}
		r.slots[i].at = dir
		if err := r.maildir(dir, r.slots[i].rcpt); err != nil {
			r.undelivered(ctx, i, dir, err)
			continue
		}
		r.settle(i, spool.Delivered, mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "delivered to maildir"}, "")
	}
}

// undelivered lets a recipient wait for the disk.
func (r *run) undelivered(ctx context.Context, i int, dir string, err error) {
	r.d.o.Log.LogAttrs(ctx, slog.LevelError, "maildir", slog.String("path", dir), slog.String("error", err.Error()))
	r.settle(i, spool.Waiting, diskReply(err), "")
}

// diskReply: a disk error waits, whatever it is.
func diskReply(err error) mail.Reply {
	if errors.Is(err, syscall.ENOSPC) {
		return mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "mail system full"}
	}
	if errors.Is(err, syscall.EDQUOT) {
		return mail.Reply{Code: 452, Enhanced: "4.2.2", Text: "mailbox full"}
	}
	return mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "mailbox cannot be written now"}
}

// maildir delivers one copy: tmp, fsync, new, fsync (https://cr.yp.to/proto/maildir.html).
func (r *run) maildir(dir string, rcpt spool.Recipient) error {
	fs := r.d.fs
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := fs.MakeAll(filepath.Join(dir, sub)); err != nil {
			return err
		}
	}
	name := r.uniqueName()
	tmp, fresh := filepath.Join(dir, "tmp", name), filepath.Join(dir, "new", name)
	if err := r.writeCopy(tmp, rcpt); err != nil {
		_ = fs.Remove(tmp)
		return err
	}
	// Link and not rename: a name that is taken must fail and not be overwritten.
	err := fs.Link(tmp, fresh)
	_ = fs.Remove(tmp) // what stays in tmp is nobody's mail, and readers clear it
	if err != nil {
		return err
	}
	if err := fs.SyncDir(filepath.Join(dir, "new")); err != nil {
		_ = fs.Remove(fresh) // it will come again
		return err
	}
	return nil
}

// writeCopy writes the recipient's own copy and syncs it.
func (r *run) writeCopy(path string, rcpt spool.Recipient) error {
	f, err := r.d.fs.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, copyBuffer)
	_, _ = w.Write(unixLines(r.finalFields(rcpt)))
	err = copyFinal(w, io.NewSectionReader(r.a.Body, 0, r.a.Body.Size()))
	if ferr := w.Flush(); err == nil {
		err = ferr
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// finalFields are the lines of final delivery: the return path (RFC 5321 s4.4)
// and the address that it was delivered to (RFC 9228), above those of an alias.
func (r *run) finalFields(rcpt spool.Recipient) []byte {
	sender := "<>"
	if !r.a.Job.Sender.IsNull() {
		sender = "<" + r.a.Job.Sender.String() + ">"
	}
	b := appendField(nil, "Delivered-To", rcpt.Final.String())
	if r.a.Job.Expanded == rcpt.Final {
		// A mailbox that is its own alias is told once; the first address is not.
		b = appendOriginal(b, r.a.Job.Expanded, r.a.Job.Original)
	} else {
		b = appendExpanded(b, r.a.Job.Expanded, r.a.Job.Original)
	}
	return append(appendField(nil, "Return-Path", sender), r.kept(rcpt, b)...)
}

func unixLines(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }

const copyBuffer = 64 << 10

// copyFinal copies a message with LF for line ends, as files of this system have
// them, and without the Return-Path fields that it came with (RFC 5321 s4.4).
func copyFinal(w *bufio.Writer, from io.Reader) error {
	br := bufio.NewReaderSize(from, copyBuffer)
	c := finalCopy{w: w, header: true, start: true}
	for {
		part, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) && part[len(part)-1] == '\r' {
			part = part[:len(part)-1] // an LF may follow
			_ = br.UnreadByte()
		}
		c.take(part, err == nil)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if !c.start {
				_ = w.WriteByte('\n')
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// finalCopy is where copyFinal stands.
type finalCopy struct {
	w      *bufio.Writer
	header bool // in the top header block
	start  bool // at the start of a line
	drop   bool // in a field that is left out
}

// take copies a line, or a part of one that has no end yet.
func (c *finalCopy) take(part []byte, whole bool) {
	if len(part) == 0 {
		return
	}
	line := bytes.TrimSuffix(part, []byte("\n"))
	if whole {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	if c.header && c.start {
		c.begin(line)
	}
	c.start = whole
	if c.drop {
		return
	}
	_, _ = c.w.Write(line)
	if whole {
		_ = c.w.WriteByte('\n')
	}
}

// begin looks at the start of a header line.
func (c *finalCopy) begin(line []byte) {
	const name = "return-path:"
	switch {
	case len(line) == 0:
		c.header, c.drop = false, false
	case line[0] == ' ' || line[0] == '\t': // goes with its field
	default:
		c.drop = len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
	}
}

// uniqueName of a file in a maildir: the time, the process and a count of its
// own, the host.
func (r *run) uniqueName() string {
	host, err := component(string(r.cfg.Hostname))
	if err != nil {
		host = "localhost"
	}
	now := time.Now()
	return fmt.Sprintf("%d.M%06dP%dQ%d.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), r.d.files.Add(1), host)
}

func parent(dir string) string { return filepath.Dir(dir) }
