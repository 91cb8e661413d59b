package directory

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/sql"
)

var errRows = errors.New("the query gives more than a hash and a name")

// database answers from hashes that a query gives for a name. The name is the
// query's parameter and never a part of its text, see table/sql.
type database struct {
	asker  remote.Asker
	hasher *hasher
	last   atomic.Pointer[passwordHash] // the decoy: hashes of one database mostly cost the same
}

func newDatabase(dir *config.Directory, h *hasher) (*database, error) {
	asker, err := sql.New(sql.Options{Driver: dir.SQL.Driver, DSN: dir.SQL.DSN.Read, Query: dir.SQL.Query, Connections: dir.Connections})
	if err != nil {
		return nil, err
	}
	return &database{asker: asker, hasher: h}, nil
}

func (d *database) close() { go d.asker.Close() } // it waits for queries under way, which their contexts end

func (d *database) verify(ctx context.Context, a Attempt) (string, error) {
	answer := d.asker.Lookup(ctx, a.Name)
	switch {
	case answer.Status == table.TryLater:
		return "", answer.Cause
	case len(answer.Values) > 2:
		return "", oddAnswer{errRows}
	case len(answer.Values) == 0: // no row, or no password in it
		return "", d.hasher.verify(ctx, a, nil, d.decoys())
	}
	hash, err := parseHash(answer.Values[0])
	if err != nil {
		return "", oddAnswer{fmt.Errorf("the hash of a login: %w", err)}
	}
	d.last.Store(&hash)
	name := a.Name
	if len(answer.Values) == 2 {
		name = answer.Values[1]
	}
	return name, d.hasher.verify(ctx, a, hash, nil)
}

func (d *database) decoys() []passwordHash {
	if h := d.last.Load(); h != nil {
		return []passwordHash{*h}
	}
	return nil
}
