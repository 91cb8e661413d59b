package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// Limits that apply to a tenant's mail. How far its rate and its share of the queue
// are used up only the running server knows, and only when the mail comes.
type Limits struct {
	Rule       string `json:"rule"` // "tenant.acme"
	Source     string `json:"source"`
	Messages   string `json:"messages,omitempty"`         // "5000/h"
	Queue      int    `json:"queue,omitempty"`            // jobs
	Recipients int    `json:"recipients,omitempty"`       // of a transaction
	MaxSize    int64  `json:"max_message_size,omitempty"` // octets
}

// limits are those of the tenant whose mail it is, nil for none.
func (r *route) limits(tenant string) *Limits {
	c := r.src.Generation.Config
	t := c.Tenants[tenant]
	if t == nil {
		return nil
	}
	out := Limits{Messages: rateText(t.Messages), Queue: t.Queue, Recipients: t.Recipients}
	for _, rule := range c.Rules.Tenants {
		if rule.Name == t.Name {
			out.MaxSize = rule.MaxSize
		}
	}
	if out == (Limits{}) {
		return nil
	}
	out.Rule, out.Source = "tenant."+t.Name, t.Source
	return &out
}

// rateText writes a rate as the configuration does.
func rateText(r config.Rate) string {
	if r.Count == 0 {
		return ""
	}
	units := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h"}
	return fmt.Sprintf("%d/%s", r.Count, orElse(units[r.Per], "d"))
}

func (l *Limits) line(p Palette) string {
	number := func(name string, n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%s %d", name, n)
	}
	all := nonEmpty(prefixed("messages ", l.Messages), number("queue", int64(l.Queue)), number("recipients", int64(l.Recipients)),
		number("max_message_size", l.MaxSize))
	return l.Rule + " " + p.faint(bracket(l.Source)) + "  " + strings.Join(all, ", ")
}
