// Package postfix carries a Postfix configuration over into one of postroad's:
// main.cf, master.cf and the text sources of the tables that they name.
//
// Read reads the files (ParseMain, ParseMaster, tables), Import writes blocks with
// comments that say where each line came from and lists what was not carried
// over, Compare asks Model, which answers as smtpd(8), cleanup(8),
// trivial-rewrite(8) and local(8) would, and the new configuration about every
// address of the tables and some around it. Each parameter of main.cf is either
// carried over or listed; every difference of the answers is listed or is told
// as one without a reason.
//
// It starts no program and asks no DNS, copies no password into the configuration
// (secrets get files of their own), and reads no index: a hash:, lmdb: or cdb:
// table is its text source. For a copy of a configuration no other file of the
// machine is read.
//
// Manual pages: postconf(5), master(5), postmap(1), transport(5), virtual(5),
// aliases(5), access(5), canonical(5), regexp_table(5), pcre_table(5),
// cidr_table(5), header_checks(5).
//
// RFCs: 5321 s4.5.1 (postmaster).
//
// Failure: only a folder without a readable main.cf is an error; what cannot be
// read or said is listed.
package postfix
