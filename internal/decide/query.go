package decide

import (
	"slices"

	"github.com/postroad/postroad/internal/table"
)

// query is the state of one call: what is asked, what is still missing, and the
// trace. Nothing of it outlives the call.
type query struct {
	*Snapshot
	in    *Input
	final bool // the facts of the message are known
	needs []Question
	steps []Step

	rented []rented // domains of templates

	edited edited

	doubt doubt // the last table that could not answer

	// Scratch, good until the next use: the keys of one look-up, the candidates of
	// one walk over rules and what these are asked about. The rooms hold what is
	// usual without an allocation.
	keys     []string
	hits     []int32
	look     view
	keysRoom [12]string
	hitsRoom [16]int32
}

// doubt names a table that could not answer, and why.
type doubt struct {
	table TableID
	cause string
}

func (s *Snapshot) query(in *Input, final bool) *query {
	q := &query{Snapshot: s, in: in, final: final}
	q.keys, q.hits = q.keysRoom[:0], q.hitsRoom[:0]
	return q
}

// ask looks one key up: in the pinned content, or among the answers so far. A
// missing answer is noted as a need and reads as try later.
func (q *query) ask(id TableID, key string) table.Answer {
	if q.in.Memo == nil || id < 0 || int(id) >= len(q.in.Memo.View) {
		return q.doubtful(id, "not there")
	}
	v := &q.in.Memo.View[id]
	if v.Content != nil {
		return v.Content.Lookup(key)
	}
	if v.Remote == nil {
		return q.doubtful(id, reason(v.Cause, "not loaded"))
	}
	a, ok := q.in.Memo.Answers[Question{Table: id, Key: key}]
	if !ok {
		q.need(id, key)
		return q.doubtful(id, "not asked yet")
	}
	if a.Status == table.TryLater {
		return q.doubtful(id, reason(a.Cause, "no answer"))
	}
	return a
}

func reason(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}

func (q *query) doubtful(id TableID, cause string) table.Answer {
	q.doubt = doubt{table: id, cause: cause}
	return table.Answer{Status: table.TryLater}
}

func (q *query) need(id TableID, key string) {
	n := Question{Table: id, Key: key}
	if !slices.Contains(q.needs, n) {
		q.needs = append(q.needs, n)
	}
}

// first asks the keys in turn until one is found or cannot be told. A table of
// whole keys is asked for the first only (regexp_table(5)). When an answer is
// missing, those to the keys behind it are asked for as well: one round for all.
func (q *query) first(id TableID, keys []string) (table.Answer, int) {
	if q.isWhole(id) {
		keys = keys[:1]
	}
	for i, key := range keys {
		known := len(q.needs)
		a := q.ask(id, key)
		if a.Status == table.TryLater && len(q.needs) > known {
			for _, next := range keys[i+1:] {
				q.ask(id, next)
			}
		}
		if a.Status != table.NotFound {
			return a, i
		}
	}
	return table.Answer{Status: table.NotFound}, -1
}

// member tells whether the table has one of the keys.
func (q *query) member(id TableID, keys []string) tri {
	a, _ := q.first(id, keys)
	return triOf(a.Status)
}

func triOf(s table.Status) tri {
	switch s {
	case table.Found:
		return yes
	case table.NotFound:
		return no
	}
	return unknown
}

// isWhole tells whether a table is asked whole keys only, by its content or,
// when that is away, by its format.
func (q *query) isWhole(id TableID) bool {
	if m := q.in.Memo; m != nil && id >= 0 && int(id) < len(m.View) && m.View[id].Content != nil {
		return m.View[id].Content.Whole()
	}
	return id >= 0 && int(id) < len(q.Rules.Tables) && isWholeFormat(q.Rules.Tables[id].Format)
}

// tableName is the table as a step names it.
func (q *query) tableName(id TableID) string {
	if id < 0 || int(id) >= len(q.Rules.Tables) {
		return "table?"
	}
	return q.tableNames[id]
}
