package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/redis"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

func redisAsker(t *testing.T, url string, o redis.Options) remote.Batcher {
	t.Helper()
	roots := o.Server.Roots
	var err error
	if o.Server, o.Database, err = redis.Parse(url); err != nil {
		t.Fatal(err)
	}
	o.Server.Roots = roots
	if o.Password == nil {
		o.Password = func() (string, error) { return peer.RedisPassword, nil }
	}
	o.Timeout, o.Connections = 2*time.Second, 4
	a, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a.(remote.Batcher)
}

func TestRedisTable(t *testing.T) {
	t.Parallel()
	r := peer.StartRedis(t)
	redisHostile(t, r)
	redisAnswers(t, r)
	redisSecurity(t, r)
	pass := peer.Write(t, peer.Dir(t), "pass", peer.RedisPassword+"\n")
	known := func() {
		r.Wait()
		if err := r.Client.Set(t.Context(), "user:known@out.test", "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	known()
	throughOutages(t, fmt.Sprintf(`table "redis" "users" {
  url          = "redis://%s"
  pass         = file(%q)
  key          = "user:{key}"
  ttl          = "0s"
  negative_ttl = "0s"
  timeout      = "1s"
}
`, r.Addr, pass), r.Process, known)
}

// redisHostile stores every other hostile key in each way; each finds its own
// value or nothing.
func redisHostile(t *testing.T, r *peer.Redis) {
	t.Helper()
	ctx := t.Context()
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	for i := 0; i < len(keys); i += 2 {
		k, v := keys[i], fmt.Sprint(i)
		pipe := r.Client.Pipeline()
		pipe.Set(ctx, "a:"+k, v, 0)
		pipe.HSet(ctx, "hash", k, v)
		pipe.SAdd(ctx, "set:"+k+":x", v)
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	before := r.Client.DBSize(ctx).Val()
	for command, a := range map[string]remote.Batcher{
		"get":      redisAsker(t, "redis://"+r.Addr, redis.Options{Command: "get", Name: "a:{key}"}),
		"hget":     redisAsker(t, "redis://"+r.Addr, redis.Options{Command: "hget", Name: "hash", Field: "{key}"}),
		"smembers": redisAsker(t, "unix://"+r.Socket, redis.Options{Command: "smembers", Name: "set:{key}:x"}),
	} {
		together := a.LookupAll(ctx, keys)
		for i, k := range keys {
			for _, got := range []table.Answer{a.Lookup(ctx, k), together[i]} {
				switch {
				case i%2 == 0 && (got.Status != table.Found || !slices.Equal(got.Values, []string{fmt.Sprint(i)})):
					t.Errorf("%s: %q: %+v, want %d", command, k, got, i)
				case i%2 != 0 && got.Status != table.NotFound:
					t.Errorf("%s: %q: %+v, want not found", command, k, got)
				}
			}
		}
	}
	if after := r.Client.DBSize(ctx).Val(); after != before {
		t.Errorf("%d names before, %d after", before, after)
	}
}

// redisAnswers: sets, empty texts, another type, another database, another password.
func redisAnswers(t *testing.T, r *peer.Redis) {
	t.Helper()
	ctx := t.Context()
	r.Client.SAdd(ctx, "many", "b", "c", "a")
	r.Client.Set(ctx, "empty", "", 0)
	r.Client.Set(ctx, "one", "x,y", 0)
	get := redisAsker(t, "redis://"+r.Addr, redis.Options{Command: "get", Name: "{key}"})
	for i, got := range get.LookupAll(ctx, []string{"one", "many", "empty", "none"}) {
		if want := []table.Status{table.Found, table.TryLater, table.Found, table.NotFound}[i]; got.Status != want {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if got := get.Lookup(ctx, "empty"); len(got.Values) != 0 {
		t.Errorf("%+v", got)
	}
	set := redisAsker(t, "redis://"+r.Addr, redis.Options{Command: "smembers", Name: "{key}"})
	if got := set.Lookup(ctx, "many"); !slices.Equal(got.Values, []string{"a", "b", "c"}) {
		t.Errorf("%+v", got)
	}
	other := redisAsker(t, "redis://"+r.Addr+"/3", redis.Options{Command: "get", Name: "{key}"})
	if got := other.Lookup(ctx, "one"); got.Status != table.NotFound {
		t.Errorf("%+v", got)
	}
	wrong := func() (string, error) { return "wrong", nil }
	stranger := redisAsker(t, "redis://"+r.Addr, redis.Options{Command: "get", Name: "{key}", Password: wrong})
	if got := stranger.Lookup(ctx, "one"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
}

// redisSecurity: over TLS only who proves to be the server answers.
func redisSecurity(t *testing.T, r *peer.Redis) {
	t.Helper()
	otherRoots, _ := peer.Certificates(t, peer.Dir(t))
	for name, c := range map[string]struct {
		addr, roots string
		want        table.Status
	}{
		"the authority":           {r.TLS, r.CA, table.Found},
		"another authority":       {r.TLS, otherRoots, table.TryLater},
		"the system's":            {r.TLS, "", table.TryLater},
		"another name":            {strings.Replace(r.TLS, "127.0.0.1", "localhost", 1), r.CA, table.TryLater},
		"no file":                 {r.TLS, r.CA + "x", table.TryLater},
		"TLS where there is none": {r.Addr, r.CA, table.TryLater},
	} {
		o := redis.Options{Command: "get", Name: "{key}"}
		o.Server.Roots = c.roots
		if got := redisAsker(t, "rediss://"+c.addr, o).Lookup(t.Context(), "one"); got.Status != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
