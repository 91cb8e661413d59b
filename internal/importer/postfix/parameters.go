package postfix

import (
	"fmt"
	"strings"
)

// Setting is one line of main.cf, or of a service's -o.
type Setting struct {
	Name  string
	Value string // as written
	File  string // "main.cf"
	Line  int
}

// Place is "main.cf:12".
func (s Setting) Place() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Parameters are what main.cf says, over what Postfix says by itself.
type Parameters struct {
	set        map[string]Setting
	order      []string  // names that are set, in file order
	Overridden []Setting // instances of a name that a later one replaced
	Broken     []Setting // lines that are no "name = value"
	defaults   map[string]string
	asked      map[string]bool // names that a value referred to
}

// Bounds of an expansion: nested references, references in all, and what they
// make.
const (
	maxExpansion  = 32
	maxReferences = 10000
	maxValue      = 1 << 20
)

// ParseMain reads main.cf. file is how places name it. Nothing makes it fail:
// what cannot be read is in Broken.
func ParseMain(file, text string) *Parameters {
	p := &Parameters{set: map[string]Setting{}, defaults: builtinDefaults(), asked: map[string]bool{}}
	for _, l := range logicalLines(text) {
		name, value, ok := strings.Cut(l.text, "=")
		s := Setting{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), File: file, Line: l.number}
		if !ok || s.Name == "" || strings.ContainsAny(s.Name, " \t{}$") {
			s.Name, s.Value = "", l.text
			p.Broken = append(p.Broken, s)
			continue
		}
		p.put(s)
	}
	return p
}

// put sets a name; the last instance counts (postconf(5)).
func (p *Parameters) put(s Setting) {
	if before, twice := p.set[s.Name]; twice {
		p.Overridden = append(p.Overridden, before)
	} else {
		p.order = append(p.order, s.Name)
	}
	p.set[s.Name] = s
}

// Settings are those that count, in the order of the file.
func (p *Parameters) Settings() []Setting {
	out := make([]Setting, len(p.order))
	for i, name := range p.order {
		out[i] = p.set[name]
	}
	return out
}

// IsSet tells whether main.cf says anything about a name.
func (p *Parameters) IsSet(name string) bool { _, ok := p.set[name]; return ok }

// Place is where a name is set, or says that it is not.
func (p *Parameters) Place(name string) string {
	if s, ok := p.set[name]; ok {
		return s.Place()
	}
	return "Postfix's default"
}

// raw is the value before expansion.
func (p *Parameters) raw(name string) string {
	if s, ok := p.set[name]; ok {
		return s.Value
	}
	return p.defaults[name]
}

// Get is the value with all references expanded.
func (p *Parameters) Get(name string) string {
	return strings.TrimSpace(p.Expand(p.raw(name)))
}

// Items is the value as a list.
func (p *Parameters) Items(name string) []string { return items(p.Get(name)) }

// With gives the parameters as a service with overrides sees them.
func (p *Parameters) With(overrides []Setting) *Parameters {
	if len(overrides) == 0 {
		return p
	}
	out := &Parameters{set: map[string]Setting{}, defaults: p.defaults, asked: p.asked}
	for _, s := range p.Settings() {
		out.put(s)
	}
	for _, s := range overrides {
		out.put(s)
	}
	return out
}

// builtinDefaults are those of Postfix 3.7 (postconf -d) for the parameters that
// this package reads.
func builtinDefaults() map[string]string {
	return map[string]string{
		"alias_maps":                       "",
		"allow_min_user":                   "no",
		"append_at_myorigin":               "yes",
		"append_dot_mydomain":              "${{$compatibility_level} <level {1} ? {yes} : {no}}",
		"bounce_queue_lifetime":            "5d",
		"canonical_classes":                "envelope_sender, envelope_recipient, header_sender, header_recipient",
		"config_directory":                 "/etc/postfix",
		"compatibility_level":              "0",
		"data_directory":                   "/var/lib/postfix",
		"default_database_type":            "hash",
		"default_transport":                "smtp",
		"delay_warning_time":               "0h",
		"inet_interfaces":                  "all",
		"inet_protocols":                   "all",
		"local_recipient_maps":             "proxy:unix:passwd.byname $alias_maps",
		"local_transport":                  "local:$myhostname",
		"mail_spool_directory":             "/var/mail",
		"recipient_canonical_classes":      "envelope_recipient, header_recipient",
		"sender_canonical_classes":         "envelope_sender, header_sender",
		"masquerade_classes":               "envelope_sender, header_sender, header_recipient",
		"maximal_backoff_time":             "4000s",
		"maximal_queue_lifetime":           "5d",
		"message_size_limit":               "10240000",
		"minimal_backoff_time":             "300s",
		"mydestination":                    "$myhostname, localhost.$mydomain, localhost",
		"mydomain":                         "localdomain",
		"myhostname":                       "localhost.localdomain",
		"myorigin":                         "$myhostname",
		"parent_domain_matches_subdomains": "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
		"mynetworks_style":                 "${{$compatibility_level} <level {2} ? {subnet} : {host}}",
		"relay_domains":                    "${{$compatibility_level} <level {2} ? {$mydestination} : {}}",
		"propagate_unmatched_extensions":   "canonical, virtual",
		"queue_directory":                  "/var/spool/postfix",
		"relay_transport":                  "relay",
		"smtpd_recipient_limit":            "1000",
		"smtpd_reject_unlisted_recipient":  "yes",
		"smtpd_relay_restrictions":         "${{$compatibility_level} <level {1} ? {} : {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}",
		"virtual_alias_domains":            "$virtual_alias_maps",
		"virtual_mailbox_domains":          "$virtual_mailbox_maps",
		"virtual_transport":                "virtual",
	}
}
