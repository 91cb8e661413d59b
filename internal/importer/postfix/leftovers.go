package postfix

import "strings"

// leftovers lists every setting of main.cf that nothing was made of.
func (im *importer) leftovers() {
	for _, s := range im.Main.Settings() {
		switch {
		case im.used[s.Name]:
		case s.Value == "" && im.Main.defaults[s.Name] == "":
			im.leaveOnly(Left{What: s.Name, Place: s.Place(), Why: "it is set to nothing"})
		case im.Main.asked[s.Name]:
			im.leaveOnly(Left{What: s.Name, Place: s.Place(), Why: "a word of the administrator's own: its value stands where it was used"})
		default:
			im.result.shapes[s.Name] = im.leaveOnly(Left{What: s.Name + " = " + s.Value, Place: s.Place(), Why: reason(s.Name)})
		}
	}
}

// reason says why a setting has no place in postroad.
func reason(name string) string {
	for _, r := range []struct{ part, why string }{
		{"_directory", "Postfix's own files and programs"},
		{"_path", "Postfix's own files and programs"},
		{"setgid_group", "Postfix's own files and programs"},
		{"mail_owner", "Postfix's own files and programs"},
		{"maillog", "the log is postroad's own"},
		{"debug", "the log is postroad's own"},
		{"milter", "filters are not built yet"},
		{"content_filter", "gateways are not built yet: the message would not pass the filter"},
		{"receive_override_options", "gateways are not built yet"},
		{"sasl", "how a login is made cannot be set: PLAIN and LOGIN, after TLS"},
		{"postscreen", "there is no postscreen: limits stand in the listener"},
		{"_checks", "a message is not searched for text"},
		{"tls", "TLS has fewer settings here: level and certificate only"},
		{"_destination_", "how many at once stands in the transport: connections"},
		{"mailbox", "a mailbox is a Maildir, or a store behind LMTP"},
		{"biff", "nobody is told of new mail"},
		{"notify_classes", "the postmaster is not told"},
		{"banner", "the greeting is our name"},
		{"_limit", "limits stand in the listener"},
		{"_timeout", "times stand in the listener and the transport"},
		{"address_verify", "recipients are not asked for at their server by this import"},
	} {
		if strings.Contains(name, r.part) {
			return r.why
		}
	}
	return "nothing in postroad answers to it, or the import does not know it"
}
