package server

import (
	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/queue"
)

// profiles reads retries and limits of transports from the current generation.
type profiles struct{ current func() *config.Config }

// Profile gives the profile of a transport; one that vanished has the default.
func (p profiles) Profile(transport string) queue.Profile {
	c := p.current()
	name, connections := defaultName, 0
	if t := c.Transports[transport]; t != nil {
		connections = t.Connections
		if c.Retries[t.Retry] != nil {
			name = t.Retry
		}
	}
	r := c.Retries[name]
	return queue.Profile{After: r.After, Then: r.Then, Warn: r.Warn, GiveUp: r.GiveUp, Connections: connections}
}
