package file

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
)

// Files that postmap(1) makes (cdb, lmdb) hold what stood in a text. Their keys
// and values have a NUL at their end or not, as Postfix was built on the system.

// pack adds an entry of such a file. It has no line.
func (p *parser) pack(b *builder, key, value []byte) {
	key, terminated := bytes.CutSuffix(key, []byte{0})
	if terminated {
		value, _ = bytes.CutSuffix(value, []byte{0})
	}
	switch {
	case len(key) == 0:
		p.problems.add(0, "an entry has no key")
	case !isPlain(key) || !isPlain(value):
		p.problems.add(0, "the entry of %q is no text (UTF-8)", key)
	default:
		b.add(foldKey(nil, key), present(value), 0)
	}
}

func isPlain(text []byte) bool {
	return utf8.Valid(text) && bytes.IndexByte(text, 0) < 0
}

// present is the value of an entry, which may have none.
func present(value []byte) [][]byte {
	if value = bytes.TrimSpace(value); len(value) == 0 {
		return nil
	}
	return [][]byte{value}
}

// packed ends the reading of such a file. One that is cut off is damaged.
func (p *parser) packed(b *builder, err error) (table.Resident, error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errDamaged
	}
	if errors.Is(err, errDamaged) {
		p.problems.add(0, "%v", errDamaged)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.build(p.problems), nil
}
