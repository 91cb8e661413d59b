# The smallest useful server: mail for one domain into Maildirs, everything else
# over a smarthost. `postroad check -c examples/first.hcl` says what holds.

hostname = "mx1.example.com"
data     = "./data"

listener "public" {
  bind = ["127.0.0.1:2525"]
}

relay "office" {                       # without a relay rule nobody relays
  client = ["10.0.0.0/8", "127.0.0.0/8"]
}

domain "example.com" {
  mailboxes = ["ann", "bob"]
  aliases   = { "sales" = ["ann", "bob"] }
  deliver   = transport.mailboxes
}

transport "maildir" "mailboxes" {
  path = "./mail/{domain}/{local}"
}

transport "smtp" "smarthost" {
  to = ["smtp.provider.example:587"]
}

route "default" {                      # everything that is not hosted here
  via = transport.smarthost
}
