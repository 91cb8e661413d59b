package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/durable"
)

// bodyFile is a big body on its way: written under tmp/, then made durable,
// renamed into body/ and made durable there, before the batch that names it.
type bodyFile struct {
	p     *Pebble
	name  string // where it is now
	final string
	file  vfs.File // nil once it is closed

	record fileRecord
	block  []byte // what is not written yet, less than a block
}

// createBody begins the file of a message.
func (p *Pebble) createBody(id ID) (*bodyFile, error) {
	b := &bodyFile{
		p:     p,
		name:  p.folder.path(tmpName, id.String()),
		final: p.bodyPath(id),
		block: make([]byte, 0, blockSize),
	}
	var err error
	p.space.spendName()
	b.file, err = p.opt.FS.Create(b.name, durable.Category)
	return b, err
}

func (p *Pebble) bodyPath(id ID) string { return p.folder.path(bodyName, id.String()) }

// write appends. The octets pass through a block of our own, since a vfs.File
// may alter what it is given.
func (b *bodyFile) write(data []byte) error {
	for len(data) > 0 {
		n := min(len(data), blockSize-len(b.block))
		b.block = append(b.block, data[:n]...)
		data = data[n:]
		if len(b.block) == blockSize {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes the block and keeps its checksum.
func (b *bodyFile) flush() error {
	b.record.sums = append(b.record.sums, crc32.Checksum(b.block, castagnoli))
	b.record.size += int64(len(b.block))
	_, err := b.file.Write(b.block)
	b.block = b.block[:0]
	return err
}

// finish makes the file durable under its final name. A failed sync makes the
// store ill: it says nothing certain about this file, and little good about the
// disk.
func (b *bodyFile) finish() error {
	if len(b.block) > 0 {
		if err := b.flush(); err != nil {
			return diskError(err)
		}
	}
	b.block = nil
	err := errors.Join(b.file.SyncData(), b.file.Close())
	b.file = nil
	if err == nil {
		err = b.p.opt.FS.Rename(b.name, b.final)
	}
	if err == nil {
		b.name = b.final
		err = b.p.folder.syncDir(b.p.folder.path(bodyName))
	}
	if err != nil {
		return b.p.fallIll(err)
	}
	return nil
}

// diskError names what a write said.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// remove gives the file up. What cannot be removed is found at the next start.
func (b *bodyFile) remove() {
	if b.file != nil {
		b.p.logError("closing a body", b.file.Close())
		b.file = nil
	}
	b.p.logError("removing a body", b.p.opt.FS.Remove(b.name))
}

// removeBody removes the file of a message that is gone.
func (p *Pebble) removeBody(id ID) {
	p.logError("removing a body", p.opt.FS.Remove(p.bodyPath(id)))
}

// logError tells of an error that changes nothing for the caller.
func (p *Pebble) logError(doing string, err error) {
	if err != nil {
		p.opt.Log.Warn("spool: "+doing, "error", err)
	}
}
