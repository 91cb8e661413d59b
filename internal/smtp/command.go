package smtp

import "github.com/postroad/postroad/internal/mail"

// Verb of a command.
type Verb uint8

// Verbs. Those that belong to other protocols are known so that a session with
// a web browser's request ends at once.
const (
	Unknown Verb = iota
	HELO
	EHLO
	MAIL
	RCPT
	DATA
	BDAT
	RSET
	NOOP
	QUIT
	VRFY
	EXPN
	HELP
	STARTTLS
	AUTH
	Foreign // GET, POST, …: not a mail client
)

// Command is one parsed line: the verb and what follows it, without the spaces
// between and after.
type Command struct {
	Verb Verb
	Arg  string
}

// ParseCommand reads a line without its CR LF. Verbs are told without regard to
// case (RFC 5321 s2.4). A control character or an octet that is no UTF-8 is a
// syntax error wherever it stands. An unknown verb is no error here.
func ParseCommand(line []byte) (Command, error) {
	if !printable(line) {
		return Command{}, syntaxError("command", mail.Reply{Code: 500, Enhanced: "5.5.2", Text: "control character or malformed UTF-8 in command"})
	}
	end := 0
	for end < len(line) && line[end] != ' ' {
		end++
	}
	arg := line[end:]
	for len(arg) > 0 && arg[0] == ' ' {
		arg = arg[1:]
	}
	for len(arg) > 0 && arg[len(arg)-1] == ' ' {
		arg = arg[:len(arg)-1]
	}
	return Command{Verb: verbOf(line[:end]), Arg: string(arg)}, nil
}

// verbOf folds the case in a small array, so that no octet is allocated.
func verbOf(word []byte) Verb {
	var up [8]byte
	if len(word) > len(up) {
		return Unknown
	}
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		up[i] = c
	}
	switch string(up[:len(word)]) {
	case "HELO":
		return HELO
	case "EHLO":
		return EHLO
	case "MAIL":
		return MAIL
	case "RCPT":
		return RCPT
	case "DATA":
		return DATA
	case "BDAT":
		return BDAT
	case "RSET":
		return RSET
	case "NOOP":
		return NOOP
	case "QUIT":
		return QUIT
	case "VRFY":
		return VRFY
	case "EXPN":
		return EXPN
	case "HELP":
		return HELP
	case "STARTTLS":
		return STARTTLS
	case "AUTH":
		return AUTH
	case "GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "TRACE", "PATCH", "PRI":
		return Foreign
	}
	return Unknown
}

// syntaxError is the *mail.Error that every parser of the server half returns.
func syntaxError(op string, r mail.Reply) error {
	return &mail.Error{Op: "smtp." + op, Reply: r}
}
