package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
)

// Options of a table.
type Options struct {
	Driver      string                 // postgres, mysql, sqlite
	DSN         func() (string, error) // asked at each new connection
	Query       string                 // with one parameter
	Connections int                    // kept open
}

// errDriver is for a driver that the configuration should have refused.
var errDriver = errors.New("sql: no such driver")

// Bounds on the answer to one key.
const (
	maxValues = 100_000
	maxOctets = 16 << 20
)

var errTooMuch = errors.New("the answer has too many values")

// Connections are given up after a while, so that a new primary is found and a
// SQLite file that was put in place of another is read.
const (
	serverLifetime = 5 * time.Minute
	fileLifetime   = 10 * time.Second
	idleTime       = time.Minute
)

// New makes the Asker of a query. It connects when it is first asked.
func New(o Options) (remote.Asker, error) {
	dialects := map[string]dialect{"postgres": postgres(), "mysql": mySQL(), "sqlite": sqlite()}
	d, known := dialects[o.Driver]
	if !known {
		return nil, fmt.Errorf("%w: %q", errDriver, o.Driver)
	}
	db := sql.OpenDB(&connector{dialect: d, dsn: o.DSN})
	db.SetMaxIdleConns(o.Connections)
	db.SetConnMaxLifetime(d.lifetime)
	db.SetConnMaxIdleTime(idleTime)
	q := &query{db: db, text: o.Query, dialect: d}
	if o.Driver == "postgres" {
		return &pipeline{q}, nil
	}
	return q, nil
}

// query is the Asker of one query.
type query struct {
	db      *sql.DB
	text    string
	dialect dialect
}

// Lookup asks for one key.
func (q *query) Lookup(ctx context.Context, key string) table.Answer {
	if !q.dialect.askable(key) {
		return table.Answer{Status: table.NotFound}
	}
	rows, err := q.db.QueryContext(ctx, q.text, key)
	if err != nil {
		return q.failed(err)
	}
	defer rows.Close()
	return q.answer(rows)
}

// Close closes all connections.
func (q *query) Close() error { return q.db.Close() }

// rows is what sql.Rows and pgx.Rows, both forward only, have in common.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// answer reads all rows.
func (q *query) answer(r *sql.Rows) table.Answer {
	columns, err := r.Columns()
	if err != nil {
		return q.failed(err)
	}
	return q.collect(r, len(columns))
}

func (q *query) collect(r rows, columns int) table.Answer {
	texts := make([]sql.NullString, columns)
	into := make([]any, columns)
	for i := range texts {
		into[i] = &texts[i]
	}
	a := table.Answer{Status: table.NotFound}
	octets := 0
	for r.Next() {
		if err := r.Scan(into...); err != nil {
			return q.failed(err)
		}
		a.Status = table.Found
		for _, t := range texts {
			if t.String == "" {
				continue
			}
			a.Values = append(a.Values, t.String)
			if octets += len(t.String); octets > maxOctets || len(a.Values) > maxValues {
				return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, errTooMuch)}
			}
		}
	}
	if err := r.Err(); err != nil {
		return q.failed(err)
	}
	return a
}

// failed is the answer when there is none.
func (q *query) failed(err error) table.Answer {
	if q.dialect.aboutKey(err) {
		err = fmt.Errorf("%w: %w", remote.ErrKey, err)
	}
	return table.Answer{Status: table.TryLater, Cause: err}
}

// isText tells whether a key can be a text of the database at all.
func isText(key string) bool { return utf8.ValidString(key) }

// isTextWithoutNUL is isText for PostgreSQL, whose texts have no NUL.
func isTextWithoutNUL(key string) bool { return isText(key) && !strings.Contains(key, "\x00") }
