package decide

// Keep is how a transport tells its next hop the recipient as the client gave it.
type Keep string

// Ways of telling it. The zero one is KeepORCPT where the protocol has it, and
// nothing elsewhere.
const (
	KeepORCPT       Keep = "orcpt" // RFC 3461 s4.2, to a host that offers DSN
	KeepXOriginalTo Keep = "x-original-to"
	KeepDeliveredTo Keep = "delivered-to"
)

// Field is the header field in front of the message that tells it; "" for none.
func (k Keep) Field() string {
	switch k {
	case KeepXOriginalTo:
		return "X-Original-To"
	case KeepDeliveredTo:
		return "Delivered-To"
	}
	return ""
}
