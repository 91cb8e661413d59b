package equivalence

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/importer/postfix"
)

// hostname is what a main.cf without myhostname would take.
const hostname = "this.machine.example"

// startPostroad imports the configuration and serves what came out, at a door of
// ours.
func (w *world) startPostroad() error {
	in, err := postfix.Read(w.Conf, postfix.Options{Hostname: hostname})
	if err != nil {
		return err
	}
	w.imported = postfix.Import(in)
	w.captures.delimiters = in.Main.Get("recipient_delimiter")
	out := filepath.Join(w.Dir, "imported")
	if err := run(w.Postroad, "import", "postfix", w.Conf, "-o", out, "--hostname", hostname); err != nil {
		return err
	}
	path := filepath.Join(out, postfix.ConfigName)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(text) != w.imported.Config {
		return fmt.Errorf("the command writes another configuration than the package")
	}
	port := 4002
	moved := regexp.MustCompile(`(?m)^(\s+bind\s+= )\[.*\]( #.*)?$`).ReplaceAllStringFunc(string(text), func(line string) string {
		defer func() { port++ }()
		return fmt.Sprintf("%s= [\"127.0.0.1:%d\"]", strings.Split(line, "=")[0], port)
	})
	if err := os.WriteFile(path, []byte(moved), 0o644); err != nil {
		return err
	}
	log, err := os.Create(w.logPath())
	if err != nil {
		return err
	}
	cmd := exec.Command(w.Postroad, "serve", "-c", path)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+authorityPath)
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := waitFor(15*time.Second, func() error { return greets(postroadDoor) }); err != nil {
		text, _ := os.ReadFile(w.logPath())
		return fmt.Errorf("%w\n%s\n%s", err, text, moved)
	}
	return nil
}

func (w *world) logPath() string { return filepath.Join(w.Dir, "postroad.log") }

// postroadQueue gives what waits, once all was tried.
func (w *world) postroadQueue() (map[string]bool, error) {
	out, err := exec.Command(w.Postroad, "queue", "list", "--json", "-c", filepath.Join(w.Dir, "imported")).Output()
	if err != nil {
		return nil, fmt.Errorf("queue list: %w", err)
	}
	waiting := map[string]bool{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var job struct {
			ID       string
			Attempts int
		}
		switch err := d.Decode(&job); {
		case err == io.EOF:
			return waiting, nil
		case err != nil:
			return nil, err
		case job.Attempts == 0:
			return nil, fmt.Errorf("%s was not tried yet", job.ID)
		}
		waiting[job.ID] = true
	}
}
