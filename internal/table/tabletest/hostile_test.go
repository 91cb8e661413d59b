package tabletest

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHostileKeys(t *testing.T) {
	keys := HostileKeys()
	if len(keys) < 200 {
		t.Errorf("%d keys", len(keys))
	}
	for _, k := range keys {
		if k == "" || !utf8.ValidString(k) || strings.ContainsAny(k, "\x00\r\n") {
			t.Errorf("%q does not belong here", k)
		}
	}
}
