package demo

import (
	"context"
	"strings"
	"time"
)

// introduce says where everything is.
func (d *demo) introduce() {
	d.printf("A small internet in one process. In its middle the real server, as `postroad serve -c %s` is it:\n", d.opts.Config)
	d.printf("  %-17s %s, the server; log in %s\n", d.smtp, d.config.Hostname, d.logPath())
	d.printf("  %-17s DNS\n", d.world.lab.DNS.Addr())
	password := ""
	for _, h := range hosts(password) {
		note := ""
		if h.down {
			note = ", which is down"
		}
		d.printf("  %-17s %s%s\n", h.ip, h.name, note)
	}
	d.printf("\nEach message is explained first, by the server that then gets it.\n\n")
}

// invite says what may be played with.
func (d *demo) invite() {
	host, port, _ := strings.Cut(d.smtp, ":")
	server := host + " --port " + port
	d.printf(`
The server goes on until Ctrl-C, and what arrives anywhere is told here. Try, in another terminal:

  swaks --server %[1]s --from ann@home.example --to x@north.example
  swaks --server %[1]s --local-interface 127.0.2.1 --from someone@north.example --to info@shop.example
  postroad route -c %[2]s --live info@shop.example --from someone@north.example --dns
  postroad route -c %[2]s y@south.example --from ann@home.example --client 127.0.0.1 --dns
  postroad queue list -c %[2]s
  postroad reload -c %[2]s                    # after a change; tables are read again by themselves
`, server, d.opts.Config)
	if d.config.Console != nil && len(d.config.Console.Bind) > 0 {
		d.printf("  curl http://%s/metrics\n", d.config.Console.Bind[0])
	}
	d.printf("\n")
}

// follow tells what arrives, until ctx ends.
func (d *demo) follow(ctx context.Context) {
	const look = 300 * time.Millisecond
	seen := d.world.lab.Capture.Len()
	for ctx.Err() == nil {
		all, _ := d.world.lab.Capture.WaitMessages(seen+1, look) // an error is only that nothing came
		for _, m := range all[min(seen, len(all)):] {
			d.printf("arrived  from <%s> for %s %s\n", m.Sender, strings.Join(m.To(), ", "), d.place(m))
		}
		seen = max(seen, len(all))
	}
}
