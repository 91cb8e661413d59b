package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	sqlitedriver "modernc.org/sqlite"
)

// dialect is what one driver needs.
type dialect struct {
	// open makes the driver's connector for read-only sessions.
	open     func(dsn string) (driver.Connector, error)
	readOnly string                // statement that makes a new session read only; "": open does
	askable  func(key string) bool // whether the key can be a text of the database
	aboutKey func(error) bool      // whether an error is the key's fault, and the database well
	lifetime time.Duration         // of a connection
}

// errDSN hides a data source name, which may hold a password, from explanations
// and logs.
var errDSN = errors.New("the data source name cannot be read by its driver")

// connector makes sessions of a dialect.
type connector struct {
	dialect dialect
	dsn     func() (string, error)
}

// Connect makes one read-only session.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	dsn, err := c.dsn()
	if err != nil {
		return nil, err
	}
	inner, err := c.dialect.open(dsn)
	if err != nil {
		return nil, errDSN
	}
	conn, err := inner.Connect(ctx)
	if err != nil || c.dialect.readOnly == "" {
		return conn, err
	}
	if err := execute(ctx, conn, c.dialect.readOnly); err != nil {
		conn.Close()
		return nil, fmt.Errorf("making the session read only: %w", err)
	}
	return conn, nil
}

// Driver is asked by nobody here.
func (c *connector) Driver() driver.Driver { return nil }

func execute(ctx context.Context, conn driver.Conn, statement string) error {
	ex, can := conn.(driver.ExecerContext)
	if !can {
		return driver.ErrSkip
	}
	_, err := ex.ExecContext(ctx, statement, nil)
	return err
}

func postgres() dialect {
	return dialect{
		open: func(dsn string) (driver.Connector, error) {
			c, err := pgx.ParseConfig(dsn)
			if err != nil {
				return nil, err
			}
			c.RuntimeParams["default_transaction_read_only"] = "on"
			if c.RuntimeParams["application_name"] == "" {
				c.RuntimeParams["application_name"] = "postroad"
			}
			return stdlib.GetConnector(*c), nil
		},
		askable:  isTextWithoutNUL,
		aboutKey: isPostgresData,
		lifetime: serverLifetime,
	}
}

// isPostgresData: class 22 of SQLSTATE is about data, here the parameter.
func isPostgresData(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && strings.HasPrefix(e.Code, "22")
}

func mySQL() dialect {
	return dialect{
		open: func(dsn string) (driver.Connector, error) {
			c, err := mysql.ParseDSN(dsn)
			if err != nil {
				return nil, err
			}
			// The parameter travels apart from the query, whatever the name asks for.
			c.InterpolateParams, c.MultiStatements = false, false
			c.AllowAllFiles, c.AllowFallbackToPlaintext = false, false
			c.Logger = &mysql.NopLogger{}
			return mysql.NewConnector(c)
		},
		readOnly: "SET SESSION TRANSACTION READ ONLY",
		askable:  isText,
		aboutKey: isMySQLData,
		lifetime: serverLifetime,
	}
}

// isMySQLData: the errors about character sets of a parameter.
func isMySQLData(err error) bool {
	const invalidString, illegalMix, wrongValue, cannotConvert = 1300, 1267, 1366, 3988
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case invalidString, illegalMix, wrongValue, cannotConvert:
		return true
	}
	return false
}

func sqlite() dialect {
	return dialect{
		open:     openSQLite,
		askable:  isText,
		aboutKey: func(error) bool { return false },
		lifetime: fileLifetime,
	}
}

// openSQLite opens a file read only; one that is missing is an error.
func openSQLite(dsn string) (driver.Connector, error) {
	name, query, _ := strings.Cut(uri(dsn), "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	params.Set("mode", "ro") // else a missing file would be made, and be empty
	params.Set("_query_only", "1")
	return sqlitedriver.NewConnector(name + "?" + params.Encode())
}

// uri takes a path, or a URI as sqlite.org/uri.html has it.
func uri(dsn string) string {
	if strings.HasPrefix(dsn, "file:") {
		return dsn
	}
	return "file:" + (&url.URL{Path: dsn}).EscapedPath()
}
