// Command relay measures mail servers side by side in one run: a load source,
// the server with its normal durable queue, and a counting sink, all on
// loopback. Runs of the servers are interleaved and the medians and their ratio
// are printed as Markdown tables, so that a drift of the machine falls on all.
//
// It is an instrument and no part of the product: the source and the sink are
// its own, so that neither side is judged by postroad's code, and smtp-source and
// smtp-sink stand in for them as a cross-check. The sink checks the octets of
// each body. It needs root (the peer is Postfix from Debian's package, in a
// folder of its own) and binds loopback only.
//
// CPU and octets written are those of the server's processes, as the kernel
// counts them (/proc/PID/stat and io); what the file system's journal writes on
// its own account is in neither.
package main
