package decide

import "github.com/postroad/postroad/internal/mail"

// Tenant is a namespace that owns domains and directories. Its rules are asked
// only for mail of its own: mail for its domains, and mail of its logins.
type Tenant struct {
	Ref                     // "tenant.acme"
	Name       string       // "acme"
	Postmaster mail.Address // of its domains that have none; zero: the top level's
	MaxSize    int64        // octets of a message; 0: as the listener has it
}

// Scoped is the name of what stands in a tenant, as rules refer to it: no name
// that a person writes has a dot, so that it is nobody else's.
func Scoped(tenant, name string) string {
	if tenant == "" {
		return name
	}
	return tenant + "." + name
}

// AnyWay in a Template's Deliver is for all words that are not there.
const AnyWay = "*"

// Template is many domains from a table: the key is a domain, the value names its
// way in Deliver, "way" or "tenant/way", or another hosted domain whose addresses
// are valid there too, "@domain". Only the top level has templates, so that
// no tenant can claim a domain by writing it into a table of its own.
type Template struct {
	Ref                  // "domains.hosted"
	From         TableID // key a domain
	Members      Members // none, a table, any, or ask
	MailboxTable TableID // as Domain has it
	AliasTable   TableID
	CatchAll     string // local part in each of the domains; "" none
	Subaddress   string
	Deliver      map[string]string // word of the value to transport; "" as value goes on to the routes
	Migration    *Migration        // of each of them; nil: none
}
