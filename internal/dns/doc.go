// Package dns is the caching resolver: MX and addresses with their TTL and the
// AD flag, positive and negative cache, over a configured set of servers. The
// zones for tests are in dnstest.
//
// It does not know of transports or of mail's meaning of an empty answer; that
// stands in deliver.
//
// A Stub asks recursive servers by UDP with EDNS0, by TCP when the reply is
// truncated, and believes only what answers its own question. Equal questions at
// the same time share a query.
//
// RFCs: 1035, 2308 (negative cache), 5452 (which replies to believe), 6891
// (EDNS0), 7505 (null MX is passed on as it stands); 8767 is not followed (stale
// answers are not served).
//
// Failure: whatever is not a clear denial by a server is Temporary, and is kept
// for five seconds so that a silent server is not waited for again and again.
package dns
