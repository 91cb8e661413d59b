package main

import "fmt"

type reloadVerb struct {
	configured
}

// Run reloads the running server, or tells why it goes on as before.
func (v reloadVerb) Run(w *world) error {
	client, err := v.client(w)
	if err != nil {
		return err
	}
	generation, err := client.Reload(w.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "generation %s\n", generation)
	return err
}
