package config

// The schema is data: what blocks there are, what stands in them, of which type,
// and what holds when it is absent. Decoding, hints on unknown names and
// docs/configuration.md all come from it.

// valueType of an attribute; its text is what the documentation says.
type valueType string

const (
	typeText      valueType = "text"
	typeBool      valueType = "true or false"
	typeCount     valueType = "number"
	typePercent   valueType = "number from 0 to 100"
	typeSize      valueType = "size"
	typeDuration  valueType = "duration"
	typeDurations valueType = "list of durations"
	typeWord      valueType = "word"
	typeTexts     valueType = "list of texts"
	typePath      valueType = "path"
	typePaths     valueType = "list of paths"
	typeDomain    valueType = "domain"
	typeAddress   valueType = "address"
	typeIPs       valueType = "list of IP addresses"
	typeNetworks  valueType = "list of networks"
	typeClients   valueType = "list of networks, or a table"
	typeBinds     valueType = "list of IP:port"
	typeServers   valueType = "list of IP or IP:port"
	typeHosts     valueType = "list of hosts, or a list of such lists"
	typeRef       valueType = "reference"
	typeRefs      valueType = "list of references"
	typeLogins    valueType = "list of directories and \"directory/name\""
	typePatterns  valueType = "list of patterns and tables"
	typeNames     valueType = "list of domain patterns and tables"
	typeHeaders   valueType = "object: field name to glob"
	typeSizes     valueType = "list of size comparisons"
	typeMembers   valueType = "list of local parts, a table, \"any\" or \"ask\""
	typeAliases   valueType = "object: local part to address or list, or a table"
	typeTargets   valueType = "list of addresses"
	typeEntries   valueType = "list of keys, or object: key to value or list"
	typeMany      valueType = "list of addresses, or a table"
	typeWords     valueType = "list of words"
	typeRenames   valueType = "object: pattern to address or domain, or a table"
	typeSecrets   valueType = "list of env(\"NAME\") and file(\"path\")"
	typeSecret    valueType = "env(\"NAME\") or file(\"path\")"
	typeFields    valueType = "object: field name to text, env(\"NAME\") or file(\"path\")"
	typeStatuses  valueType = "list of HTTP statuses"
	typeDSN       valueType = "text, env(\"NAME\") or file(\"path\")"
	typeRate      valueType = "number of messages per s, m, h or d"
	typeWays      valueType = "a transport, or object: word to transport"
	typeLater     valueType = "-"
)

// field is one attribute.
type field struct {
	name     string
	typ      valueType
	def      string   // what holds when it is absent, in HCL; "" nothing does
	required bool     // must be there
	words    []string // typeWord: what it may be
	later    []string // typeWord: what it will be and is not yet
	of       string   // typeRef, typeRefs: type of the block
	port     string   // typeHosts: where none is written
	doc      string
	example  string
}

// kindSpec is one kind of a block whose first label says the kind.
type kindSpec struct {
	name   string
	fields []field
	later  bool // known, not built yet
	doc    string
}

// blockSpec is one type of block.
type blockSpec struct {
	name   string
	single bool // stands once and has no name
	kinds  []kindSpec
	fields []field
	inner  []*blockSpec
	later  bool // known, not built yet
	doc    string
}

// kind gives the kind with that name, nil for none.
func (s *blockSpec) kind(name string) *kindSpec {
	for i := range s.kinds {
		if s.kinds[i].name == name {
			return &s.kinds[i]
		}
	}
	return nil
}

// labels tells what the labels of a block are, for messages.
func (s *blockSpec) labels() string {
	switch {
	case s.single:
		return s.name + " { … }"
	case len(s.kinds) > 0:
		return s.name + ` "KIND" "NAME" { … }`
	default:
		return s.name + ` "NAME" { … }`
	}
}

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func specNames(specs []*blockSpec) []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	return names
}

func findField(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func findSpec(specs []*blockSpec, name string) *blockSpec {
	for _, s := range specs {
		if s.name == name {
			return s
		}
	}
	return nil
}

// schema is the whole language.
type schema struct {
	root   []field
	blocks []*blockSpec
}

// newSchema builds the language. Blocks stand in the order of the documentation.
func newSchema() *schema {
	return &schema{
		root: rootFields(),
		blocks: []*blockSpec{
			listenerSpec(), directorySpec(), relaySpec(), denySpec(), domainSpec(), transportSpec(),
			routeSpec(), copySpec(), tableSpec(), resolverSpec(), retrySpec(), consoleSpec(), logSpec(),
			templateSpec(), tenantSpec(),
			rewriteSpec(), srsSpec(), listSpec(),
			later("chain", "gateways that mail must pass"),
			later("gateway", "a system that mail leaves to and comes back from"),
			later("filter", "milter and other filters"),
			later("verify", "SPF, DKIM, DMARC and ARC of incoming mail"),
			later("sign", "DKIM signatures"),
			later("shaping", "limits towards one operator's hosts"),
			later("egress", "pools of source addresses"),
		},
	}
}

func later(name, doc string) *blockSpec { return &blockSpec{name: name, later: true, doc: doc} }
