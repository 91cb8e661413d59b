//go:build !linux

package deliver

import (
	"bufio"
	"context"
	"errors"

	"github.com/postroad/postroad/internal/config"
)

var errNoPrograms = errors.New("deliver: programs are run on Linux only")

// program waits where there is no way to bound it.
type program struct {
	spec    *config.Pipe
	args    []string
	message func(*bufio.Writer) error
}

func (p *program) run(context.Context) ended { return ended{err: errNoPrograms} }
