package peer

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // for Admin
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Database is a running database server in a folder of its own. Anybody on
// 127.0.0.1 is its administrator.
type Database struct {
	*Process
	Addr string
	DSN  string // without a password

	driver string
}

// StartPostgres starts Debian's PostgreSQL.
func StartPostgres(t *testing.T) *Database {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	bin := "/usr/lib/postgresql/bin/postgres"
	if len(found) > 0 {
		bin = slices.Max(found)
	}
	Need(t, bin)
	dir, addr := Dir(t), FreePort(t)
	Run(t, "chown", "postgres", dir)
	as := credential(t, "postgres")
	initdb := exec.Command(filepath.Join(filepath.Dir(bin), "initdb"), "-D", filepath.Join(dir, "data"), "-A", "trust",
		"-U", "postgres", "-E", "UTF8", "--locale=C", "-N")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	d := &Database{Addr: addr, driver: "pgx", DSN: "host=127.0.0.1 port=" + Port(addr) + " user=postgres dbname=postgres sslmode=disable"}
	// SIGINT is PostgreSQL's fast shutdown, which cuts sessions.
	d.Process = StartProcess(t, Program{Dir: dir, User: "postgres", End: syscall.SIGINT, Args: []string{
		bin, "-D", filepath.Join(dir, "data"), "-p", Port(addr), "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"}})
	d.Wait()
	return d
}

// StartMariaDB starts Debian's MariaDB.
func StartMariaDB(t *testing.T) *Database {
	t.Helper()
	Need(t, "mariadbd", "mariadb-install-db")
	dir, addr := Dir(t), FreePort(t)
	Run(t, "chown", "mysql", dir)
	data := filepath.Join(dir, "data")
	Run(t, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--user=mysql",
		"--auth-root-authentication-method=normal", "--skip-test-db")
	d := &Database{Addr: addr, driver: "mysql", DSN: "root@tcp(" + addr + ")/mysql"}
	d.Process = StartProcess(t, Program{Dir: dir, User: "mysql", End: syscall.SIGTERM, Args: []string{
		"/usr/sbin/mariadbd", "--no-defaults", "--datadir=" + data, "--bind-address=127.0.0.1", "--port=" + Port(addr),
		"--socket=" + filepath.Join(dir, "socket"), "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
		"--innodb-buffer-pool-size=16M", "--character-set-server=utf8mb4"}})
	d.Wait()
	return d
}

// Wait waits until the server answers.
func (d *Database) Wait() {
	d.t.Helper()
	db := d.Admin()
	defer db.Close()
	WaitFor(d.t, 30*time.Second, db.Ping)
}

// Admin gives an administrator's connections; the caller closes them.
func (d *Database) Admin() *sql.DB {
	d.t.Helper()
	db, err := sql.Open(d.driver, d.DSN)
	if err != nil {
		d.t.Fatal(err)
	}
	return db
}

// Exec runs statements, each with its parameters.
func (d *Database) Exec(statement string, parameters ...any) {
	d.t.Helper()
	db := d.Admin()
	defer db.Close()
	if _, err := db.Exec(statement, parameters...); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}
