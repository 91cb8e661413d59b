// Package salvage reads what is left of a pebble database whose files may be
// damaged, missing or not even known to it any more: its tables, blob files and
// logs, block by block, each held against its checksum. What cannot be read is
// listed with file, place and size; the rest is given as the newest version of
// each key, in order.
//
// It writes nothing, opens no database and knows no record of ours: what a value
// means, and whether it is whole, its caller says (Options.Valid). It stands
// below spool, which builds check, export and repair on it, and which asks it
// before it opens a database whether the database's own reading would pass over
// damage: pebble takes a manifest or a log that cannot be read from some place
// on for one that ends there.
//
// # How it reads
//
// The manifest says which tables and logs count. Without it all that lie in the
// folder do, and the sequence numbers decide; a file that a compaction had
// replaced may then bring back what had ended, never the other way round.
//
// A table's or blob file's index says where its blocks lie. Without it the
// blocks are found by their checksums, one after the other. A value in a blob
// file is found by its address, and when that leads to nothing, by its length
// and by being valid under its key.
//
// A log is read chunk by chunk; after one that is damaged it goes on at the next
// that is whole. A batch counts when all of its chunks are whole. Of one that is
// not, the values that are valid under their keys count, and its deletions do
// not: a deletion has no checksum of its own.
//
// # How it fails
//
// Open fails only when the folder cannot be listed. Damage is no error: it
// stands in Damage.
package salvage
