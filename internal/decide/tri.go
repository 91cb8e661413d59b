package decide

// tri is the answer of a condition. The zero tri is no.
type tri uint8

const (
	no      tri = iota
	yes         // it holds
	later       // depends on the message, which has not come yet
	unknown     // a table could not answer
)

// not turns yes and no round; what cannot be told stays so.
func not(t tri) tri {
	switch t {
	case no:
		return yes
	case yes:
		return no
	}
	return t
}

// and joins attributes of one block: no decides alone. What waits for the message
// outweighs a table that is down, since the message may yet make it a no.
func and(a, b tri) tri {
	if a == no || b == no {
		return no
	}
	return open(a, b, yes)
}

// or joins alternatives: yes decides alone.
func or(a, b tri) tri {
	if a == yes || b == yes {
		return yes
	}
	return open(a, b, no)
}

// open gives what is open of a and b, or closed when both are told.
func open(a, b, closed tri) tri {
	switch {
	case a == later || b == later:
		return later
	case a == unknown || b == unknown:
		return unknown
	}
	return closed
}

// told turns a Go condition into an answer.
func told(holds bool) tri {
	if holds {
		return yes
	}
	return no
}
