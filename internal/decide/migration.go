package decide

// Formats of the tables that the server itself keeps; they stand last and have
// no block.
const (
	FormatMoves = "moves" // what `postroad migration` recorded
	FormatAsk   = "ask"   // transports are asked by RCPT
)

// Side of a migration: one of the two systems in which mailboxes of a domain
// live while it moves. The zero side is the one that is left.
type Side uint8

// Sides.
const (
	SideOld Side = iota
	SideNew
)

// String is the word of tables, explanations and the command line: old, new.
func (s Side) String() string {
	if s == SideNew {
		return "new"
	}
	return "old"
}

// Migration of a domain's mailboxes from one transport to another. Where an
// address lives is looked up for each message and again at each attempt, in this
// order: what `postroad migration` recorded, the table, the share, the default.
type Migration struct {
	Source   string  // where the block stands
	New, Old string  // transports
	Homes    TableID // recorded: key an address, value a side; key "@domain", value the most that Percent may be
	Moved    TableID // key an address that lives at New, or that its value names; NoTable
	Default  Side
	Percent  float64    // share of those whom nobody names that live at New, when Default is old
	TryOther bool       // whom one side does not know the other is asked about before mail bounces
	Both     bool       // each message goes to the other side too
	DryRun   bool       // told, not done: mail goes by the domain's deliver
	Forwards []Forwards // what the systems are known to forward; a Walker asks, no decision does
}

// Forwards is what the system at one side is known to forward: key an address,
// values where to.
type Forwards struct {
	Side  Side
	Table TableID
}

// Transport of a side.
func (m *Migration) Transport(s Side) string {
	if s == SideNew {
		return m.New
	}
	return m.Old
}
