// Package dns is the caching resolver: MX and addresses with their TTL and the
// AD flag, positive and negative cache, over a configured set of servers. The
// zones for tests are in dnstest.
//
// It does not know of transports or of mail's meaning of an empty answer; that
// stands in deliver.
//
// RFCs: 1035, 2308 (negative cache), 7505 (null MX is passed on as it stands),
// 8767 is not followed (stale answers are not served).
package dns
