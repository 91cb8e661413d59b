package config

import (
	"bytes"
	"strconv"
	"strings"
)

// Locate gives the range of the rule that a decision or a log line names by its
// source ("postroad.hcl:31"): the header of the block, or the whole line where no
// block begins. ok is false for what stands in no file of the configuration, as
// "builtin" and lines of tables.
func (c *Config) Locate(source string) (r Range, ok bool) {
	if r, ok = c.places[source]; ok {
		return r, true
	}
	i := strings.LastIndexByte(source, ':')
	if i < 0 {
		return Range{}, false
	}
	src, known := c.Sources[source[:i]]
	line, err := strconv.Atoi(source[i+1:])
	if !known || err != nil || line < 1 {
		return Range{}, false
	}
	begin := 0
	for n := 1; n < line; n++ {
		next := bytes.IndexByte(src[begin:], '\n')
		if next < 0 {
			return Range{}, false
		}
		begin += next + 1
	}
	text, _, _ := bytes.Cut(src[begin:], []byte("\n"))
	indent := len(text) - len(bytes.TrimLeft(text, " \t"))
	text = bytes.TrimSpace(text)
	from := Pos{Line: line, Column: indent + 1, Byte: begin + indent}
	return Range{File: source[:i], Start: from,
		End: Pos{Line: line, Column: from.Column + len(text), Byte: from.Byte + len(text)}}, true
}
