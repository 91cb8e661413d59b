package main

import (
	"github.com/postroad/postroad/internal/lab/demo"
)

type demoVerb struct {
	Config string `short:"c" name:"config" placeholder:"FILE" help:"Another configuration for the server in the middle."`
	Once   bool   `help:"End after the tour."`
}

// Run makes the tour and leaves the small internet running to be played with.
func (v demoVerb) Run(w *world) error {
	return demo.Run(w.ctx, demo.Options{
		Config: v.Config, Version: version(), Output: w.stdout, Palette: w.palette(), Once: v.Once,
	})
}
