package directory

import (
	"context"
	"hash/maphash"
	"sync/atomic"
)

// maxHashesAtOnce bounds the memory: argon2id takes tens of megabytes each.
const maxHashesAtOnce = 2

// hasher computes hashes, a few at once. A directory that holds hashes computes
// exactly one an attempt, of the name's own or of a decoy, so that time tells
// nothing of who exists.
type hasher struct {
	slots    chan struct{}
	seed     maphash.Seed
	computed atomic.Int64
}

func newHasher() *hasher {
	return &hasher{slots: make(chan struct{}, maxHashesAtOnce), seed: maphash.MakeSeed()}
}

// verify holds a password against a hash, which is nil for a name that is not
// there: then a decoy is computed and the answer is no. An error means that no
// turn came in time.
func (h *hasher) verify(ctx context.Context, a Attempt, hash passwordHash, decoys []passwordHash) error {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	h.computed.Add(1)
	if hash == nil {
		h.decoy(a.Name, decoys).matches(a.Password)
		return ErrWrong
	}
	if !hash.matches(a.Password) {
		return ErrWrong
	}
	return nil
}

// decoy chooses among the hashes that are really there, the same one for the same
// name: where they differ in cost, names that do not exist differ as much.
func (h *hasher) decoy(name string, among []passwordHash) passwordHash {
	if len(among) == 0 {
		return commonHash()
	}
	return among[maphash.String(h.seed, name)%uint64(len(among))]
}

// commonHash is a hash of usual cost that no password has.
func commonHash() passwordHash {
	return argonHash{memory: 19 << 10, time: 2, threads: 1, salt: make([]byte, 16), key: make([]byte, 32)}
}
