// Command postroad is the server and what an administrator asks of it.
//
// It holds flags and the wiring of verbs, nothing else: each verb is a file here
// that calls one room of the house and prints. Exit status: 0 done, 1 the answer
// is no, 2 wrong use, 75 try later.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/postroad/postroad/internal/deliver/limited"
)

// verbs is the command line as a whole.
type verbs struct {
	Serve     serveVerb      `cmd:"" help:"Run the server."`
	Reload    reloadVerb     `cmd:"" help:"Give the running server its configuration anew."`
	Restart   restartVerb    `cmd:"" help:"Have the running server go on as the program that is installed now; no client finds it closed."`
	Check     checkVerb      `cmd:"" help:"Tell errors, warnings and proofs about a configuration."`
	Route     routeVerb      `cmd:"" help:"Tell what would become of a message, and why."`
	Queue     queueVerbs     `cmd:"" help:"Look at the queue of the running server, and change it."`
	Spool     spoolVerbs     `cmd:"" help:"Check, export or repair the spool of a stopped server."`
	Migration migrationVerbs `cmd:"" help:"Lead the migration of a domain on the running server."`
	Table     tableVerbs     `cmd:"" help:"Ask a table, and tell how tables are."`
	Import    importVerbs    `cmd:"" help:"Carry another server's configuration over."`
	Demo      demoVerb       `cmd:"" help:"A small internet in one process, with the server in the middle."`
	Version   versionVerb    `cmd:"" help:"Tell the version."`
}

// world is what a verb works with.
type world struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	colour bool // stdout is a terminal that wants colours

	terminal bool // stderr is one: a line on it may be written again
}

func main() {
	limited.Main(os.Args) // comes back unless we are to be a program of a pipe
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	w := &world{
		ctx: ctx, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		colour: isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "", terminal: isTerminal(os.Stderr),
	}
	os.Exit(run(w, os.Args[1:]))
}

// run does what args say and gives the exit status.
func run(w *world, args []string) int {
	left := -1
	k, err := kong.New(&verbs{}, kong.Name("postroad"), kong.Description("An email routing server."),
		kong.Writers(w.stdout, w.stderr), kong.UsageOnError(), kong.Exit(func(status int) { left = status }))
	if err != nil {
		return w.fail(err)
	}
	c, err := k.Parse(args)
	if left >= 0 { // --help was printed
		return left
	}
	if err != nil {
		return w.fail(&statusError{status: exitUsage, err: err})
	}
	if err := c.Run(w); err != nil {
		return w.fail(err)
	}
	return exitDone
}

// isTerminal tells a terminal from a file and a pipe.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
