package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/postroad/postroad/test/powercut/logwrites"
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
	rec, err := logwrites.Open(log)
	n := 0
	for err == nil {
		var e logwrites.Entry
		if e, err = rec.Next(); err == nil && e.Durable {
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
	rec, err := logwrites.Open(log)
	if err != nil {
		return err
	}
	for point := 0; ; {
		e, err := rec.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = apply(log, disk, e)
		}
		if err != nil {
			return err
		}
		if e.Mark != "" {
			r.mark = e.Mark
		}
		if !e.Durable {
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

func apply(log io.ReaderAt, disk io.WriterAt, e logwrites.Entry) error {
	if e.Size == 0 {
		return nil
	}
	data := make([]byte, e.Size)
	if _, err := log.ReadAt(data, e.Data); err != nil {
		return err
	}
	_, err := disk.WriteAt(data, e.At)
	return err
}
