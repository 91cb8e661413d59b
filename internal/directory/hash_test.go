package directory

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

const (
	// "password" with the salt "somesalt".
	argonPassword = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
)

func bcryptOf(t *testing.T, password string) string {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestParseHash(t *testing.T) {
	twoY := "$2y$" + bcryptOf(t, "password")[4:]
	for _, good := range []string{argonPassword, bcryptOf(t, "password"), twoY} {
		h, err := parseHash(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if !h.matches("password") || h.matches("Password") || h.matches("") {
			t.Errorf("%s: matches the wrong ones", good)
		}
	}
	for _, bad := range []string{
		"", "password", "$1$abc", "$2y$", "$2y$99$" + strings.Repeat("a", 53),
		"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1,x=3$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$c2hvcnQ",
		"$argon2id$v=19$m=256,t=2,p=1$*$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		argonPassword + "$",
	} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%q is taken for a hash", bad)
		}
	}
}
