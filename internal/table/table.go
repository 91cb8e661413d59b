package table

import "context"

// Status is one of three answers. The zero Status is TryLater, so that an
// answer that nobody filled in defers.
type Status uint8

// The three answers.
const (
	TryLater Status = iota
	Found
	NotFound
)

// Answer to one key. Values is set only when Found; a set answers Found with no
// values. Source says where it stands ("aliases:12"), Cause why TryLater.
type Answer struct {
	Status Status
	Values []string
	Source string
	Cause  error
}

// Resident is the content of one version of a table, in memory. Look-ups are
// pure, take nanoseconds and may run at the same time.
type Resident interface {
	// Lookup answers key, which is in lower case. Never TryLater.
	Lookup(key string) Answer
	// Whole tells that keys are tested against patterns (regexp, cidr): only
	// whole addresses are asked, no parts of them (regexp_table(5)).
	Whole() bool
	// Len is the number of entries.
	Len() int
}

// Source is a table that must be asked over something that can fail.
type Source interface {
	Lookup(ctx context.Context, key string) Answer
}

// Batch is a Source that answers several keys at once, in one exchange where its
// protocol can.
type Batch interface {
	Source
	// LookupAll gives the answers in the order of the keys.
	LookupAll(ctx context.Context, keys []string) []Answer
}

// Version is one table as pinned for a transaction. Content nil means that the
// content is not there (never loaded): every key is TryLater with Cause.
type Version struct {
	Name    string
	Content Resident // nil: remote or unavailable
	Remote  Source   // nil: not remote
	Cause   error    // why Content is missing
}

// View is the pinned versions of all tables of a snapshot, by their index in
// decide.Snapshot.Tables.
type View []Version
