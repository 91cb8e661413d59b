package spooltest

import (
	"testing"

	"github.com/postroad/postroad/internal/spool"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) spool.Store { return Memory() })
}
