package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/internal/server"
)

// importVerbs carry configurations of other servers over.
type importVerbs struct {
	Postfix importPostfixVerb `cmd:"" help:"A Postfix configuration: main.cf, master.cf and the tables that they name."`
}

type importPostfixVerb struct {
	Dir      string `arg:"" help:"Folder of main.cf."`
	Out      string `short:"o" placeholder:"FOLDER" help:"Where to write; without it the configuration goes to stdout, and the report to stderr."`
	Hostname string `placeholder:"NAME" help:"What Postfix would take for myhostname where main.cf sets none; this machine's name."`
}

// reportName is the file of the report in the output folder.
const reportName = "report.txt"

// Run writes the configuration and the report. A difference that the report has
// no reason for makes the answer no.
func (v importPostfixVerb) Run(w *world) error {
	if v.Hostname == "" {
		v.Hostname, _ = os.Hostname()
	}
	in, err := postfix.Read(v.Dir, postfix.Options{Hostname: v.Hostname})
	if err != nil {
		return err
	}
	result := postfix.Import(in)
	folder := v.Out
	if folder == "" {
		if folder, err = os.MkdirTemp("", "postroad-import-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	}
	if err := result.Write(folder); err != nil {
		return err
	}
	same, err := v.compare(w, result, folder)
	if err != nil {
		return err
	}
	if err := v.print(w, result, same, folder); err != nil {
		return err
	}
	if len(same.Unlisted()) > 0 {
		return answer(exitNo)
	}
	return nil
}

// compare asks the configuration that was written.
func (v importPostfixVerb) compare(w *world, result *postfix.Result, folder string) (postfix.Equivalence, error) {
	src, err := server.OpenOffline(w.ctx, filepath.Join(folder, postfix.ConfigName)).Source()
	if err != nil {
		return postfix.Equivalence{}, err
	}
	return result.Compare(w.ctx, func(ctx context.Context, q explain.Query) (explain.Result, error) {
		return explain.Route(ctx, src, q)
	}, result.Probes())
}

func (v importPostfixVerb) print(w *world, result *postfix.Result, same postfix.Equivalence, folder string) error {
	if v.Out == "" {
		if _, err := w.stdout.Write([]byte(result.Config)); err != nil {
			return err
		}
		return result.Report(w.stderr, same)
	}
	f, err := os.Create(filepath.Join(folder, reportName))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := result.Report(f, same); err != nil {
		return err
	}
	return result.Report(w.stdout, same)
}
