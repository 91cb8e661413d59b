package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// replay goes through a record.
type replay struct {
	log, disk, spare, fs string
	most                 int

	out   io.Writer
	mark  string
	known map[string]bool // messages at the point before
}

func (r *replay) run(out io.Writer) error {
	r.out, r.known = out, map[string]bool{}
	log, err := os.Open(r.log)
	if err != nil {
		return err
	}
	defer log.Close()
	disk, err := os.OpenFile(r.disk, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer disk.Close()
	points, err := count(log)
	if err != nil {
		return err
	}
	step := 1
	if r.most > 0 {
		step = (points + r.most - 1) / r.most
	}
	fmt.Fprintf(out, "points %d of %d\n", points/max(step, 1), points)
	return r.play(log, disk, step)
}

// count tells how many points there are.
func count(log io.ReaderAt) (int, error) {
	rec, err := openRecord(log)
	n := 0
	for err == nil {
		var e entry
		if e, err = rec.read(); err == nil && e.durable() {
			n++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// play writes what was written, and looks at each step-th point.
func (r *replay) play(log io.ReaderAt, disk *os.File, step int) error {
	rec, err := openRecord(log)
	if err != nil {
		return err
	}
	for point := 0; ; {
		e, err := rec.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = apply(log, disk, e)
		}
		if err != nil {
			return err
		}
		if e.mark != "" {
			r.mark = e.mark
		}
		if !e.durable() {
			continue
		}
		if point++; point%step == 0 {
			// The snapshot reads below the page cache.
			if err := disk.Sync(); err != nil {
				return err
			}
			if err := r.look(point); err != nil {
				return fmt.Errorf("point %d after mark %s: %w", point, r.mark, err)
			}
		}
	}
}

func apply(log io.ReaderAt, disk io.WriterAt, e entry) error {
	if e.size == 0 || e.flags&flagMark != 0 {
		return nil
	}
	data := make([]byte, e.size)
	if _, err := log.ReadAt(data, e.data); err != nil {
		return err
	}
	_, err := disk.WriteAt(data, e.at)
	return err
}
