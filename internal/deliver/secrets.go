package deliver

import (
	"errors"
	"os"
	"strings"

	"github.com/postroad/postroad/internal/config"
)

// errSecret hides what exactly is missing from everybody but the log.
var errSecret = errors.New("deliver: the transport's password is not there")

// readSecret reads a password from its file or the environment. It is read at
// each new connection, so that a changed one needs no reload.
func readSecret(s *config.Secret) (string, error) {
	if s == nil {
		return "", errSecret
	}
	if s.Env != "" {
		if v, ok := os.LookupEnv(s.Env); ok {
			return v, nil
		}
		return "", errSecret
	}
	b, err := os.ReadFile(s.File)
	if err != nil {
		return "", errors.Join(errSecret, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
