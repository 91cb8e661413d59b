package postfix

import "strings"

// cut splits an address at its last "@". ok is false for a bare local part.
func cut(address string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address, "", false
	}
	return address[:i], strings.ToLower(address[i+1:]), true
}

// completed gives an address its domain as trivial-rewrite(8) does:
// append_at_myorigin, append_dot_mydomain.
func (p *Parameters) completed(address string) string {
	local, domain, ok := cut(address)
	switch {
	case address == "":
		return ""
	case !ok || domain == "":
		if !isYes(p.Get("append_at_myorigin")) {
			return address
		}
		return local + "@" + p.Get("myorigin")
	case isYes(p.Get("append_dot_mydomain")) && !strings.Contains(domain, ".") && domain[0] != '[':
		return local + "@" + domain + "." + p.Get("mydomain")
	}
	return address
}

// split gives where the extension of a local part begins, or 0: at the first of
// the delimiters that is not its first octet, except in names that own their
// hyphen (owner-list, list-request, mailer-daemon, double-bounce).
func split(local, delimiters string) int {
	i := strings.IndexAny(local, delimiters)
	if delimiters == "" || i <= 0 {
		return 0
	}
	lower := strings.ToLower(local)
	if local[i] == '-' && (strings.HasPrefix(lower, "owner-") || strings.HasSuffix(lower, "-request") ||
		lower == "mailer-daemon" || lower == "double-bounce") {
		return 0
	}
	return i
}

// extended puts an extension behind the local part of an address.
func extended(address, ext string) string {
	local, domain, ok := cut(address)
	if !ok {
		return address + ext
	}
	return local + ext + "@" + domain
}

// parents gives "b.c", "c" for "a.b.c".
func parents(domain string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(domain, ".")
		if !ok || strings.HasPrefix(domain, "[") {
			return out
		}
		out, domain = append(out, rest), rest
	}
}
