package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/dial"
)

// maxHTTPAnswer octets of an answer are read.
const maxHTTPAnswer = 64 << 10

// service asks a program over HTTP: 200 is yes, 401 is no, everything else is
// none, a redirect among it.
type service struct {
	def    *config.HTTPLogin
	client *http.Client
}

func newService(dir *config.Directory) (*service, error) {
	u, err := url.Parse(dir.HTTP.URL)
	if err != nil {
		return nil, err
	}
	settings, err := dial.Server{Name: u.Hostname(), Roots: dir.HTTP.CA}.Config()
	if err != nil {
		return nil, err
	}
	return &service{def: dir.HTTP, client: &http.Client{
		Transport:     &http.Transport{TLSClientConfig: settings, MaxIdleConnsPerHost: dir.Connections, IdleConnTimeout: idleTime, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (s *service) close() { s.client.CloseIdleConnections() }

// question is what is posted.
type question struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Client   string `json:"client,omitempty"`
}

func (s *service) verify(ctx context.Context, a Attempt) (string, error) {
	q := question{Name: a.Name, Password: a.Password}
	if a.Client.IsValid() {
		q.Client = a.Client.String()
	}
	body, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.def.URL, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "postroad")
	if s.def.Secret != nil {
		secret, err := s.def.Secret.Read()
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxHTTPAnswer))
	if err != nil {
		return "", err
	}
	return s.judge(a, res.StatusCode, answer)
}

// judge reads an answer. The name in it, where there is one, is how the service
// spells the login.
func (s *service) judge(a Attempt, status int, answer []byte) (string, error) {
	switch status {
	case http.StatusOK:
		var spelled struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(answer, &spelled) == nil && spelled.Name != "" {
			return spelled.Name, nil
		}
		return a.Name, nil
	case http.StatusUnauthorized:
		return "", ErrWrong
	}
	return "", oddAnswer{fmt.Errorf("the service answers %d", status)}
}
