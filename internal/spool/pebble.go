package spool

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Pebble is the Store on one machine: a pebble database, and a file for each
// big body.
//
// Locks: gate, then mu; under mu only those of fresh and memory, and pebble's own.
type Pebble struct {
	opt    Options
	folder folder
	lock   io.Closer
	db     *pebble.DB
	ids    idSource
	gate   gate
	memory memory
	fresh  fresh
	space  space
	pulse  pulse

	// dead: the database promises nothing any more. ill: the disk failed in a
	// way that the database survived; no mail is taken and no work given out.
	dead, ill trouble
	damaged   atomic.Int64
	distrust  distrust
	renewal   renewal
	running   atomic.Bool // opened, and not closing

	mu     sync.Mutex // guards what follows, and the order of batches that depend on it
	lanes  *lanes
	leases leases
	total  totals
	watch  watchers
	coming map[ID]struct{} // in the database, and not durable yet: no jobs of ours before they are scheduled
}

var _ Store = (*Pebble)(nil)

// Open opens the spool in a folder, or makes it. Errors: ErrLocked; anything
// else means that the folder is not as a spool left it, and the server must not
// begin with an empty queue instead.
func Open(o Options) (*Pebble, error) {
	o = o.withDefaults()
	p := &Pebble{
		opt:    o,
		folder: folder{fs: o.FS, root: o.Dir},
		ids:    idSource{now: o.Now, rand: o.Rand},
		memory: memory{free: o.Budget},
		lanes:  newLanes(o.Window),
		total:  totals{ways: map[way]*sum{}},
		coming: map[ID]struct{}{},
	}
	p.fresh = newFresh(&p.memory)
	p.distrust.folder, p.distrust.tell = p.folder, p.logError
	p.renewal.suspect = p.suspectBlob
	var err error
	if p.leases, err = newLeases(o.Rand); err != nil {
		return nil, err
	}
	if p.lock, err = p.folder.open(); err != nil {
		return nil, err
	}
	if err := p.begin(); err != nil {
		return nil, errors.Join(err, p.shut())
	}
	p.running.Store(true)
	p.space.start()
	return p, nil
}

// begin opens the database under the lock and takes up what stands in it.
func (p *Pebble) begin() error {
	founded, err := p.folder.founded()
	if err != nil {
		return err
	}
	if err := p.folder.clean(); err != nil {
		return fmt.Errorf("spool: cleaning %s: %w", p.folder.path(tmpName), err)
	}
	if founded {
		if err := p.refuse(); err != nil {
			return fmt.Errorf("spool: %s: %w", p.folder.path(dbName), err)
		}
	}
	p.space.look(p)
	opt := p.databaseOptions()
	opt.ErrorIfNotExists = founded
	if p.db, err = pebble.Open(p.folder.path(dbName), opt); err != nil {
		return fmt.Errorf("spool: opening %s: %w", p.folder.path(dbName), err)
	}
	if !founded {
		if err := p.folder.found(); err != nil {
			return fmt.Errorf("spool: writing %s: %w", p.folder.path(formatName), err)
		}
	}
	return p.recover()
}

// Close ends the store. Drafts and leases are lost, which is what a restart
// does to them.
func (p *Pebble) Close() error {
	if !p.gate.close() {
		return nil
	}
	p.space.stop()
	p.running.Store(false)
	return p.shut()
}

// shut closes the database and gives the lock back.
func (p *Pebble) shut() error {
	return errors.Join(p.closeDatabase(), p.lock.Close())
}

// closeDatabase closes the database. All that matters is durable by then, so
// that a panic over what damage left behind is an error like others.
func (p *Pebble) closeDatabase() (err error) {
	if p.db == nil {
		return nil
	}
	defer caught(&err)
	return p.db.Close()
}

// enter admits a call that needs the database; the caller leaves the gate.
func (p *Pebble) enter() error {
	if err := p.dead.get(); err != nil {
		return err
	}
	return p.gate.enter()
}

// accepts says why nothing of the kind is taken now, if so.
func (p *Pebble) accepts(k kind) error {
	return errors.Join(p.dead.get(), p.ill.get(), p.pulse.stalled(), p.space.fullOf(k))
}

// fail ends the store, and with the default Options.Fatal the process: a write
// to the log failed, and what the disk holds of it is unknown. It is not tried
// again, since a second fsync may report success for pages that the first one
// lost.
func (p *Pebble) fail(err error) {
	p.dead.set(fmt.Errorf("%w: %w", ErrUnavailable, err))
	p.opt.Log.Error("spool: the database failed, ending the process", "error", err)
	p.opt.Fatal(err)
	panic("spool: Options.Fatal returned")
}

// fallIll stops the intake after a failed write beside the database.
func (p *Pebble) fallIll(err error) error {
	err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	p.ill.set(err)
	p.opt.Log.Error("spool: a big body could not be made durable, taking no mail until a restart", "error", err)
	return err
}

// Health tells whether mail is taken.
func (p *Pebble) Health() Health {
	err := p.accepts(isMail)
	if e := p.gate.enter(); e != nil {
		err = e
	} else {
		p.gate.leave()
	}
	return Health{Err: err, FreeBytes: p.space.left(), Damaged: p.damaged.Load()}
}

// apply writes a batch and makes it visible; its durability is waited for with
// settle. Between the two the caller gives back mu, so that many batches share
// one fsync while their order is that of the lock.
func (p *Pebble) apply(b *pebble.Batch) {
	p.pulse.begin()
	p.space.spend(int64(b.Len()))
	if err := p.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		p.fail(err)
	}
}

// settle waits until an applied batch is durable.
func (p *Pebble) settle(b *pebble.Batch) {
	if err := b.SyncWait(); err != nil {
		p.fail(err)
	}
	p.pulse.end()
	b.Close()
}

func (p *Pebble) now() time.Time { return p.opt.Now().UTC().Round(0) }
