package spool_test

import (
	"fmt"

	"github.com/postroad/postroad/internal/spool"
)

// workload is a script with what it is about.
type workload struct {
	name  string
	steps []step
}

// workloads are what the crash campaign runs: a few days in the life of a spool,
// and one of each thing that it does, often enough to reach flushes.
func workloads() []workload {
	return []workload{
		{"days", script()},
		{"small mail", each(30, func(n string) []step { return []step{commit(n, 100, 1), update(n+"0", "", 0, 0)} })},
		{"mail that stays", each(25, func(n string) []step { return []step{commit(n, 3000, 1)} })},
		{"bodies in blobs", each(20, func(n string) []step { return []step{commit(n, 9000, 1), update(n+"0", "", 0, 0)} })},
		{"bodies at the bounds", append(each(5, func(n string) []step {
			return []step{commit(n+"k", 2<<10, 1), commit(n+"i", 16<<10, 1), commit(n+"b", 17<<10, 1), update(n+"i0", "", 0, 0)}
		}), abort("none", 17<<10))},
		{"big bodies", each(8, func(n string) []step {
			return []step{commit(n, 70_000, 1), abort(n+"x", 50_000), update(n+"0", "", 0, 0)}
		})},
		{"many recipients", each(4, func(n string) []step {
			return []step{commit(n, 500, 60), update(n+"0", "", 0, 1, 3, 5), update(n+"0", "", 0, 59)}
		})},
		{"many jobs", each(8, func(n string) []step {
			return []step{commit(n, 4000, 1, 2, 3), update(n+"1", "", 0, 0, 1), update(n+"0", "", 0, 0), update(n+"2", "", 0, 0, 1, 2)}
		})},
		{"holds", each(10, func(n string) []step {
			return []step{commit(n, 3000, 2), act(n, spool.ActionHold), act(n, spool.ActionRelease), act(n, spool.ActionRetry)}
		})},
		{"removals", each(10, func(n string) []step {
			return []step{commit(n, 3000, 2), commit(n+"b", 20_000, 1), act(n, spool.ActionRemove), act(n+"b", spool.ActionRemove)}
		})},
		{"other lanes", each(8, func(n string) []step {
			return []step{commit(n, 3000, 3), replace(n+"0", n+"x", n+"y", n+"z"), replace(n+"x", n+"w"), move(n+"y", n+"v", 0), update(n+"v", "", 0, 0)}
		})},
		{"reports", each(8, func(n string) []step {
			return []step{commit(n, 3000, 2), update(n+"0", n+"dsn", 300, 0), update(n+"0", n+"big", 30_000, 1), update(n+"big0", "", 0, 0)}
		})},
	}
}

// each gives the steps of so many rounds, with names of their own.
func each(rounds int, steps func(n string) []step) []step {
	var out []step
	for i := range rounds {
		out = append(out, steps(fmt.Sprintf("r%02d", i))...)
	}
	return out
}
