package decide

// Snapshot is compiled Rules: immutable, safe for several goroutines.
type Snapshot struct {
	Rules *Rules
}
