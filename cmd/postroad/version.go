package main

import (
	"fmt"
	"runtime/debug"
)

type versionVerb struct{}

// Run prints the version.
func (versionVerb) Run(w *world) error {
	_, err := fmt.Fprintln(w.stdout, "postroad", version())
	return err
}

// version is what the build knows of itself: a tag, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && info.Main.Version == "(devel)" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return info.Main.Version
}
