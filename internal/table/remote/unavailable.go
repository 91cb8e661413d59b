package remote

import (
	"context"

	"github.com/postroad/postroad/internal/table"
)

// Unavailable is an Asker that answers every key with "try later" and this cause.
func Unavailable(cause error) Asker { return unavailable{cause} }

type unavailable struct{ cause error }

func (u unavailable) Lookup(context.Context, string) table.Answer { return later(u.cause) }

func (u unavailable) Close() error { return nil }
