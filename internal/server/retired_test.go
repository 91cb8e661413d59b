package server

import (
	"log/slog"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/file"
	"github.com/postroad/postroad/internal/table/remote"
)

func remoteTable(name, query string) *config.Table {
	return &config.Table{Name: name, Kind: "sql", Remote: &config.Remote{
		SQL: &config.SQL{Driver: "sqlite", DSN: &config.Secret{Text: "/nowhere"}, Query: query}}}
}

func (g *generation) isClosed(t *testing.T, i int) bool {
	t.Helper()
	a := g.sources[i].Lookup(t.Context(), "x")
	return a.Cause != nil && a.Cause.Error() == remote.ErrClosed.Error()
}

// A source that is replaced serves on for the transactions that pinned it, and is
// closed at a later reload, or with the server.
func TestRetiredSources(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	open := func(before *generation, tables ...*config.Table) *generation {
		return openGeneration(t.Context(), &config.Config{Tables: tables}, before, file.Options{Log: log})
	}
	first := open(nil, remoteTable("a", "1 ?"), remoteTable("b", "1 ?"))
	second := open(first, remoteTable("a", "1 ?"), remoteTable("b", "2 ?"))
	if second.sources[0] != first.sources[0] || second.sources[1] == first.sources[1] {
		t.Fatal("only the table that changed is opened anew")
	}
	var r retired
	now := time.Now()
	r.take(first, second, now)
	r.take(second, second, now.Add(linger))
	if first.isClosed(t, 1) || second.isClosed(t, 0) {
		t.Error("closed too early")
	}
	r.take(second, second, now.Add(linger+1))
	if !first.isClosed(t, 1) || second.isClosed(t, 0) || second.isClosed(t, 1) || len(r) != 0 {
		t.Error("what was replaced long ago, and nothing else, is closed")
	}
	third := open(second)
	r.take(second, third, now)
	if err := r.close(); err != nil || !second.isClosed(t, 0) || !second.isClosed(t, 1) {
		t.Errorf("closed with the server: %v", err)
	}
}

// A table of a kind that nobody opens defers, it does not end the server.
func TestUnknownKindDefers(t *testing.T) {
	s := sourceOf(&config.Table{Name: "x", Kind: "abacus", Remote: &config.Remote{}}, nil, slog.New(slog.DiscardHandler))
	defer s.Close()
	if a := s.Lookup(t.Context(), "x"); a.Cause == nil {
		t.Errorf("%+v", a)
	}
}
