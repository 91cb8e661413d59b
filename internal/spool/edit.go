package spool

// Edit of a stored body: Len octets At an offset are left out, and Text stands in
// their place. The body itself never changes.
type Edit struct {
	At   int64
	Len  int
	Text string
}

func appendEdits(b []byte, edits []Edit) []byte {
	b = appendInt(b, int64(len(edits)))
	for _, e := range edits {
		b = appendString(appendInt(appendInt(b, e.At), int64(e.Len)), e.Text)
	}
	return b
}

// edits reads what appendEdits wrote. They are in order and do not overlap; else
// the record is damaged.
func (d *decoder) edits() []Edit {
	var out []Edit
	end := int64(0)
	for range d.count() {
		e := Edit{At: d.int(), Len: int(d.int()), Text: d.string()}
		if e.At < end || e.Len < 0 || e.At+int64(e.Len) < e.At {
			d.bad = true
			return nil
		}
		end = e.At + int64(e.Len)
		out = append(out, e)
	}
	d.bad = d.bad || len(out) == 0 // it would have been written otherwise
	return out
}
