package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

var errNoHome = errors.New("verify: where the mailbox lives cannot be told")

// Source asks by one configuration; it satisfies table.Source. The keys are
// addresses.
type Source struct {
	Verifier *Verifier
	Config   *config.Config
	View     table.View // of the configuration, for the homes of addresses
}

// Lookup asks where the address lives and, where the migration tries the other
// side, there too: it exists when one side knows it, and does not when both that
// can be asked say so.
func (s Source) Lookup(ctx context.Context, key string) table.Answer {
	at := strings.LastIndexByte(key, '@')
	if at < 0 {
		return table.Answer{Status: table.NotFound, Source: "ask"} // nobody's address
	}
	a := mail.Address{Local: key[:at], Domain: mail.Domain(key[at+1:])}
	h, status := deliver.HomeOf(ctx, s.Config.Snapshot, s.View, a)
	ask := s.Config.Asks[h.Block]
	if status != table.Found || ask == nil {
		return table.Answer{Status: table.TryLater, Cause: errNoHome}
	}
	ctx, cancel := context.WithTimeout(ctx, ask.Timeout)
	defer cancel()
	said := s.ask(ctx, ask, h.Transport, a)
	if said.Status == table.NotFound && h.TryOther {
		said = s.ask(ctx, ask, h.Other, a)
	}
	return said
}

// ask answers for one transport: from what is known, as long as that is fresh,
// else by asking, else from what is known as long as it serves.
func (s Source) ask(ctx context.Context, o *config.Ask, transport string, a mail.Address) table.Answer {
	v, at := s.Verifier, place{transport, a.Key()}
	old, known := v.cache.get(at)
	fresh, serves := o.UnknownRefresh, o.Unknown
	if old.exists {
		fresh, serves = o.KnownRefresh, o.Known
	}
	age := v.o.Now().Sub(old.at)
	if known && age < fresh {
		return said(old.exists, "transport."+transport)
	}
	probed, err := v.probe(ctx, deliver.Probe{Config: s.Config, Transport: transport, Sender: o.Sender, Recipient: a})
	if err == nil && probed.Status != table.TryLater {
		exists := probed.Status == table.Found
		if err := v.cache.keep(at, answer{v.o.Now(), exists}); err != nil {
			v.o.Log.Error("an answer about a recipient cannot be written", "error", err)
		}
		return said(exists, "transport."+transport+" at "+probed.Remote)
	}
	v.counters.Failed.Add(1)
	switch {
	case known && age < serves:
		v.counters.Stale.Add(1)
		return said(old.exists, "transport."+transport+", stale")
	case err == nil && s.isBackup(transport) && probed.Away:
		return said(true, "transport."+transport+": no better MX answers")
	case err == nil:
		err = fmt.Errorf("transport.%s: %s", transport, probed.Reply)
	}
	return table.Answer{Status: table.TryLater, Cause: err}
}

// isBackup: a hosted domain that is delivered by its MX has better ones than us.
// That we are the best MX ourselves, or that DNS does not answer, is no reason to
// take mail: nobody is away then.
func (s Source) isBackup(transport string) bool {
	t := s.Config.Transports[transport]
	return t != nil && t.Kind == decide.KindMX
}

func said(exists bool, source string) table.Answer {
	if exists {
		return table.Answer{Status: table.Found, Source: source}
	}
	return table.Answer{Status: table.NotFound, Source: source}
}
