package file

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
)

// csv reads records of RFC 4180: the first column is the key, the others that
// are not empty are its values. A line that starts with # is a comment.
func (p *parser) csv(r io.Reader) (table.Resident, error) {
	in := csv.NewReader(newLines(r, p.problems).r)
	in.Comment, in.FieldsPerRecord = '#', -1
	in.ReuseRecord, in.TrimLeadingSpace = true, true
	b := &builder{shown: p.shown}
	var key []byte
	var values [][]byte
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if syntax := new(csv.ParseError); errors.As(err, &syntax) {
			p.problems.add(syntax.Line, "%v", syntax.Err)
			break // what follows a broken quote cannot be told apart
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		if what := checkRecord(record); what != "" {
			p.problems.add(line, "%s", what)
			continue
		}
		values = values[:0]
		for _, v := range record[1:] {
			if v = strings.TrimSpace(v); v != "" {
				values = append(values, []byte(v))
			}
		}
		key = foldKey(key, []byte(strings.TrimSpace(record[0])))
		b.add(key, values, line)
	}
	return b.build(p.problems), nil
}

func checkRecord(record []string) string {
	if strings.TrimSpace(record[0]) == "" {
		return "the first column, the key, is empty"
	}
	for _, v := range record {
		if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
			return "not a line of text (UTF-8)"
		}
	}
	return ""
}
