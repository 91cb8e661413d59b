package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
)

// Options of a table.
type Options struct {
	Server      dial.Server
	Database    int
	User        string
	Password    func() (string, error) // nil: none; asked at each new connection
	Command     string                 // get, hget, smembers
	Name        string                 // of what is read; {key} is the key
	Field       string                 // hget: in the hash; {key} is the key
	Timeout     time.Duration
	Connections int
}

// Parse reads redis://host:port/database, rediss:// for TLS, or
// unix:///path?db=database.
func Parse(raw string) (s dial.Server, database int, err error) {
	s, u, err := dial.Parse(raw, dial.Scheme{Name: "redis", Port: "6379"},
		dial.Scheme{Name: "rediss", Port: "6379", TLS: true}, dial.Scheme{Name: "unix", Socket: true})
	if err != nil {
		return s, 0, err
	}
	text := strings.TrimPrefix(u.Path, "/")
	if s.Network == "unix" {
		text = u.Query().Get("db")
	}
	if text == "" {
		return s, 0, nil
	}
	if database, err = strconv.Atoi(text); err != nil || database < 0 {
		return s, 0, errDatabase
	}
	return s, database, nil
}

// Bounds on the answer to one key.
const (
	maxValues = 100_000
	maxOctets = 16 << 20
)

var (
	errDatabase = errors.New("a database of Redis is a number")
	errCommand  = errors.New("redis: no such command")
	errTooMuch  = errors.New("the answer has too many values")
)

// silence keeps the client from writing to stderr: what it would tell comes back
// as an error of a command too.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// New makes the Asker. It connects when it is first asked.
func New(o Options) (remote.Asker, error) {
	if !slices.Contains([]string{"get", "hget", "smembers"}, o.Command) {
		return nil, fmt.Errorf("%w: %q", errCommand, o.Command)
	}
	redis.SetLogger(silence{})
	return &asker{opts: o, client: redis.NewClient(&redis.Options{
		Network: o.Server.Network, Addr: o.Server.Address, DB: o.Database, Protocol: 2,
		Dialer:                     func(ctx context.Context, _, _ string) (net.Conn, error) { return o.Server.Dial(ctx) },
		CredentialsProviderContext: o.credentials,
		// table/remote says when to ask again.
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		ContextTimeoutEnabled: true,
		PoolSize:              o.Connections, MaxActiveConns: o.Connections, ConnMaxIdleTime: time.Minute,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}, nil
}

func (o Options) credentials(context.Context) (user, password string, err error) {
	if o.Password == nil {
		return "", "", nil
	}
	password, err = o.Password()
	return o.User, password, err
}

// asker is the Asker of one command.
type asker struct {
	opts   Options
	client *redis.Client
}

// Lookup asks for one key.
func (a *asker) Lookup(ctx context.Context, key string) table.Answer {
	return a.LookupAll(ctx, []string{key})[0]
}

// LookupAll asks for the keys in one exchange. It is a pipeline and no MGET, which
// answers "nothing there" to a name of another type.
func (a *asker) LookupAll(ctx context.Context, keys []string) []table.Answer {
	pipe := a.client.Pipeline()
	replies := make([]redis.Cmder, len(keys))
	for i, key := range keys {
		replies[i] = a.ask(ctx, pipe, key)
	}
	_, err := pipe.Exec(ctx)
	// An error that no reply has came before the replies (a wrong password, no
	// connection), and a reply that was never read looks like an empty text.
	if slices.ContainsFunc(replies, func(r redis.Cmder) bool { return errors.Is(r.Err(), err) }) {
		err = nil
	}
	answers := make([]table.Answer, len(keys))
	for i, r := range replies {
		answers[i] = answer(r, err)
	}
	return answers
}

func (a *asker) ask(ctx context.Context, pipe redis.Pipeliner, key string) redis.Cmder {
	name := strings.ReplaceAll(a.opts.Name, "{key}", key)
	switch a.opts.Command {
	case "smembers":
		return pipe.SMembers(ctx, name)
	case "hget":
		return pipe.HGet(ctx, name, strings.ReplaceAll(a.opts.Field, "{key}", key))
	default:
		return pipe.Get(ctx, name)
	}
}

// Close closes all connections.
func (a *asker) Close() error { return a.client.Close() }

// answer reads one reply; broken is why the exchange failed.
func answer(reply redis.Cmder, broken error) table.Answer {
	if broken != nil {
		return table.Answer{Cause: broken}
	}
	var values []string
	var err error
	switch r := reply.(type) {
	case *redis.StringSliceCmd:
		if values, err = r.Result(); err == nil && len(values) == 0 {
			err = redis.Nil // a set without members is no set
		}
		slices.Sort(values)
	case *redis.StringCmd:
		var v string
		v, err = r.Result()
		values = []string{v}
	}
	switch {
	case errors.Is(err, redis.Nil):
		return table.Answer{Status: table.NotFound}
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, err)}
	case err != nil:
		return table.Answer{Cause: err}
	}
	return found(values)
}

func found(values []string) table.Answer {
	octets := 0
	for _, v := range values {
		octets += len(v)
	}
	if octets > maxOctets || len(values) > maxValues {
		return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, errTooMuch)}
	}
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	return table.Answer{Status: table.Found, Values: values}
}
