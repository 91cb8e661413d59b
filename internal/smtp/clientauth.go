package smtp

import (
	"encoding/base64"
	"errors"

	"github.com/postroad/postroad/internal/mail"
)

// ErrMechanism means that the host offers no mechanism that we speak.
var ErrMechanism = errors.New("smtp: no AUTH mechanism in common")

// Credentials for AUTH.
type Credentials struct{ User, Pass string }

// Auth logs in by PLAIN (RFC 4616) or LOGIN, in that order. The caller makes
// sure that nobody listens. Errors: *ClientError; its Cause is ErrMechanism when
// nothing was tried.
func (c *Client) Auth(cred Credentials) error {
	switch {
	case c.caps.Offers("PLAIN"):
		return c.authPlain(cred)
	case c.caps.Offers("LOGIN"):
		return c.authLogin(cred)
	}
	return &ClientError{Stage: StageAuth, Cause: ErrMechanism}
}

func (c *Client) authPlain(cred Credentials) error {
	msg := "\x00" + cred.User + "\x00" + cred.Pass
	r, err := c.command(StageAuth, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte(msg)))
	return c.authDone(r, err)
}

func (c *Client) authLogin(cred Credentials) error {
	r, err := c.command(StageAuth, "AUTH LOGIN")
	for _, answer := range []string{cred.User, cred.Pass} {
		if err != nil || r.Code != 334 {
			break
		}
		r, err = c.command(StageAuth, base64.StdEncoding.EncodeToString([]byte(answer)))
	}
	return c.authDone(r, err)
}

func (c *Client) authDone(r mail.Reply, err error) error {
	if err != nil {
		return err
	}
	if !r.Positive() {
		return c.refused(StageAuth, r)
	}
	return nil
}
