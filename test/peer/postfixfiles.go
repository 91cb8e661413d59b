package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// quickPostfix lets an instance be asked thousands of questions by one client
// that says for whom it speaks.
const quickPostfix = `smtpd_authorized_xclient_hosts = 0.0.0.0/0
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_tls_security_level = none
smtpd_milters =
content_filter =
in_flow_delay = 0
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
`

// DryPostfix is an instance that decides all and delivers nothing: each of its
// delivery agents is discard(8), which writes the next hop to the log.
type DryPostfix struct {
	Dir  string
	Addr string
	Log  string // path
}

// StartDryPostfix starts Debian's Postfix with the files of a configuration
// written for /etc/postfix. Of its delivery agents local(8) stays where keepLocal
// names it, and error(8); all others discard, under their names in the log
// ("pf/NAME").
func StartDryPostfix(t *testing.T, files map[string]string, agents []string) *DryPostfix {
	t.Helper()
	Need(t, "postfix", "postmap")
	dir := Dir(t)
	p := &DryPostfix{Dir: dir, Addr: FreePort(t), Log: filepath.Join(dir, "log")}
	for _, d := range []string{"queue", "lib"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	Run(t, "chown", "postfix", filepath.Join(dir, "lib"))
	conf := filepath.Join(dir, "etc")
	for name, text := range files {
		Write(t, conf, name, strings.ReplaceAll(text, "/etc/postfix/", conf+"/"))
	}
	main := strings.ReplaceAll(files["main.cf"], "/etc/postfix/", conf+"/")
	own := fmt.Sprintf("\nqueue_directory = %[1]s/queue\ndata_directory = %[1]s/lib\nmaillog_file = %[1]s/log\nmaillog_file_prefixes = %[1]s\n", dir)
	if !strings.Contains(main, "alias_maps") || !regexp.MustCompile(`(?m)^alias_maps`).MatchString(main) {
		own += "alias_maps =\n"
	}
	Write(t, conf, "main.cf", oneEach(main+own+quickPostfix))
	Write(t, conf, "master.cf", dryMaster(t, p.Addr, agents))
	indexTables(t, conf, main)
	Run(t, "postfix", "-c", conf, "start")
	t.Cleanup(func() {
		exec.Command("postfix", "-c", conf, "abort").Run()
		if t.Failed() {
			log, _ := os.ReadFile(p.Log)
			t.Logf("postfix:\n%s", tail(string(log), 4000))
		}
	})
	WaitFor(t, 20*time.Second, func() error { return Greets(p.Addr) })
	return p
}

// indexTables runs postmap for the tables that need an index.
func indexTables(t *testing.T, conf, main string) {
	t.Helper()
	aliases := regexp.MustCompile(`(?m)^alias_maps.*hash:(\S+)`).FindStringSubmatch(main)
	for _, m := range regexp.MustCompile(`hash:(/[^\s,]+)`).FindAllStringSubmatch(main, -1) {
		program := "postmap"
		if aliases != nil && aliases[1] == m[1] {
			program = "postalias"
		}
		Run(t, program, "-c", conf, "hash:"+m[1])
	}
}

// dryMaster is the packaged master.cf with its smtpd on addr, no chroot, and
// discard(8) for the agents.
func dryMaster(t *testing.T, addr string, agents []string) string {
	t.Helper()
	text := postfixMaster(t, addr)
	for _, name := range agents {
		text = regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(name)+`\s+unix\s.*(\n[ \t].*)*\n`).ReplaceAllString(text, "")
		text += fmt.Sprintf("%s unix - - n - 50 discard -o syslog_name=pf/%s\n", name, name)
	}
	return text
}
