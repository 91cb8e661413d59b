// Package durable writes small files on pebble's file systems, so that a crash
// leaves the old content or the new one, and tells when a name is on the disk.
//
// It knows nothing of what stands in the files, cleans up no file that a crash
// left half written, and does not write what grows: the spool's bodies and
// journals have ways of their own. What the file system says is returned as it
// is; after an error the old content may stand, or the new one.
package durable
