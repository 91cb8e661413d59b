package main

import (
	"encoding/json"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

type checkVerb struct {
	configured
	JSON bool `name:"json" help:"One JSON object."`
}

// Run checks; only an error makes the answer no.
func (v checkVerb) Run(w *world) error {
	o := server.OpenOffline(w.ctx, v.Config)
	report := explain.Check(o.Subject())
	var err error
	if v.JSON {
		out := json.NewEncoder(w.stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Text(w.stdout, w.palette(), o.Config.Sources)
	}
	if err != nil {
		return err
	}
	if !report.OK() {
		return answer(exitNo)
	}
	return nil
}
