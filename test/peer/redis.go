package peer

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a running server that keeps nothing.
type Redis struct {
	*Process
	Addr   string
	TLS    string // from the first octet
	CA     string // file of the authority of its certificate, which is for 127.0.0.1
	Socket string
	Client *redis.Client
}

// RedisPassword is what every client of a Redis must say.
const RedisPassword = "a secret, with spaces"

// StartRedis starts Debian's Redis. Its data do not outlive its end.
func StartRedis(t *testing.T) *Redis {
	t.Helper()
	Need(t, "redis-server")
	dir := Dir(t)
	roots, certificate := Certificates(t, dir)
	r := &Redis{Addr: FreePort(t), TLS: FreePort(t), CA: roots, Socket: filepath.Join(dir, "socket")}
	conf := Write(t, dir, "redis.conf", fmt.Sprintf("bind 127.0.0.1\nport %s\nunixsocket %s\nsave \"\"\ndir %s\nrequirepass %q\n"+
		"tls-port %s\ntls-cert-file %[6]s\ntls-key-file %[6]s\ntls-ca-cert-file %s\ntls-auth-clients no\n",
		Port(r.Addr), r.Socket, dir, RedisPassword, Port(r.TLS), certificate, roots))
	r.Process = StartProcess(t, Program{Dir: dir, End: syscall.SIGTERM, Args: []string{"/usr/bin/redis-server", conf}})
	r.Client = redis.NewClient(&redis.Options{Addr: r.Addr, Password: RedisPassword, DisableIdentity: true})
	t.Cleanup(func() { r.Client.Close() })
	r.Wait()
	return r
}

// Wait waits until the server answers.
func (r *Redis) Wait() {
	r.t.Helper()
	WaitFor(r.t, 15*time.Second, func() error { return r.Client.Ping(r.t.Context()).Err() })
}
