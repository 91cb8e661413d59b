package httptable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
)

const maxValues = 100_000

var (
	errShape   = errors.New("the answer is no JSON as it should be")
	errStatus  = errors.New("the service answers")
	errPage    = errors.New("404 with a page that is no JSON, as of a proxy that does not reach the service")
	errTooMuch = errors.New("the answer has too many values")
	errCount   = errors.New("not as many answers as keys")
)

// statusError is the cause of every status but 200 and 404.
func statusError(status int) error {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w %d", remote.ErrKey, errStatus, status)
	}
	return fmt.Errorf("%w %d", errStatus, status)
}

// missing reads the body of a 404. A service says "not found" without a word, or in
// JSON, which it is asked for; a page of text is a proxy's that does not reach it.
func missing(body []byte) table.Answer {
	if len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
		return table.Answer{Cause: errPage}
	}
	return table.Answer{Status: table.NotFound}
}

// parse reads the answer to one key.
func parse(body []byte) table.Answer {
	var v any
	// Octets that are not UTF-8 would be read as another text than they are.
	if !utf8.Valid(body) || json.Unmarshal(body, &v) != nil {
		return table.Answer{Cause: errShape}
	}
	if o, is := v.(map[string]any); is {
		values, there := o["values"]
		if _, nested := values.(map[string]any); nested || !there {
			return table.Answer{Cause: errShape}
		}
		v = values
	}
	return answer(v)
}

func answer(v any) table.Answer {
	switch v := v.(type) {
	case nil:
		return table.Answer{Status: table.NotFound}
	case bool:
		if !v {
			return table.Answer{Status: table.NotFound}
		}
		return table.Answer{Status: table.Found}
	case string:
		return found([]any{v})
	case []any:
		if len(v) == 0 {
			return table.Answer{Status: table.NotFound}
		}
		return found(v)
	}
	return table.Answer{Cause: errShape}
}

// found takes a list of texts; an empty one is no value.
func found(list []any) table.Answer {
	if len(list) > maxValues {
		return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, errTooMuch)}
	}
	a := table.Answer{Status: table.Found}
	for _, v := range list {
		text, is := v.(string)
		if !is {
			return table.Answer{Cause: errShape}
		}
		if text != "" {
			a.Values = append(a.Values, text)
		}
	}
	return a
}

// parseAll reads the answers to n keys.
func parseAll(body []byte, n int) ([]table.Answer, error) {
	var all []json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &all) != nil {
		return nil, errShape
	}
	if len(all) != n {
		return nil, errCount
	}
	answers := make([]table.Answer, n)
	for i, one := range all {
		answers[i] = parse(one)
	}
	return answers, nil
}
