# The configuration of `postroad demo`: a server in the middle of a small internet that
# runs in the same process. Change it and start the demo again, or change it
# while the demo runs and say:
#
#   postroad reload -c examples/demo.hcl
#
# Ask it where mail would go, with the demo running or without:
#
#   postroad route -c examples/demo.hcl sales@home.example --from x@north.example
#   postroad route -c examples/demo.hcl --live y@south.example --from ann@home.example --client 127.0.0.1 --dns
#
# Everything listens on 127.x.y.z, so that no root and no network is needed:
#
#   127.0.0.1:2525   this server          127.0.1.41   smarthost of the web shop
#   127.0.0.1:5355   DNS of the lab       127.0.1.51   relay of the partner
#   127.0.1.11-13    MX of north.example  127.0.1.61   mail store, speaks LMTP
#   127.0.1.21-22    MX of south.example  127.0.1.71   archive
#   127.0.1.31-32    MX of west.example   127.0.1.81   an old system of another office

hostname = "mail.home.example"
data     = "/tmp/postroad-demo" # emptied when the demo starts

postmaster = "ann@home.example"

resolver "default" {
  servers = ["127.0.0.1:5355"]
}

# --- doors ------------------------------------------------------------------------

listener "public" {
  bind             = ["127.0.0.1:2525"]
  max_message_size = "10MB"
}

# Our own people connect from 127.0.0.1 and may send anywhere. Who connects from
# another address (swaks --local-interface 127.0.2.1) is a stranger, and may write
# to our own domains only.
relay "office" {
  client = ["127.0.0.1"]
}

deny "pest" {
  client = ["127.0.2.66"]
  text   = "we do not talk to you"
}

# --- what is hosted here ------------------------------------------------------------

domain "home.example" {
  mailboxes  = ["ann", "bob", "full"]
  aliases    = table.aliases
  subaddress = "+" # ann+lists@ is ann@
  deliver    = transport.store
}

# The web shop's addresses are those of home.example.
domain "shop.example" {
  alias_of = "home.example"
}

# One address to one or more; a target outside is forwarding. The file is read
# again when it changes.
table "file" "aliases" {
  path   = "demo/aliases"
  format = "virtual"
}

# --- where mail goes ------------------------------------------------------------------

transport "lmtp" "store" {
  to = ["127.0.1.61:2625"]
}

# The MX of the recipient's domain. On the real internet the port is 25 and names
# may not lead to private addresses; here both are different.
transport "mx" "internet" {
  port    = 2625
  private = true
  retry   = retry.quick
}

# The demo trusts the lab's own certificate authority, so that this certificate
# can be verified.
transport "smtp" "smarthost" {
  to   = ["smarthost.provider.example:2625"]
  tls  = "verify"
  user = "shop"
  pass = file("demo/smarthost.pass")
}

transport "smtp" "partner" {
  to  = ["127.0.1.51:2625"]
  tls = "require"
}

transport "smtp" "archive" {
  to = ["127.0.1.71:2625"]
}

transport "discard" "void" {}

# Everything that we and the partner write to each other is kept.
copy "partner" {
  recipient = ["partner.example"]
  to        = "all@archive.example"
  via       = transport.archive
}

# The first route that holds decides.
route "partner" {
  recipient = ["partner.example", ".partner.example"]
  via       = transport.partner
}

# Test mail of our programs goes nowhere, not even to our own people.
route "tests" {
  header = { "X-Env" = "test*" }
  hosted = true
  via    = transport.void
}

# A table as Postfix has it, with transport(5) keys and values.
route "legacy" {
  lookup = table.transport_map
}

table "file" "transport_map" {
  path   = "demo/transport"
  format = "transport"
}

# What the shop sends to the world leaves by its smarthost.
route "shop" {
  sender = ["shop.example"]
  via    = transport.smarthost
}

route "default" {
  via = transport.internet
}

retry "quick" {
  after   = ["10s", "30s"]
  then    = "1m"
  warn    = "10m"
  give_up = "1h"
}

console {
  bind = ["127.0.0.1:8025"] # /metrics, /healthz
}
