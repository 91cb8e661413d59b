package smtp

import (
	"bytes"
	"io"
)

// DotWriter writes a message as the data of a transaction (RFC 5321 s4.5.2):
// lines that begin with a dot get another one, and Close writes the end of
// data. Whatever the input holds, the output has CRLF as its only line ends:
// a bare LF and a bare CR each become one, before dots are looked at, so that no
// line which another host might see escapes the stuffing.
//
// The zero DotWriter is not usable; NewDotWriter makes one. The writer below
// should be buffered: a run of clean lines is one Write, a repaired line three.
type DotWriter struct {
	w     io.Writer
	err   error
	start bool // at the start of a line
	cr    bool // the last octet was a CR that is not written yet
}

// NewDotWriter writes to w.
func NewDotWriter(w io.Writer) *DotWriter { return &DotWriter{w: w, start: true} }

// Write takes the next octets of the message.
func (d *DotWriter) Write(p []byte) (int, error) {
	total := len(p)
	if d.cr && len(p) > 0 {
		d.cr = false
		if p[0] == '\n' {
			p = p[1:]
		}
		d.endLine()
	}
	for len(p) > 0 && d.err == nil {
		p = d.writeRun(p)
	}
	if d.err != nil {
		return 0, d.err
	}
	return total, nil
}

// writeRun writes the longest run of octets of p that need no change, then
// deals with the one that stopped it. It gives what is left of p.
func (d *DotWriter) writeRun(p []byte) []byte {
	run := 0 // p[:run] is clean, and ends at the start of a line unless run is 0
	for {
		if (d.start || run > 0) && run < len(p) && p[run] == '.' {
			d.emit(p[:run])
			d.emitDot()
			return p[run:]
		}
		i := bytes.IndexByte(p[run:], '\n')
		end := len(p)
		if i >= 0 {
			end = run + i
		}
		cr := bytes.IndexByte(p[run:end], '\r')
		if cr >= 0 && run+cr == end-1 && i >= 0 {
			run = end + 1
			continue
		}
		return d.breakRun(p, run, end, cr)
	}
}

// breakRun ends a run at a line that has no proper end: p[run:] begins it, cr
// is the place of its first CR or -1, end the place of the LF or len(p).
func (d *DotWriter) breakRun(p []byte, run, end, cr int) []byte {
	stop := end
	if cr >= 0 {
		stop = run + cr
	}
	d.emit(p[:stop])
	switch {
	case stop == len(p): // the line goes on in the next Write
		return nil
	case cr >= 0 && stop == len(p)-1: // whether an LF follows is not known yet
		d.cr = true
	default:
		d.endLine()
	}
	return p[stop+1:]
}

// emit writes octets as they are and keeps track of where the line stands.
func (d *DotWriter) emit(p []byte) {
	if len(p) == 0 {
		return
	}
	d.put(p)
	d.start = p[len(p)-1] == '\n'
}

// emitDot writes the additional dot; the line's own follows with the next run.
func (d *DotWriter) emitDot() {
	d.putString(".")
	d.start = false
}

func (d *DotWriter) endLine() {
	d.putString("\r\n")
	d.start = true
}

func (d *DotWriter) put(p []byte) {
	if d.err == nil {
		_, d.err = d.w.Write(p)
	}
}

func (d *DotWriter) putString(s string) {
	if d.err == nil {
		_, d.err = io.WriteString(d.w, s)
	}
}

// atStart tells whether the next octet begins a line.
func (d *DotWriter) atStart() bool { return d.start && !d.cr && d.err == nil }

// Close ends the last line when it has no end, and writes the end of data. It
// does not flush.
func (d *DotWriter) Close() error {
	if d.cr || !d.start {
		d.cr = false
		d.endLine()
	}
	d.putString(".\r\n")
	return d.err
}
