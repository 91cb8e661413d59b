package deliver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"unicode"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// errArgument means that an address cannot be an argument of the program.
var errArgument = errors.New("deliver: address is not fit for an argument")

// pipes runs the program once for each recipient.
func (r *run) pipes(ctx context.Context) {
	for i := range r.slots {
		if ctx.Err() != nil {
			return
		}
		if !r.slots[i].settled {
			r.pipe(ctx, i)
		}
	}
}

func (r *run) pipe(ctx context.Context, i int) {
	rcpt := r.slots[i].rcpt
	r.slots[i].at = r.t.Pipe.Command[0]
	args, err := arguments(r.t.Pipe.Command, r.placeValues(rcpt))
	if err != nil {
		r.settle(i, spool.Failed, mail.Reply{Code: 553, Enhanced: "5.1.3", Text: "address cannot be handed to the program"}, "")
		return
	}
	p := program{spec: r.t.Pipe, args: args, message: func(w *bufio.Writer) error {
		_, _ = w.Write(unixLines(r.finalFields(rcpt)))
		return copyFinal(w, io.NewSectionReader(r.a.Body, 0, r.a.Body.Size()))
	}}
	end := p.run(ctx)
	if end.err != nil {
		r.d.o.Log.LogAttrs(ctx, slog.LevelError, "pipe", slog.String("id", r.a.Job.Message.String()),
			slog.String("program", args[0]), slog.String("error", end.err.Error()))
	}
	state, reply := end.verdict()
	r.settle(i, state, reply, "")
}

// placeValues are what the placeholders stand for. The null sender is empty.
func (r *run) placeValues(rcpt spool.Recipient) map[string]string {
	sender := ""
	if !r.a.Job.Sender.IsNull() {
		sender = r.a.Job.Sender.String()
	}
	return map[string]string{
		config.PlaceRecipient: rcpt.Final.String(), config.PlaceLocal: rcpt.Final.Local, config.PlaceDomain: string(rcpt.Final.Domain),
		config.PlaceSender: sender, config.PlaceOriginal: originalOf(rcpt).String(), config.PlaceID: r.a.Job.Message.String(),
	}
}

// arguments fills the placeholders in, once: what a value holds is not looked at
// again. A value never makes an option: where an argument begins with "-" only by
// its value, the address is refused, unless the command has said "--" before,
// behind which programs know no options.
func arguments(command []string, values map[string]string) ([]string, error) {
	var pairs []string
	for place, value := range values {
		pairs = append(pairs, place, value)
	}
	fill := strings.NewReplacer(pairs...)
	out := []string{command[0]}
	ended := false
	for _, template := range command[1:] {
		arg := fill.Replace(template)
		if arg != template && strings.IndexFunc(arg, unicode.IsControl) >= 0 {
			return nil, errArgument
		}
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(template, "-") && !ended {
			return nil, errArgument
		}
		ended = ended || template == "--"
		out = append(out, arg)
	}
	return out, nil
}
