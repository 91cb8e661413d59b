package sql

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
)

// pipeline asks PostgreSQL for several keys in one round trip.
type pipeline struct{ *query }

var errNotPgx = errors.New("sql: not a session of pgx")

// LookupAll asks for the keys together. The server answers nothing behind an
// error; when that is about one of the keys, the rest is asked for one by one.
func (p *pipeline) LookupAll(ctx context.Context, keys []string) []table.Answer {
	answers := make([]table.Answer, len(keys))
	var asked []int
	for i, key := range keys {
		if p.dialect.askable(key) {
			asked = append(asked, i)
		} else {
			answers[i] = table.Answer{Status: table.NotFound}
		}
	}
	done, err := p.batch(ctx, keys, asked, answers)
	oneByOne := errors.Is(err, remote.ErrKey) || p.dialect.aboutKey(err)
	for _, i := range asked[done:] {
		if oneByOne {
			answers[i] = p.Lookup(ctx, keys[i])
		} else {
			answers[i] = p.failed(err)
		}
	}
	return answers
}

// batch fills in answers until an error, and tells how many there are.
func (p *pipeline) batch(ctx context.Context, keys []string, asked []int, answers []table.Answer) (done int, err error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	err = conn.Raw(func(session any) error {
		s, is := session.(*stdlib.Conn)
		if !is {
			return errNotPgx
		}
		b := &pgx.Batch{}
		for _, i := range asked {
			b.Queue(p.text, keys[i])
		}
		results := s.Conn().SendBatch(ctx, b)
		defer results.Close()
		for _, i := range asked {
			rows, err := results.Query()
			if err != nil {
				return err
			}
			answers[i] = p.collect(rows, len(rows.FieldDescriptions()))
			if answers[i].Status == table.TryLater {
				return answers[i].Cause
			}
			done++
		}
		return results.Close()
	})
	return done, err
}
