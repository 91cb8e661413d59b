package smtp

import (
	"reflect"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func TestParseCapabilities(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Capabilities
	}{
		{"nothing", "", Capabilities{Extended: true}},
		{"the name alone", "mx.example.net at your service", Capabilities{Extended: true, Name: "mx.example.net"}},
		{"all", "mx\nPIPELINING\nSIZE 1000\n8BITMIME\nSMTPUTF8\nDSN\nSTARTTLS\nAUTH PLAIN login\nLIMITS MAILMAX=1 RCPTMAX=7",
			Capabilities{Extended: true, Name: "mx", Pipelining: true, Size: true, SizeMax: 1000, EightBit: true, SMTPUTF8: true,
				DSN: true, StartTLS: true, Auth: []string{"PLAIN", "LOGIN"}, RcptMax: 7}},
		{"case", "mx\npipelining\nsize", Capabilities{Extended: true, Name: "mx", Pipelining: true, Size: true}},
		{"size without sense", "mx\nSIZE -5", Capabilities{Extended: true, Name: "mx", Size: true}},
		{"the old AUTH", "mx\nAUTH=LOGIN", Capabilities{Extended: true, Name: "mx", Auth: []string{"LOGIN"}}},
		{"the name is no capability", "PIPELINING\n\nXYZ", Capabilities{Extended: true, Name: "PIPELINING"}},
	} {
		if got := ParseCapabilities(mail.Reply{Code: 250, Text: c.text}); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func FuzzCapabilities(f *testing.F) {
	f.Add("mx\nSIZE 99999999999999999999\nAUTH\nLIMITS RCPTMAX=-1 RCPTMAX")
	f.Fuzz(func(t *testing.T, text string) {
		c := ParseCapabilities(mail.Reply{Code: 250, Text: text})
		if c.SizeMax < 0 || c.RcptMax < 0 || c.RcptMax > 1<<20 || strings.ContainsAny(c.Name, " \n") {
			t.Fatalf("%+v", c)
		}
		for _, m := range c.Auth {
			if !c.Offers(m) {
				t.Fatalf("%q in %v", m, c.Auth)
			}
		}
	})
}
