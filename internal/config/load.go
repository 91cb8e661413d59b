package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
)

// maxSource bounds one file of the configuration; a million domains fit.
const maxSource = 256 << 20

// Options of Load.
type Options struct {
	// Serving asks for what a server cannot run without (hostname, data, a
	// listener); without it their absence is a warning.
	Serving bool
}

// Load reads the configuration at path: a file, or a folder whose *.hcl files are
// read as one in the order of their names. It gives all there is to say, in the
// order of files and lines. The Config is never nil, so that diagnostics can be
// shown with its Sources, but it may be used only when there are no errors.
func Load(path string, opts Options) (*Config, Diagnostics) {
	l := newLoader(path, opts)
	if l.readSources() {
		l.load()
	}
	out := make(Diagnostics, len(l.diags))
	for i, d := range l.diags {
		out[i] = *d
	}
	return l.config, out.Sort()
}

// loader is the state of one Load.
type loader struct {
	opts   Options
	schema *schema
	config *Config
	folder string // of the configuration; relative paths start here
	names  []string

	diags  []*Diagnostic
	errors int

	root     *block
	blocks   map[string][]*block            // by type, in file order
	declared map[string]map[string]*declare // by type and name
	defaults map[*field]any
	tableIDs map[string]decide.TableID
	scope    string // tenant in which names are looked up
}

func newLoader(path string, opts Options) *loader {
	return &loader{
		opts: opts, schema: newSchema(), folder: path,
		config:   &Config{Path: path, Sources: map[string][]byte{}, places: map[string]Range{}, srs: &srsSecrets{}},
		blocks:   map[string][]*block{},
		declared: map[string]map[string]*declare{},
		defaults: map[*field]any{},
		tableIDs: map[string]decide.TableID{},
	}
}

// readSources reads the files into Config.Sources, by names relative to the
// folder.
func (l *loader) readSources() bool {
	info, err := os.Stat(l.config.Path)
	if err != nil {
		l.errorf(hcl.Range{}, "the configuration cannot be read: %v", err)
		return false
	}
	if !info.IsDir() {
		l.folder = filepath.Dir(l.config.Path)
		l.names = []string{filepath.Base(l.config.Path)}
	} else if l.names, err = hclFiles(l.config.Path); err != nil {
		l.errorf(hcl.Range{}, "the configuration cannot be read: %v", err)
		return false
	}
	if len(l.names) == 0 {
		l.errorf(hcl.Range{}, "there is no *.hcl file in %s", l.config.Path)
		return false
	}
	before := l.errors
	hash := sha256.New()
	for _, name := range l.names {
		src, err := readSource(filepath.Join(l.folder, name))
		if err != nil {
			l.errorf(hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}, "the file cannot be read: %v", err)
			continue
		}
		l.config.Sources[name] = src
		fmt.Fprintf(hash, "%d %s %d\n", len(name), name, len(src))
		hash.Write(src)
	}
	l.config.Generation = hex.EncodeToString(hash.Sum(nil))[:16]
	return l.errors == before
}

func hclFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") && !e.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// readSource reads one file. Pipes are read too, so that -c /dev/stdin and
// <(…) work; a person who names one waits for it knowingly.
func readSource(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err == nil && len(src) > maxSource {
		err = fmt.Errorf("larger than %d octets", maxSource)
	}
	return src, plain(err)
}

// plain takes the path off an error that is told beside its place.
func plain(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// load judges the sources.
func (l *loader) load() {
	var bodies []*hclsyntax.Body
	whole := true
	for _, name := range l.names {
		body, ok := l.parse(name, l.config.Sources[name])
		bodies = append(bodies, body)
		whole = whole && ok
	}
	if !whole {
		return
	}
	l.declare(bodies)
	l.decodeAll()
	l.build()
	if l.errors == 0 {
		l.compile()
	}
}
