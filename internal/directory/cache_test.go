package directory

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCacheBelievesAYesForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := passwd(t, "staff", "ann:"+argonPassword+"\n")
		dir.Cache = time.Minute
		a := ask(t, dir)
		computed := func(want int64, password string, answer any) {
			t.Helper()
			before := a.hasher.computed.Load()
			a.expect("ann", password, answer)
			if n := a.hasher.computed.Load() - before; n != want {
				t.Errorf("%d hashes computed, want %d", n, want)
			}
		}
		computed(1, "password", "staff/ann")
		computed(0, "password", "staff/ann")
		computed(1, "wrong", ErrWrong)
		computed(1, "wrong", ErrWrong)
		time.Sleep(time.Minute)
		computed(1, "password", "staff/ann")
		changed := *dir
		changed.Cache = time.Hour
		a.dirs[0] = &changed // a reload forgets what a changed directory said
		computed(1, "password", "staff/ann")
		same := changed
		same.Source = "moved.hcl:2"
		a.dirs[0] = &same
		computed(0, "password", "staff/ann")
	})
}
