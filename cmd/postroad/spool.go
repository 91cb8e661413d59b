package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/spool"
)

// spoolVerbs work on the spool of a server that is stopped.
type spoolVerbs struct {
	Check  spoolCheck  `cmd:"" help:"Read all of it and tell what is damaged, changing nothing."`
	Export spoolExport `cmd:"" help:"Write every message that can be read, though the spool does not open."`
	Repair spoolRepair `cmd:"" help:"Make a new spool of all that can be read; the damaged one stays beside it."`
}

// stopped names the spool of a server that is stopped.
type stopped struct {
	configured
	Data string `placeholder:"DIR" help:"Data folder, instead of the configuration's."`
	JSON bool   `name:"json" help:"One JSON object."`
}

// options find the spool. A configuration with errors still says where it is.
func (s stopped) options() (spool.Options, error) {
	data := s.Data
	if data == "" {
		conf, ds := config.Load(s.Config, config.Options{})
		if data = conf.Data; data == "" && ds.HasErrors() {
			return spool.Options{}, &server.InvalidConfig{Diagnostics: ds, Sources: conf.Sources}
		}
	}
	if data == "" {
		return spool.Options{}, errors.New("the configuration names no data folder; say --data")
	}
	return spool.Options{Dir: filepath.Join(data, "spool")}, nil
}

// stillRunning says what to do about a lock.
func stillRunning(err error) error {
	if errors.Is(err, spool.ErrLocked) {
		return &statusError{status: exitLater, err: fmt.Errorf("%w; stop the server first", err)}
	}
	return err
}

type spoolCheck struct {
	stopped
}

// Run checks; the exit status says whether all is there.
func (v spoolCheck) Run(w *world) error {
	o, err := v.options()
	if err != nil {
		return err
	}
	r, err := spool.Check(o)
	if err != nil {
		return stillRunning(err)
	}
	if err := v.tell(w.stdout, r, r); err != nil {
		return err
	}
	return answer(soundness(r))
}

func soundness(r *spool.Report) int {
	if r.Sound() {
		return exitDone
	}
	return exitNo
}

type spoolExport struct {
	stopped
	To string `arg:"" name:"dir" help:"Folder for ID.eml and ID.json of each message; - for one JSON object a line, content included."`
}

// Run exports; the exit status says whether anything was lost.
func (v spoolExport) Run(w *world) error {
	o, err := v.options()
	if err != nil {
		return err
	}
	var r *spool.Report
	told := w.stdout
	if v.To == "-" {
		told = w.stderr
		r, err = spool.ExportLines(o, w.stdout)
	} else {
		r, err = spool.ExportTo(o, v.To)
	}
	if err != nil {
		return stillRunning(err)
	}
	if err := v.tell(told, r, r); err != nil {
		return err
	}
	return answer(soundness(r))
}

type spoolRepair struct {
	stopped
}

// Run repairs; it is done when the spool opens, whatever was lost.
func (v spoolRepair) Run(w *world) error {
	o, err := v.options()
	if err != nil {
		return err
	}
	done, err := spool.Repair(o)
	if err != nil {
		return stillRunning(err)
	}
	if err := v.tell(w.stdout, done.Report, done); err != nil || v.JSON {
		return err
	}
	if done.Old == "" {
		fmt.Fprintln(w.stdout, "the spool is sound: nothing was done")
	} else {
		fmt.Fprintf(w.stdout, "repaired; the spool as it was is in %s\n", done.Old)
	}
	return nil
}

// tell prints a report, or as JSON the object that it is a part of.
func (s stopped) tell(to io.Writer, r *spool.Report, object any) error {
	if s.JSON {
		out := json.NewEncoder(to)
		out.SetEscapeHTML(false)
		return out.Encode(object)
	}
	fmt.Fprintf(to, "%d messages, %d jobs, %d recipients, %d octets; %d tables, %d blob files, %d body files\n",
		r.Messages, r.Jobs, r.Recipients, r.Bytes, r.Tables, r.Blobs, r.BodyFiles)
	for _, d := range r.Damage {
		word := "damaged"
		if !d.Certain {
			word = "cut off"
		}
		fmt.Fprintf(to, "%s  %s\n", word, d)
	}
	for _, l := range r.Lost {
		fmt.Fprintf(to, "lost     %s\n", lostLine(l))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(to, "wrong    %s\n", p)
	}
	for _, n := range r.Leftovers {
		fmt.Fprintf(to, "left     %s\n", n)
	}
	for _, n := range r.Quarantine {
		fmt.Fprintf(to, "aside    quarantine/%s\n", n)
	}
	return nil
}

func lostLine(l spool.LostMessage) string {
	sender, to := l.Sender, some(l.Recipients)
	if sender == "" {
		sender = "an unknown sender"
	}
	if len(l.Recipients) == 0 {
		to = "unknown recipients"
	}
	line := fmt.Sprintf("%s from %s to %s: %s", l.ID, sender, to, strings.Join(l.Lost, "; "))
	if l.Usable {
		line += "; the rest goes on"
	}
	return line
}
