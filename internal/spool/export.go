package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Exported is a message as it leaves by an export.
type Exported struct {
	ID        string        `json:"id"`
	Sender    *string       `json:"sender"` // "" is the null sender; null: lost
	Arrived   *time.Time    `json:"arrived,omitempty"`
	Size      int64         `json:"size"`
	Tenant    string        `json:"tenant,omitempty"`
	Body      string        `json:"body,omitempty"` // 7BIT or 8BITMIME
	SMTPUTF8  bool          `json:"smtputf8,omitempty"`
	Client    string        `json:"client,omitempty"`
	Helo      string        `json:"helo,omitempty"`
	Login     string        `json:"login,omitempty"`
	Listener  string        `json:"listener,omitempty"`
	MessageID string        `json:"message_id,omitempty"`
	Jobs      []ExportedJob `json:"jobs"`
	Lost      []string      `json:"lost,omitempty"`
	// Message is the content, in base 64, where it does not lie in a file beside.
	Message []byte `json:"message,omitempty"`
}

// ExportedJob is one way that some of the recipients have.
type ExportedJob struct {
	Job        int                 `json:"job"`
	Transport  string              `json:"transport"` // "": lost
	Nexthop    string              `json:"nexthop,omitempty"`
	Nexthops   []string            `json:"nexthops,omitempty"`
	Sender     string              `json:"sender"`
	Rule       string              `json:"rule,omitempty"`
	Copy       string              `json:"copy,omitempty"`
	EnvID      string              `json:"envid,omitempty"`
	Ret        string              `json:"ret,omitempty"`
	Attempts   int                 `json:"attempts"`
	Due        time.Time           `json:"due"`
	Held       bool                `json:"held,omitempty"`
	Recipients []ExportedRecipient `json:"recipients"` // outstanding ones
}

// ExportedRecipient is one that still waits.
type ExportedRecipient struct {
	Recipient string `json:"recipient"`
	Original  string `json:"original,omitempty"`
	Notify    string `json:"notify,omitempty"` // as in RCPT
	ORCPT     string `json:"orcpt,omitempty"`
	Reply     string `json:"reply,omitempty"`
	Remote    string `json:"remote,omitempty"`
}

// Exported tells what is known of a relic, but for its content.
func (r *Relic) Exported() Exported {
	out := Exported{ID: r.ID.String(), Lost: r.Lost, Jobs: []ExportedJob{}}
	if s, ok := r.Sender(); ok {
		text := s.Address.String()
		out.Sender = &text
	}
	if e := r.Envelope; e != nil {
		out.Arrived, out.Size, out.Tenant, out.SMTPUTF8 = &e.Arrived, e.Size, e.Tenant, e.SMTPUTF8
		out.Client, out.Helo, out.Login, out.Listener, out.MessageID = e.Client, e.Helo, e.Login, e.Listener, e.MessageID
		out.Body = map[mail.BodyType]string{mail.Body7Bit: "7BIT", mail.Body8BitMIME: "8BITMIME"}[e.Body]
	}
	for i := range r.Jobs {
		out.Jobs = append(out.Jobs, exportedJob(&r.Jobs[i]))
	}
	return out
}

func exportedJob(j *Job) ExportedJob {
	out := ExportedJob{
		Job: j.N, Transport: j.Lane.Transport, Nexthop: j.Lane.Nexthop, Nexthops: j.Nexthops, Sender: j.Sender.Address.String(),
		Rule: j.Rule, Copy: j.Copy, EnvID: j.EnvID, Attempts: j.Attempts, Due: j.Due, Held: j.Held, Recipients: []ExportedRecipient{},
		Ret: map[mail.Ret]string{mail.RetFull: "FULL", mail.RetHeaders: "HDRS"}[j.Ret],
	}
	for _, r := range j.Recipients {
		if r.State != Waiting {
			continue
		}
		e := ExportedRecipient{Recipient: r.Final.String(), Notify: notifyText(r.Notify), ORCPT: r.ORCPT, Remote: r.Remote}
		if r.Original != r.Final {
			e.Original = r.Original.String()
		}
		if r.Reply.Code != 0 {
			e.Reply = r.Reply.String()
		}
		out.Recipients = append(out.Recipients, e)
	}
	return out
}

// notifyText is NOTIFY as a client says it.
func notifyText(n mail.Notify) string {
	text := ""
	for _, k := range []struct {
		bit  mail.Notify
		word string
	}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}, {mail.NotifyNever, "NEVER"}} {
		if n&k.bit != 0 {
			text += "," + k.word
		}
	}
	if text == "" {
		return ""
	}
	return text[1:]
}

// ExportTo writes every message that can be read into a folder: ID.eml as it
// lies in the spool, and ID.json with its envelope and who still waits for it.
// Of a message without its content only the second. Files that are there are an
// error and stay as they are.
func ExportTo(o Options, dir string) (*Report, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return Salvage(o, func(m *Relic) error {
		if err := m.writeContent(filepath.Join(dir, m.ID.String()+".eml")); err != nil {
			return err
		}
		text, err := json.MarshalIndent(m.Exported(), "", "  ")
		if err != nil {
			return err
		}
		return writeNew(filepath.Join(dir, m.ID.String()+".json"), func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
	})
}

func (r *Relic) writeContent(name string) error {
	body, err := r.Body()
	if err != nil {
		return nil // it stands among what is lost
	}
	defer body.Close()
	return writeNew(name, func(w io.Writer) error {
		_, err := io.Copy(w, body)
		return err
	})
}

// writeNew writes a file that is not there.
func writeNew(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Sync(), f.Close())
}

// ExportLines writes every message that can be read as a line of JSON, its
// content included.
func ExportLines(o Options, to io.Writer) (*Report, error) {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	return Salvage(o, func(m *Relic) error {
		out := m.Exported()
		if body, err := m.Body(); err == nil {
			out.Message, err = io.ReadAll(body)
			if err = errors.Join(err, body.Close()); err != nil {
				return fmt.Errorf("%s: %w", m.ID, err)
			}
		}
		return lines.Encode(out)
	})
}
