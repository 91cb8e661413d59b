package demo

import (
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/lab"
)

// Clients of the tour: the office may send anywhere, a stranger may not.
const (
	office   = "127.0.0.1"
	stranger = "127.0.2.1"
	pest     = "127.0.2.66"
)

// stop is one message of the tour.
type stop struct {
	title  string
	why    string
	client string
	from   string
	to     []string
	header string // one more field, "X-Env: test"
}

// tour is the messages in their order.
func tour() []stop {
	return []stop{
		{title: "mail for us", client: stranger, from: "someone@north.example", to: []string{"ann@home.example"},
			why: "A stranger writes to a domain that is hosted here: the domain's own deliver."},
		{title: "nobody of that name", client: stranger, from: "someone@north.example", to: []string{"zoe@home.example"},
			why: "Refused at RCPT, before any data; nothing bounces later."},
		{title: "no relay for strangers", client: stranger, from: "someone@north.example", to: []string{"y@south.example"},
			why: "No relay rule holds for this client."},
		{title: "a pest", client: pest, from: "someone@north.example", to: []string{"ann@home.example"},
			why: "A deny rule comes before everything else."},
		{title: "two hosts of equal preference", client: office, from: "ann@home.example", to: []string{"x@north.example"},
			why: "The best two MX are drawn anew at each attempt, the third is for bad days."},
		{title: "the best host is down", client: office, from: "ann@home.example", to: []string{"y@south.example"},
			why: "mx1 refuses connections, so mx2 gets it."},
		{title: "the best host says later", client: office, from: "ann@home.example", to: []string{"z@west.example"},
			why: "A 4xx at RCPT from mx1: the next host is asked before the queue is."},
		{title: "the web shop", client: office, from: "orders@shop.example", to: []string{"x@north.example"},
			why: "What the shop sends leaves by its smarthost, with a verified certificate and a login."},
		{title: "the partner, and a copy", client: office, from: "bob@home.example", to: []string{"rep@partner.example"},
			why: "A route by recipient, TLS required; a copy rule keeps it in the archive."},
		{title: "one address for several people", client: stranger, from: "someone@north.example", to: []string{"info@shop.example"},
			why: "alias_of, then info to sales, then three people; one of them lives with the partner, and that is archived too."},
		{title: "a subaddress and an old system", client: office, from: "ann@home.example", to: []string{"bob+lists@home.example", "q@legacy.example"},
			why: "Two recipients of one message go two ways: one by the domain, one by a transport(5) table."},
		{title: "mail of a test program", client: office, from: "ci@home.example", to: []string{"ann@home.example"}, header: "X-Env: testing",
			why: "A route by header, known only after the data; it goes nowhere."},
		{title: "a domain that takes no mail", client: office, from: "ann@home.example", to: []string{"n@nomail.example"},
			why: "A null MX (RFC 7505): accepted here, failed at once, and Ann gets the report."},
		{title: "a mailbox that is full", client: stranger, from: "someone@north.example", to: []string{"full@home.example", "ann@home.example"},
			why: "LMTP answers for each recipient: Ann has it, the other waits in the queue."},
	}
}

// query is the question that foretells the stop.
func (s stop) query(n int) explain.Query {
	q := explain.Query{Sender: s.from, Client: s.client, Helo: helo, Recipients: s.to, DNS: true, Header: s.fields(n)}
	q.Size = int64(len(s.data(n)))
	return q
}

const helo = "client.lab"

// mark is the field by which the message is known again, in reports too.
func mark(n int) string { return fmt.Sprintf("X-Demo: stop %02d", n) }

func (s stop) fields(n int) []string {
	f := []string{mark(n), "From: <" + s.from + ">", "To: <" + strings.Join(s.to, ">, <") + ">", "Subject: " + s.title}
	if s.header != "" {
		f = append(f, s.header)
	}
	return f
}

func (s stop) data(n int) []byte {
	return []byte(strings.Join(s.fields(n), "\r\n") + "\r\n\r\nThis is stop " + fmt.Sprint(n) + " of the tour.\r\n")
}

// letter is the message as the client sends it.
func (s stop) letter(n int, addr string) lab.Letter {
	l := lab.Letter{Addr: addr, Local: s.client, Helo: helo, Sender: s.from, Data: s.data(n)}
	for _, to := range s.to {
		l.Recipients = append(l.Recipients, lab.Recipient{Address: to})
	}
	return l
}
