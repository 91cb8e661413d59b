package postfix

import (
	"strings"
)

// Service is one line of master.cf.
type Service struct {
	Name      string // "smtp", "127.0.0.1:10025", "submission"
	Type      string // inet, unix, fifo, pass, unix-dgram
	Command   string // smtpd, smtp, pipe, …
	Args      []string
	Overrides []Setting // -o name=value, in order
	File      string
	Line      int
}

// ParseMaster reads master.cf. What is no service is in the second answer.
func ParseMaster(file, text string) (services []Service, broken []Setting) {
	for _, l := range logicalLines(text) {
		f := strings.Fields(l.text)
		if len(f) < 8 {
			broken = append(broken, Setting{Value: l.text, File: file, Line: l.number})
			continue
		}
		s := Service{Name: f[0], Type: f[1], Command: f[7], File: file, Line: l.number}
		s.arguments(fields(strings.Join(f[8:], " "), " \t"))
		services = append(services, s)
	}
	return services, broken
}

// arguments takes the overrides out: "-o name=value" and "-o {name = value}"
// (master(5)).
func (s *Service) arguments(args []string) {
	for i := 0; i < len(args); i++ {
		text, is := strings.CutPrefix(args[i], "-o")
		if !is {
			s.Args = append(s.Args, args[i])
			continue
		}
		if text == "" {
			if i++; i >= len(args) {
				return
			}
			text = args[i]
		}
		text, _ = unbraced(text)
		if name, value, ok := strings.Cut(text, "="); ok {
			s.Overrides = append(s.Overrides, Setting{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), File: s.File, Line: s.Line})
		}
	}
}

// isSMTPServer tells a service that takes mail from the network.
func (s *Service) isSMTPServer() bool {
	return s.Type == "inet" && (s.Command == "smtpd" || s.Command == "postscreen")
}

// isClient tells a delivery agent that speaks SMTP or LMTP.
func (s *Service) isClient() bool {
	return (s.Type == "unix" || s.Type == "fifo") && (s.Command == "smtp" || s.Command == "lmtp")
}
