package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/postroad/postroad/test/serverlog"
)

// server knows how to start one mail server that relays everything to the sink.
type server struct {
	name  string
	start func(environment) (*process, error)
}

// environment of one run.
type environment struct {
	dir         string // of its own
	sink        string
	slow        string // next hop of slowDomain; "": there is none
	tls         bool
	certificate string // file with certificate and key
}

// servers in the order in which they are measured.
func servers(program string) []server {
	return []server{
		{"postroad", func(e environment) (*process, error) { return startPostroad(program, e) }},
		{"postfix", startPostfix},
	}
}

// process is a server under measurement.
type process struct {
	addr string
	pids func() []int
	stop func()
	log  string // file; "": nobody reads it
}

// end stops a server whose figures were taken with err; errors in its log make
// them worthless.
func (p *process) end(err *error) {
	p.stop()
	if p.log == "" {
		return
	}
	faults, unread := serverlog.FaultsOf(p.log)
	if len(faults) > 0 {
		unread = fmt.Errorf("%d errors in the server's log, first %s", len(faults), faults[0])
	}
	*err = errors.Join(*err, unread)
}

// cpu is the user and system time of all its processes so far. Processes of
// Postfix live longer than a run, so that none is missed by its end.
func (p *process) cpu() time.Duration {
	var ticks int64
	for _, pid := range p.pids() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		for _, i := range []int{11, 12, 13, 14} { // utime stime cutime cstime
			n, _ := strconv.ParseInt(f[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// signal is sent to all its processes.
func (p *process) signal(s syscall.Signal) {
	for _, pid := range p.pids() {
		_ = syscall.Kill(pid, s) // one that has gone needs none
	}
}

// written is what its processes have written to files so far.
func (p *process) written() int64 {
	var sum int64
	for _, pid := range p.pids() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), "\nwrite_bytes: ")
		line, _, _ := strings.Cut(rest, "\n")
		n, _ := strconv.ParseInt(line, 10, 64)
		sum += n
	}
	return sum
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

const postroadConfig = `hostname = "relay.test"
data     = %q
listener "in" {
  bind = [%q]
%s}
relay "in" {
  client = ["127.0.0.0/8"]
}
transport "smtp" "sink" {
  to          = [%q]
  connections = 100
  tls         = %q
}
route "default" {
  via = transport.sink
}
log {
  level = "warn"
}
`

// slowDomain goes to a next hop of its own.
const slowDomain = "slow.test"

const postroadSlow = `transport "smtp" "slow" {
  to          = [%q]
  connections = 20
}
route "slow" {
  recipient = [%q]
  via       = transport.slow
}
`

func startPostroad(program string, e environment) (*process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	file, door, policy := filepath.Join(e.dir, "postroad.hcl"), "", "none"
	if e.tls {
		door, policy = fmt.Sprintf("  tls         = \"offer\"\n  certificate = %q\n", e.certificate), "require"
	}
	text := fmt.Sprintf(postroadConfig, filepath.Join(e.dir, "data"), addr, door, e.sink, policy)
	if e.slow != "" {
		text += fmt.Sprintf(postroadSlow, e.slow, slowDomain)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(e.dir, "postroad.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "serve", "-c", file)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{
		addr: addr,
		pids: func() []int { return []int{cmd.Process.Pid} },
		stop: func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() },
		log:  log.Name(),
	}, nil
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/lib
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:%[2]s
relay_domains =
smtpd_relay_restrictions = permit_mynetworks, reject
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtp_destination_concurrency_limit = 100
initial_destination_concurrency = 50
smtp_connection_cache_on_demand = yes
smtp_connection_cache_destinations = [127.0.0.1]:%[2]s
in_flow_delay = 0
smtpd_peername_lookup = no
alias_maps =
max_idle = 600s
max_use = 100000
disable_dns_lookups = yes
smtp_host_lookup = native
`

const postfixTLS = `smtpd_tls_security_level = may
smtpd_tls_chain_files = %[1]s
smtpd_tls_loglevel = 0
smtp_tls_security_level = encrypt
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
`

// startPostfix runs Debian's Postfix out of a folder of its own.
func startPostfix(e environment) (*process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := writePostfix(e, addr); err != nil {
		return nil, err
	}
	conf := filepath.Join(e.dir, "etc")
	if out, err := exec.Command("postfix", "-c", conf, "start").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("postfix start: %w: %s", err, out)
	}
	return &process{
		addr: addr,
		pids: func() []int { return postfixPids(filepath.Join(e.dir, "queue/pid/master.pid")) },
		stop: func() { exec.Command("postfix", "-c", conf, "stop").Run() },
	}, nil
}

func writePostfix(e environment, addr string) error {
	dir := e.dir
	if err := os.Chmod(dir, 0o755); err != nil { // its daemons run as another user
		return err
	}
	for _, d := range []string{"etc", "queue", "lib"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "lib")).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, out)
	}
	_, sinkPort, err := net.SplitHostPort(e.sink)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	master, err := os.ReadFile("/usr/share/postfix/master.cf.dist")
	if err != nil {
		return err
	}
	text := strings.Replace(string(master), "\nsmtp      inet  n       -       y       -       -       smtpd",
		"\n127.0.0.1:"+port+" inet n - n - - smtpd", 1)
	text = strings.ReplaceAll(text, " y       -       ", " n       -       ") // no chroot
	text += "\npostlog unix-dgram n - n - 1 postlogd\n"
	if err := os.WriteFile(filepath.Join(dir, "etc/master.cf"), []byte(text), 0o644); err != nil {
		return err
	}
	main := fmt.Sprintf(postfixMain, dir, sinkPort)
	if e.tls {
		main += fmt.Sprintf(postfixTLS, e.certificate)
	}
	return os.WriteFile(filepath.Join(dir, "etc/main.cf"), []byte(main), 0o644)
}

// postfixPids is the master and its children.
func postfixPids(pidFile string) []int {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return nil
	}
	master, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil
	}
	pids := []int{master}
	kids, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", master, master))
	for _, f := range strings.Fields(string(kids)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}
