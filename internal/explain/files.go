package explain

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

// keyFiles finds certificates and directories that cannot be used. Without them
// a door stands there and does not open.
func keyFiles(c *config.Config) []Finding {
	var out []Finding
	for _, l := range c.Listeners {
		ref := decide.Ref{Name: "listener." + l.Name, Source: l.Source}
		for _, f := range l.Certificates {
			if _, err := f.Read(); err != nil {
				out = append(out, about(ref, "certificate cannot be used", f.Chain+": "+reason(err)))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Directories)) {
		d := c.Directories[name]
		if d.Path == "" {
			continue // is asked, not read
		}
		if _, err := config.ReadPlain(d.Path); err != nil {
			out = append(out, about(directoryRef(c, name), "directory cannot be read", d.Path+": "+reason(err)))
		}
	}
	return out
}

func directoryRef(c *config.Config, name string) decide.Ref {
	for i := range c.Rules.Directories {
		if d := &c.Rules.Directories[i]; d.Name == name {
			return decide.Ref{Name: d.Rule(), Source: d.Source}
		}
	}
	return decide.Ref{Name: "directory." + name}
}

// missing finds files and secrets that are not there now. That is a warning: a
// check may run where they are not. What is an error already is not told twice.
func missing(c *config.Config, told []Finding) []Finding {
	var out []Finding
	for _, d := range c.Missing() {
		f := findingOf(d)
		what, _, _ := strings.Cut(f.Summary, ": ")
		_, f.Rule, _ = strings.Cut(what, " of ")
		if !slices.ContainsFunc(told, func(t Finding) bool { return t.Rule == f.Rule }) {
			out = append(out, f)
		}
	}
	return out
}

// reason is an error without the path that is told beside it.
func reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
