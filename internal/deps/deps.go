// Package deps pins modules while rooms are being filled; it goes away with the first release.
package deps

import (
	_ "github.com/agext/levenshtein"
	_ "github.com/alecthomas/kong"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/gaissmai/bart"
	_ "github.com/hashicorp/hcl/v2/gohcl"
	_ "github.com/hashicorp/hcl/v2/hclparse"
	_ "github.com/miekg/dns"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/crypto/bcrypt"
	_ "golang.org/x/net/idna"
	_ "pgregory.net/rapid"
)
