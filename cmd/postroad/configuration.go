package main

import (
	"errors"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
)

// configured is the flag that names the configuration.
type configured struct {
	Config string `short:"c" name:"config" env:"POSTROAD_CONFIG" default:"/etc/postroad" placeholder:"FILE" help:"Configuration: a file or a folder (${env}; ${default})."`
}

// client finds the running server by the data folder of the configuration. One
// that has errors still says where that is, as long as it can be read at all:
// the server runs on under the one before.
func (c configured) client(*world) (*control.Client, error) {
	conf, ds := config.Load(c.Config, config.Options{})
	if conf.Data != "" {
		return control.NewClient(conf.Data), nil
	}
	if ds.HasErrors() {
		return nil, &server.InvalidConfig{Diagnostics: ds, Sources: conf.Sources}
	}
	return nil, errors.New("the configuration names no data folder, so no server can be found")
}
