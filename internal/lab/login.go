package lab

import (
	"encoding/base64"
	"strings"
)

// auth is AUTH PLAIN and LOGIN (RFC 4954).
func (s *session) auth(arg string) error {
	s.wait("AUTH")
	if s.r.config.Logins == nil || s.login != "" || !s.extended || s.message != nil {
		return s.bad("503 5.5.1 not now", "AUTH where it is not offered")
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var name, pass string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		name, pass, err = s.plainLogin(initial)
	case "LOGIN":
		name, pass, err = s.twoStepLogin(initial)
	default:
		return s.bad("504 5.5.4 unknown mechanism", "AUTH %q was not offered", mechanism)
	}
	if err != nil {
		return err
	}
	want, known := s.r.config.Logins[name]
	usual := "535 5.7.8 wrong name or password"
	if known && want == pass {
		usual = "235 2.7.0 welcome"
	}
	said, err := s.say(Auth, name, usual)
	if said.positive() {
		s.login = name
	}
	return err
}

// plainLogin reads authzid NUL name NUL password (RFC 4616).
func (s *session) plainLogin(initial string) (name, pass string, err error) {
	answer, err := s.challenge("", initial)
	if parts := strings.Split(answer, "\x00"); err == nil && len(parts) == 3 {
		return parts[1], parts[2], nil
	}
	return "", "", err
}

func (s *session) twoStepLogin(initial string) (name, pass string, err error) {
	if name, err = s.challenge("Username:", initial); err != nil {
		return "", "", err
	}
	pass, err = s.challenge("Password:", "")
	return name, pass, err
}

// challenge gives the client's answer, or its initial response.
func (s *session) challenge(text, initial string) (string, error) {
	if initial == "" {
		if err := s.plain("334 " + base64.StdEncoding.EncodeToString([]byte(text))); err != nil {
			return "", err
		}
		var err error
		if initial, err = s.command(); err != nil {
			return "", err
		}
	}
	if initial == "=" { // RFC 4954 s4: an empty initial response
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		s.violated("AUTH: %q is not base64", initial)
		return "", nil
	}
	return string(raw), nil
}
