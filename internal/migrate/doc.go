// Package migrate keeps the book of migrations: which addresses `postroad
// migration` moved, back and forth, by whom and when; what was delivered to each
// side since; and whether a cut-over is paused.
//
// The moves are a journal in the data folder, a line for each change with its
// checksum, synced before anybody is told that it is done. What it says is a
// table (Book.Table) like any other, so that decide and deliver look homes up in
// it; a change replaces the table whole and holds for the next look-up. The
// numbers of a migration are a file beside it, written now and then: a crash
// loses the last of them and no move.
//
// The guard watches how many addresses each side does not know. A rise above what
// was usual pauses the domain's cut-over: the share of `percent` stays where it
// is, and moves are refused until somebody resumes. It moves nothing by itself.
//
// It does not know where mail goes; decide does, and deliver tells what became of
// it.
//
// RFCs: 3463 (X.1.1).
//
// Failure: a journal with a damaged line does not open; one whose last line was
// cut off loses that line, which nobody was told of. One of more than 1 GiB does
// not open either (SizeError), and no change makes it that large. A change that cannot be
// synced is refused, and all further ones with ErrBroken until the next start.
package migrate
