package postfix

import "strconv"

// retries is the queue manager's clock.
func (im *importer) retries() {
	im.use("minimal_backoff_time", "maximal_backoff_time", "maximal_queue_lifetime", "delay_warning_time", "bounce_queue_lifetime", "queue_run_delay")
	b := im.doc.add(sectionRetry, &block{head: `retry "default"`})
	first, _ := seconds(im.Main.Get("minimal_backoff_time"))
	longest, _ := seconds(im.Main.Get("maximal_backoff_time"))
	after, then := waits(first, longest)
	b.set("after", quoteList(after), im.place("minimal_backoff_time"))
	b.set("then", quote(then), im.place("maximal_backoff_time"))
	if warn, ok := duration(im.Main.Get("delay_warning_time"), "h"); ok {
		b.set("warn", quote(warn), im.place("delay_warning_time"))
	}
	if life, ok := duration(im.Main.Get("maximal_queue_lifetime"), "d"); ok && life[0] != '0' {
		b.set("give_up", quote(life), im.place("maximal_queue_lifetime"))
	}
	if im.Main.IsSet("bounce_queue_lifetime") && im.Main.Get("bounce_queue_lifetime") != im.Main.Get("maximal_queue_lifetime") {
		im.leaveOnly(Left{What: "bounce_queue_lifetime", Place: im.place("bounce_queue_lifetime"), Why: "notices are kept as long as other mail"})
	}
}

// waits are those of qmgr(8): each is the age of the message, between
// minimal_backoff_time and maximal_backoff_time. The age is the first wait after the
// second attempt too, so that the first stands twice, and each after it is double.
func waits(first, longest int) (after []string, then string) {
	first = max(first, 1)
	longest = max(longest, first)
	after = []string{strconv.Itoa(first) + "s"}
	for wait := first; wait < longest && len(after) < 20; wait *= 2 {
		after = append(after, strconv.Itoa(wait)+"s")
	}
	return after, strconv.Itoa(longest) + "s"
}
