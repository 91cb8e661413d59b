package main

import (
	"encoding/json"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

// routeVerb asks what would become of a message.
type routeVerb struct {
	configured
	Recipients []string `arg:"" name:"rcpt" help:"Recipients."`
	Live       bool     `help:"Ask the running server: its rules, its tables."`
	From       string   `placeholder:"ADDRESS" help:"Sender; the null path <> when not given."`
	Client     string   `placeholder:"IP" help:"Client; a stranger, 192.0.2.1, when not given."`
	Login      string   `placeholder:"DIR/NAME" help:"Authenticated as."`
	Cert       string   `placeholder:"FINGERPRINT" help:"Client certificate, sha256:…"`
	Helo       string   `placeholder:"NAME" help:"What the client calls itself."`
	TLS        bool     `name:"tls" help:"Under TLS."`
	Listener   string   `placeholder:"NAME" help:"Door; the first that suits when not given."`
	Tag        []string `sep:"none" help:"Tag of a filter; may be repeated."`
	Header     []string `sep:"none" placeholder:"\"NAME: VALUE\"" help:"Header field; may be repeated."`
	Size       int64    `placeholder:"OCTETS" help:"Size of the message."`
	DNS        bool     `name:"dns" help:"Resolve the hosts now."`
	JSON       bool     `name:"json" help:"One JSON object."`
}

// Run asks and prints; the exit status is the answer's.
func (v routeVerb) Run(w *world) error {
	result, err := v.ask(w)
	if err != nil {
		return err
	}
	if v.JSON {
		out := json.NewEncoder(w.stdout)
		out.SetEscapeHTML(false) // "<>" and "->" shall be read
		err = out.Encode(result)
	} else {
		err = result.Tree(w.stdout, w.palette())
	}
	if err != nil {
		return err
	}
	return answer(result.Exit())
}

func (v routeVerb) ask(w *world) (explain.Result, error) {
	if v.Live {
		client, err := v.client(w)
		if err != nil {
			return explain.Result{}, err
		}
		return client.Route(w.ctx, v.query())
	}
	src, err := server.OpenOffline(w.ctx, v.Config).Source()
	if err != nil {
		return explain.Result{}, err
	}
	return explain.Route(w.ctx, src, v.query())
}

func (v routeVerb) query() explain.Query {
	return explain.Query{
		Sender: v.From, Client: v.Client, Login: v.Login, Certificate: v.Cert, Helo: v.Helo, TLS: v.TLS,
		Listener: v.Listener, Tags: v.Tag, Header: v.Header, Size: v.Size, Recipients: v.Recipients, DNS: v.DNS,
	}
}

func (w *world) palette() explain.Palette {
	if w.colour {
		return explain.Colours()
	}
	return explain.Palette{}
}
