package equivalence

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "modernc.org/sqlite" // makes the databases
)

// The doors of the two servers.
const (
	postfixDoor  = "127.0.0.1:4001"
	postroadDoor = "127.0.0.1:4002"
)

// mailboxes is where local(8) brings mail for users of the system: a capture
// stands in for them.
const mailboxes = "127.0.0.24"

// instruments are the lines that make a Postfix answer quickly on one port. They
// change nothing of where mail goes.
const instruments = `
maillog_file = /var/log/mail.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_tls_security_level = none
smtpd_milters =
content_filter =
in_flow_delay = 0
smtp_tls_CAfile = ` + authorityPath + `
`

// startPostfix puts the files to /etc/postfix and /etc, and starts it.
func (w *world) startPostfix() error {
	if err := run("cp", "-aT", w.Conf, "/etc/postfix"); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(w.Conf, "etc")); err == nil {
		if err := run("cp", "-aT", filepath.Join(w.Conf, "etc"), "/etc"); err != nil {
			return err
		}
	}
	if err := databases(); err != nil {
		return err
	}
	main, err := w.writeMain()
	if err != nil {
		return err
	}
	master, err := w.master()
	if err != nil {
		return err
	}
	if err := os.WriteFile("/etc/postfix/master.cf", []byte(master), 0o644); err != nil {
		return err
	}
	if err := w.folders(main); err != nil {
		return err
	}
	if err := run("postfix", "start"); err != nil {
		return err
	}
	return waitFor(20*time.Second, func() error { return greets(postfixDoor) })
}

// databases makes those of SQLite of which the configuration has the text.
func databases() error {
	scripts, err := filepath.Glob("/etc/postfix/*.sql")
	for _, path := range scripts {
		script, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		db, err := sql.Open("sqlite", strings.TrimSuffix(path, ".sql")+".db")
		if err != nil {
			return err
		}
		if _, err := db.Exec(string(script)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	return err
}

// writeMain adds the instruments to main.cf.
func (w *world) writeMain() (string, error) {
	text, err := os.ReadFile(filepath.Join(w.Conf, "main.cf"))
	if err != nil {
		return "", err
	}
	main := string(text)
	own := instruments
	if _, err := os.Stat(filepath.Join(w.Conf, "etc/aliases")); err != nil && !regexp.MustCompile(`(?m)^alias_maps`).MatchString(main) {
		own += "alias_maps =\n"
	}
	if !strings.Contains(main, "mailbox_transport") {
		own += "mailbox_transport = lmtp:[" + mailboxes + "]:24\n"
	}
	return main, os.WriteFile("/etc/postfix/main.cf", []byte(main+own), 0o644)
}

// folders makes what a machine has before Postfix starts, and the indexes of
// tables.
func (w *world) folders(main string) error {
	for _, c := range [][]string{
		{"mkdir", "-p", "/var/lib/postfix", "/var/spool/postfix"}, {"chown", "postfix", "/var/lib/postfix"},
	} {
		if err := run(c...); err != nil {
			return err
		}
	}
	if m := regexp.MustCompile(`(?m)^virtual_mailbox_base\s*=\s*(/\S+)`).FindStringSubmatch(main); m != nil {
		if err := run("install", "-d", "-m", "777", m[1]); err != nil {
			return err
		}
	}
	aliases := regexp.MustCompile(`(?m)^alias_maps.*hash:(\S+)`).FindStringSubmatch(main)
	for _, m := range regexp.MustCompile(`\b(hash|btree|cdb|lmdb):(/[^\s,}]+)`).FindAllStringSubmatch(main, -1) {
		program := "postmap"
		if aliases != nil && aliases[1] == m[2] {
			program = "postalias"
		}
		if err := run(program, m[0]); err != nil {
			return err
		}
	}
	return nil
}

// master is the packaged master.cf with its smtpd on our door and no chroot, and
// the delivery agents of the configuration's own.
func (w *world) master() (string, error) {
	text, err := os.ReadFile("/usr/share/postfix/master.cf.dist")
	if err != nil {
		return "", err
	}
	services := entries(string(text))
	own, err := os.ReadFile(filepath.Join(w.Conf, "master.cf"))
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	for name, e := range entries(string(own)) {
		if strings.HasSuffix(name, " unix") {
			services[name] = e
		}
	}
	out := fmt.Sprintf("%s inet n - n - - smtpd\npostlog unix-dgram n - n - 1 postlogd\n", postfixDoor)
	for name, e := range services {
		if !strings.HasSuffix(name, " inet") && !strings.HasPrefix(name, "postlog ") {
			out += regexp.MustCompile(`^(\S+\s+\S+\s+\S+\s+\S+\s+)y\b`).ReplaceAllString(e, "${1}n")
		}
	}
	return out, nil
}

// entries are those of a master.cf, by name and type.
func entries(text string) map[string]string {
	out, at := map[string]string{}, ""
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0][0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			out[at] += line
		case len(f) > 1:
			at = f[0] + " " + f[1]
			out[at] = line
		}
	}
	return out
}

// postfixQueue gives what waits, once nothing else is on its way.
func postfixQueue() (map[string]bool, error) {
	for _, dir := range []string{"maildrop", "incoming", "active"} {
		files, err := os.ReadDir("/var/spool/postfix/" + dir)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			return nil, fmt.Errorf("%d messages in %s", len(files), dir)
		}
	}
	waiting := map[string]bool{}
	files, err := filepath.Glob("/var/spool/postfix/deferred/*/*")
	for _, f := range files {
		waiting[filepath.Base(f)] = true
	}
	return waiting, err
}
