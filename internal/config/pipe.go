package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Pipe is a program that takes messages.
type Pipe struct {
	Command   []string // the program, then its arguments with placeholders
	User      string   // name or number; "": the server's own
	Group     string   // name or number; "": that of User
	Directory string   // where it runs
	Timeout   time.Duration
	MaxOutput int64
	Limits    PipeLimits
}

// PipeLimits are resource limits of a program; 0: the system's.
type PipeLimits struct {
	Memory    int64
	FileSize  int64
	CPU       time.Duration
	OpenFiles int
	Processes int
}

// Placeholders of a pipe's command, each a value of one delivery.
const (
	PlaceRecipient = "{recipient}"
	PlaceSender    = "{sender}"
	PlaceLocal     = "{local}"
	PlaceDomain    = "{domain}"
	PlaceOriginal  = "{original}"
	PlaceID        = "{id}"
)

func placesOfPipe() []string {
	return []string{PlaceRecipient, PlaceSender, PlaceLocal, PlaceDomain, PlaceOriginal, PlaceID}
}

// wordPlace is what looks like a placeholder in a command. Other braces are the
// program's business.
func wordPlace() *regexp.Regexp { return regexp.MustCompile(`\{[a-z_]+\}`) }

func (l *loader) pipe(b *block) *Pipe {
	p := &Pipe{
		Command: l.command(b),
		User:    get[string](b, "user"), Group: get[string](b, "group"),
		Directory: get[filePath](b, "directory").path,
		Timeout:   get[time.Duration](b, "timeout"), MaxOutput: get[int64](b, "max_output"),
		Limits: PipeLimits{
			Memory: get[int64](b, "memory"), FileSize: get[int64](b, "file_size"), CPU: get[time.Duration](b, "cpu"),
			OpenFiles: get[int](b, "open_files"), Processes: get[int](b, "processes"),
		},
	}
	l.positive(b, "timeout", "cpu")
	if b.given("cpu") && p.Limits.CPU < time.Second && p.Limits.CPU > 0 {
		l.errorf(b.place("cpu"), "cpu is counted in whole seconds")
	}
	if b.given("group") && !b.given("user") {
		l.errorf(b.place("group"), "group without user")
	}
	if p.User == "root" || p.User == "0" {
		l.errorf(b.place("user"), "a program never runs as root")
	}
	return p
}

// command holds a command against what can be run without a shell.
func (l *loader) command(b *block) []string {
	var out []string
	for _, t := range get[[]text](b, "command") {
		out = append(out, t.s)
		for _, place := range wordPlace().FindAllString(t.s, -1) {
			switch {
			case len(out) == 1:
				l.errorf(t.at, "the program itself cannot be of an address")
			case !slices.Contains(placesOfPipe(), place):
				l.errorf(t.at, "there is no %s", place).hint(didYouMean(place, placesOfPipe(), bare))
			}
		}
		if strings.IndexByte(t.s, 0) >= 0 {
			l.errorf(t.at, "an argument cannot hold a NUL")
		}
	}
	switch {
	case b.bad:
	case len(out) == 0:
		l.errorf(b.place("command"), "an empty command")
	case !strings.HasPrefix(out[0], "/"):
		l.errorf(b.place("command"), "the path of a program starts with /").detail("there is no shell, and no PATH is searched")
	default:
		l.needFile(b, "command", filePath{path: out[0], written: out[0]})
	}
	return out
}
