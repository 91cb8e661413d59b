package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open gives a message. What is damaged is held, copied to quarantine/ and
// answered with ErrDamaged.
func (p *Pebble) Open(ctx context.Context, id ID) (Envelope, Body, error) {
	if err := p.enter(); err != nil {
		return Envelope{}, nil, err
	}
	defer p.gate.leave()
	if env, body, ok := p.fresh.open(id); ok {
		return env, body, nil
	}
	env, body, err := p.openMessage(id)
	if errors.Is(err, ErrDamaged) {
		p.quarantineMessage(ctx, id, err)
	}
	return env, body, err
}

func (p *Pebble) openMessage(id ID) (Envelope, Body, error) {
	env, err := p.readEnvelope(id)
	if errors.Is(err, ErrNotFound) {
		err = p.missing(id)
	}
	if err != nil {
		return Envelope{}, nil, err
	}
	body, err := p.openBody(id)
	if errors.Is(err, ErrNotFound) {
		if _, again := p.readEnvelope(id); again == nil {
			err = fmt.Errorf("%w: no body", ErrDamaged)
		}
	}
	if err == nil && body.Size() != env.Size {
		err = errors.Join(fmt.Errorf("%w: body of %d octets, not %d", ErrDamaged, body.Size(), env.Size), body.Close())
	}
	if err != nil {
		return Envelope{}, nil, err
	}
	return env, body, nil
}

// missing is why a message has no envelope: ErrNotFound when it has gone, ErrDamaged
// when it has jobs still, which go with it.
func (p *Pebble) missing(id ID) error {
	err := ErrNotFound
	failed := p.jobsOf(id, func(ref) bool {
		err = fmt.Errorf("%w: no envelope", ErrDamaged)
		return false
	})
	if failed != nil {
		return failed
	}
	return err
}

func (p *Pebble) openBody(id ID) (Body, error) {
	var inline []byte
	var record *fileRecord
	key := appendMessageKey(make([]byte, 0, 32), famBody, id)
	err := p.getBody(key, func(value []byte) error {
		data, f, err := decodeBody(key, value)
		// A copy, since the value pins a memtable or a table, and an attempt may
		// take minutes.
		inline, record = bytes.Clone(data), f
		return err
	})
	if err != nil {
		return nil, err
	}
	if record == nil {
		return inlineBody{bytes.NewReader(inline), inline}, nil
	}
	file, err := p.opt.FS.Open(p.bodyPath(id))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	case err != nil: // no descriptor is left, for one: the next attempt has one
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	info, err := file.Stat()
	if err == nil && info.Size() != record.size {
		err = fmt.Errorf("%w: file of %d octets, not %d", ErrDamaged, info.Size(), record.size)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &bigBody{file: file, record: record, memory: &p.memory, damaged: func(err error) {
		if p.enter() == nil {
			p.quarantineMessage(context.Background(), id, err)
			p.gate.leave()
		}
	}}, nil
}

// inlineBody was checked as a whole when it was read.
type inlineBody struct {
	*bytes.Reader
	text []byte
}

// Spans gives the body to use from where it lies; the error is use's.
func (b inlineBody) Spans(use func(spans [][]byte) error) error { return use(text{b.text}) }

func (inlineBody) Close() error { return nil }

// bigBody reads a file by blocks and checks each that it touches.
type bigBody struct {
	file    vfs.File
	record  *fileRecord
	memory  *memory
	damaged func(error)
}

func (b *bigBody) Size() int64  { return b.record.size }
func (b *bigBody) Close() error { return b.file.Close() }

// ReadAt reads whole blocks, checks them and gives the part that was asked for.
// An error is ErrDamaged, or what the disk said.
func (b *bigBody) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("%w: negative offset", ErrInvalid)
	}
	var block *[blockSize]byte
	done := 0
	for done < len(p) && off < b.record.size {
		i := off / blockSize
		start := i * blockSize
		size := int(min(blockSize, b.record.size-start))
		inside := int(off - start)
		into := p[done:]
		if inside > 0 || len(into) < size {
			if block == nil {
				block = b.memory.block()
				defer b.memory.blocks.Put(block)
			}
			into = block[:size]
		}
		if err := b.readBlock(into[:size], i); err != nil {
			return done, err
		}
		n := size
		if inside > 0 || len(p)-done < size {
			n = copy(p[done:], into[inside:size])
		}
		done += n
		off += int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (b *bigBody) readBlock(p []byte, i int64) error {
	if _, err := b.file.ReadAt(p, i*blockSize); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if crc32.Checksum(p, castagnoli) != b.record.sums[i] {
		err := fmt.Errorf("%w: block %d of a big body", ErrDamaged, i)
		b.damaged(err)
		return err
	}
	return nil
}
