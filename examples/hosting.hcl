# A host of several domains.
#
#   the world ──> this host ──> two mail stores, by domain
#                          └──> forwarded to addresses elsewhere
#   customers, with a login ──> this host ──> the world
#
# Three customers with three ways of telling who exists: a list here, a file that a
# panel writes, and everybody.

hostname   = "mx.host.example"
data       = "/var/lib/postroad"
postmaster = "noc@host.example"

# --- doors -----------------------------------------------------------------
# Two certificates: SNI chooses, the first is for who does not say.
listener "public" {
  bind           = ["0.0.0.0:25", "[::]:25"]
  certificate    = ["tls/mx.host.example.pem", "tls/mx.florist.example.pem"]
  max_per_client = 20
}

listener "submission" {
  bind        = ["0.0.0.0:465", "[::]:465"]
  tls         = "implicit"
  certificate = ["tls/mx.host.example.pem", "tls/mx.florist.example.pem"]
  login       = [directory.customers]
}

directory "file" "customers" {
  path = "customers.passwd"
  owns = table.owners
}

relay "customers" {
  login = [directory.customers]
}

# --- what is hosted here --------------------------------------------------------
domain "host.example" {
  mailboxes = ["noc", "abuse"]
  deliver   = transport.store_a
}

# A small customer: everything stands here.
domain "florist.example" {
  mailboxes = ["rose", "shop"]
  aliases = {
    "info"   = "rose"
    "orders" = ["shop", "rose", "florist@mailbox.example"] # the last one is elsewhere
  }
  catch_all = "rose"
  deliver   = transport.store_a
}

domain "blumen.example" {
  alias_of = "florist.example"
}

# A large one: a panel writes the files, in the format of Postfix.
domain "factory.example" {
  mailboxes  = table.factory_users
  aliases    = table.factory_aliases
  subaddress = "+-"
  deliver    = transport.store_b
}

# A collector of reports takes every local part.
domain "reports.example" {
  mailboxes = "any"
  deliver   = transport.reports
}

# --- ways out -------------------------------------------------------------------
transport "lmtp" "store_a" {
  to = ["unix:/run/dovecot/lmtp"]
}

# Two machines share the load; the third, in another house, stands by.
transport "lmtp" "store_b" {
  to = [["10.1.0.5:24", "10.1.0.6:24"], ["10.2.0.5:24"]]
}

transport "maildir" "reports" {
  path = "/var/mail/{domain}/{local}"
}

# Leave by MX. A tenth of the mail to one big provider tries the new line first;
# going to 20 only adds to those 10.
transport "mx" "internet" {}

transport "mx" "new_line" {
  source = ["192.0.2.20", "2001:db8::20"]
}

route "try_new_line" {
  recipient = ["bigmail.example"]
  percent   = 10
  via       = transport.new_line
}

# What a filter marked is refused at the end of the data.
route "spam" {
  tag = ["spam"]
  via = transport.refuse
}

transport "reject" "refuse" {
  code     = 550
  enhanced = "5.7.1"
  text     = "message refused as spam"
}

route "default" {
  via = transport.internet
}

# --- tables -----------------------------------------------------------------------
table "file" "owners" {
  path   = "owners" # sender, then the logins that may use it
  format = "map"
}

table "file" "factory_users" {
  path   = "factory/users"
  format = "list"
}

table "file" "factory_aliases" {
  path   = "factory/virtual"
  format = "virtual"
}

console {
  bind = ["127.0.0.1:8025"]
}

log {
  format = "json"
}
