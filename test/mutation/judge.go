package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// judge gives the name of the judge that noticed, "" when none did.
func (l *list) judge(m mutation) (string, error) {
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := lay(m, dir)
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-overlay", overlay, "./"+filepath.Dir(m.file))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not compile: %s", out)
	}
	for _, j := range l.judges {
		args := append([]string{j.args[0], "-overlay", overlay}, j.args[1:]...)
		if err := exec.Command("go", args...).Run(); err != nil {
			return j.name, nil
		}
	}
	return "", nil
}

// lay writes the mutated file and the overlay that puts it in its place.
func lay(m mutation, dir string) (string, error) {
	text, err := m.apply()
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, text, 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {abs: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}
