# An edge in front of an internal server.
#
#   the world ──> this host (port 25) ──> 10.0.0.5:25, which keeps the mailboxes
#   10.0.0.5  ──> this host (port 26) ──> the world, by MX
#
# The edge knows which addresses exist, so that unknown recipients are refused at
# once and no bounces for forged senders leave the house. When the inside is
# down, mail waits here.

hostname   = "mx1.example.com"
data       = "/var/lib/postroad"
postmaster = "admin@example.com"

# --- doors -----------------------------------------------------------------
listener "public" {
  bind             = ["0.0.0.0:25", "[::]:25"]
  certificate      = "tls/mx1.example.com.pem" # chain and key
  max_message_size = "50MB"
}

# The way out has a door of its own, to which nobody else can connect.
listener "inside" {
  bind   = ["10.0.0.1:26"]
  client = ["10.0.0.5"]
}

# --- who may send to the world -----------------------------------------------
relay "inside" {
  client   = ["10.0.0.5"]
  listener = [listener.inside]
}

deny "abuse" {
  client = table.blocked
  text   = "this network sends us spam only"
}

# --- what is hosted here --------------------------------------------------------
domain "example.com" {
  mailboxes  = table.users # one address a line, exported by the inside
  subaddress = "+"
  deliver    = transport.inside
}

domain "example.net" {
  alias_of = "example.com"
}

# --- ways out -------------------------------------------------------------------
transport "smtp" "inside" {
  to  = ["10.0.0.5:25"]
  tls = "none" # a wire of our own
}

transport "mx" "internet" {}

# Big mail to one slow partner goes by the line that was rented for it.
transport "smtp" "partner_line" {
  to     = ["10.9.0.2:25"]
  tls    = "require"
  source = "10.9.0.1"
}

route "partner" {
  recipient = ["partner.example", ".partner.example"]
  size      = ">10MB"
  via       = transport.partner_line
}

route "default" {
  via = transport.internet
}

# --- tables -----------------------------------------------------------------------
# Both files are read again when they change. Write them beside and rename.
table "file" "users" {
  path   = "users"
  format = "list"
}

table "file" "blocked" {
  path   = "blocked"
  format = "cidr"
}

console {
  bind = ["127.0.0.1:8025"] # metrics and health
}
