package explain

// Palette colours words on a terminal. The zero Palette leaves them as they are.
type Palette struct{ on bool }

// Colours is the palette of a terminal.
func Colours() Palette { return Palette{on: true} }

func (p Palette) good(s string) string   { return p.paint("32", s) }
func (p Palette) bad(s string) string    { return p.paint("31", s) }
func (p Palette) unsure(s string) string { return p.paint("33", s) }
func (p Palette) faint(s string) string  { return p.paint("2", s) }
func (p Palette) strong(s string) string { return p.paint("1", s) }

func (p Palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
