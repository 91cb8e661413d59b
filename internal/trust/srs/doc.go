// Package srs writes and reads the addresses of the Sender Rewriting Scheme
// (draft "Sender Rewriting Scheme", S. Meng Wong, 2003; the pages of libsrs2): who
// forwards mail sends it under an address of his own, which leads back to the sender
// of the mail, so that SPF holds at the next host and bounces find their way.
//
//	SRS0=HHHH=TT=example.org=ann@forwarder.example
//	SRS1=HHHH=forwarder.example==HHHH=TT=example.org=ann@second.example
//
// HHHH is the start of an HMAC-SHA1 in base64, TT the day in base32. The format is
// that of Mail::SRS and postsrsd, which read what is written here and the other
// way round.
//
// It is pure: the day and the secrets are arguments. It does not know for which mail
// an address is written, nor who may send to one.
//
// Standards: RFC 2104 (HMAC), RFC 4648 (base64, base32), RFC 5321 s4.5.3.1.1 (64
// octets of a local part).
//
// Failure: an error of this package, and the zero address. A forged or an old
// address is never read.
package srs
