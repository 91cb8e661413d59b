package spool

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/postroad/postroad/internal/durable"
	"github.com/postroad/postroad/internal/spool/salvage"
)

// distrust remembers which files of the database were found damaged.
//
// A damaged block costs the messages that stand in it, which are set aside, and
// the rest goes on. But sooner or later the database merges its file with others:
// pebble then ends the process with a panic, or tries again for ever. So a
// damaged table is written down at once, and the next start refuses to open a
// database that still has it, rather than to die of it again and again. It does
// so even when the table reads well now: it must not depend on whether we look
// where pebble does. A table that could not be read at all is read anew.
type distrust struct {
	folder folder
	tell   func(doing string, err error)

	mu    sync.Mutex // guards what follows
	known []string   // lines of the list
}

// unreadMark is behind the name of a file that could not be read.
const unreadMark = " unread"

// found takes down a file of which a block is damaged, or that could not be read
// if its name has the mark; a table is written down.
func (d *distrust) found(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(d.known, file) {
		return
	}
	d.known = append(d.known, file)
	if strings.Contains(file, ".sst") {
		d.write()
	}
}

// writeAll writes down blob files too, for background work has stumbled.
func (d *distrust) writeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write()
}

// write makes the list durable. The caller holds mu.
func (d *distrust) write() {
	err := d.folder.replaceFile([]byte(strings.Join(d.known, "\n")+"\n"), damagedName)
	d.tell("writing down a damaged file", err)
}

// damageFound is pebble's word that it could not read a block.
func (p *Pebble) damageFound(i pebble.DataCorruptionInfo) {
	p.opt.Log.Error("spool: damaged block; the next start will want `postroad spool repair` if it is in a table", "file", i.Path, "error", i.Details.Error())
	p.distrust.found(path.Base(i.Path))
}

// refuse keeps a database closed of whose damage pebble would not tell, or would
// die: a manifest or log that it would take for ended, a blob file without an
// index, a file that was written down as damaged.
func (p *Pebble) refuse() error {
	known, listed, err := p.folder.distrusted()
	if err != nil {
		return err
	}
	o := salvage.Options{FS: p.opt.FS, Dir: p.folder.path(dbName), Valid: valid, Known: known}
	depth := salvage.Shallow
	if listed { // it may not be all there is: trust no file
		depth = salvage.Deep
	}
	hidden, err := salvage.Hidden(o, depth)
	if err != nil {
		return err
	}
	for _, d := range hidden {
		if d.Certain {
			return fmt.Errorf("%w: %s", ErrDamaged, d)
		}
		p.opt.Log.Warn("spool: the end of a log cannot be read: a write that a crash cut off, or damage", "where", d.String())
	}
	if depth == salvage.Deep { // what was damaged is gone by now
		return p.forget()
	}
	return nil
}

// distrusted gives the files that were found damaged; listed tells whether there
// is a list, which may name none.
func (f folder) distrusted() (known []string, listed bool, err error) {
	text, err := durable.Read(f.fs, f.path(damagedName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	for line := range strings.Lines(string(text)) {
		if name := strings.TrimSpace(line); name != "" && !strings.HasSuffix(name, unreadMark) {
			known = append(known, name)
		}
	}
	return known, true, nil
}

// forget takes the list of damaged files away.
func (p *Pebble) forget() error {
	err := p.opt.FS.Remove(p.folder.path(damagedName))
	return errors.Join(err, p.folder.syncDir(p.folder.root))
}

// Distrusted tells why the next start would refuse the spool in a folder of the
// machine: an error that is ErrDamaged and names the files. nil: as far as is
// known without reading it all, it would not.
func Distrusted(dir string) error {
	files, err := os.ReadFile(path.Join(dir, damagedName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s", ErrDamaged, strings.ReplaceAll(strings.TrimSpace(string(files)), "\n", ", "))
}
