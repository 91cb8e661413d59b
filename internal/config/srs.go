package config

import (
	"strings"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/trust/srs"
)

// SRS is the secrets of a scheme. The first one signs, all verify.
type SRS struct {
	Name    string
	Secrets []*Secret
}

// srsSecrets are secrets that were read.
type srsSecrets struct {
	mu   sync.Mutex // guards what follows
	read map[string][][]byte
	at   time.Time // of the last time that one could not be read
}

// secretAgain is the pause before a secret that is not there is looked for again.
const secretAgain = time.Second

// SRSSecrets gives the secrets by the name of their scheme, read when they are first
// needed. A scheme with a secret that is not there now has none, since an address
// that only some of its secrets can verify would be refused for good.
func (c *Config) SRSSecrets() map[string][][]byte {
	if len(c.SRS) == 0 {
		return nil
	}
	s := c.srs
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.read) == len(c.SRS) || !s.at.IsZero() && time.Since(s.at) < secretAgain {
		return s.read
	}
	read := make(map[string][][]byte, len(c.SRS))
	for _, one := range c.SRS {
		if secrets := one.secrets(); secrets != nil {
			read[one.Name] = secrets
		}
	}
	s.read, s.at = read, time.Now()
	return read
}

// secrets reads all of a scheme, nil when one is not there. A file has one in each
// line, as postsrsd reads it.
func (s *SRS) secrets() [][]byte {
	var out [][]byte
	for _, secret := range s.Secrets {
		text, err := secret.Read()
		if err != nil {
			return nil
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				out = append(out, []byte(line))
			}
		}
	}
	return out
}

func srsSpec() *blockSpec {
	return &blockSpec{name: "srs", doc: "A sender of ours for mail that an alias forwards to a foreign domain, and the way back for reports (Sender Rewriting Scheme). \"default\" serves wherever a domain names no other.", fields: []field{
		{name: "domain", typ: typeDomain, required: true, doc: "Domain of the addresses; its MX leads here. It may be hosted, or be nothing else.", example: `"srs.example.com"`},
		{name: "secret", typ: typeSecrets, required: true, doc: "Secrets, one in each line of a file: the first one signs, all verify.", example: `[file("srs.key"), file("srs.old.key")]`},
		{name: "separator", typ: typeWord, words: []string{"=", "+", "-"}, def: `"="`, doc: "What stands behind SRS0 and SRS1.", example: `"="`},
		{name: "accept", typ: typeWord, words: []string{"reports", "all"}, def: `"reports"`, doc: "Who may send to such an address: `reports`, with the null sender; or `all`, as postsrsd has it.", example: `"reports"`},
		{name: "arc", typ: typeLater, doc: "A seal on what is forwarded."},
	}}
}

// schemeDomain holds the domain of a scheme against whose it is.
func (l *loader) schemeDomain(b *block, d mail.Domain) {
	hosted := l.declared["domain"][string(d)]
	switch {
	case b.bad:
	case b.tenant != "" && !l.isBelow(string(d), b.tenant):
		l.reaches(b, b.place("domain"), "domain "+string(d)+" is none of its own, nor below one")
	case b.tenant == "" && hosted != nil && hosted.block != nil && hosted.block.tenant != "":
		l.errorf(b.place("domain"), "domain %s belongs to %s", d, owner(hosted.block.tenant)).
			hint("a tenant has an srs block of its own")
	}
}

// buildSRS builds the schemes.
func (l *loader) buildSRS(rules *decide.Rules) {
	taken := map[mail.Domain]*block{}
	for _, b := range l.blocks["srs"] {
		d := get[mail.Domain](b, "domain")
		l.schemeDomain(b, d)
		if first := taken[d]; first != nil && d != "" {
			l.errorf(b.place("domain"), "domain %s has the addresses of another srs block", d).detail("first at %s", where(first.at))
			continue
		}
		taken[d] = b
		one := &SRS{Name: b.name, Secrets: get[[]*Secret](b, "secret")}
		if len(one.Secrets) == 0 && !b.bad {
			l.errorf(b.place("secret"), "srs %q has no secret", b.name)
		}
		for _, s := range one.Secrets {
			l.needSecret(b, "secret", s)
		}
		l.config.SRS = append(l.config.SRS, one)
		rule := decide.SRS{Ref: refOf(b), Tenant: b.tenant, Name: b.name, Domain: d, Separator: srs.DefaultSeparator, Anybody: get[string](b, "accept") == "all"}
		if sep := get[string](b, "separator"); sep != "" {
			rule.Separator = sep[0]
		}
		rules.SRS = append(rules.SRS, rule)
	}
}
