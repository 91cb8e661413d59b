# A company behind a smarthost.
#
#   machines of the office ──┐
#   staff, with a login  ────┼──> this host ──> own domain: the mail store (LMTP)
#                            │              └─> everything else: the provider
#
# Nothing comes in from the world: the provider collects mail for example.com and
# hands it over from its own addresses.

hostname   = "mail.office.example.com"
data       = "/var/lib/postroad"
postmaster = "it@example.com"

# --- doors -----------------------------------------------------------------
listener "office" {
  bind        = ["10.0.0.1:25"]
  certificate = "tls/mail.pem"
}

# Programs of people: STARTTLS, then a login, before anything else.
listener "submission" {
  bind        = ["10.0.0.1:587"]
  tls         = "require"
  certificate = "tls/mail.pem"
  login       = [directory.staff]
}

directory "file" "staff" {
  path = "staff.passwd" # name:hash a line, argon2id or bcrypt
  owns = table.senders
}

# Who may use which sender. A login that is not named here may use none.
table "inline" "senders" {
  entries = {
    "ann@example.com"   = "ann"
    "bob@example.com"   = "bob"
    "sales@example.com" = ["ann", "bob"]
  }
}

# --- who may send to the world -----------------------------------------------
relay "machines" {
  client   = ["10.0.0.0/16"]
  listener = [listener.office]
  sender   = ["example.com", ".example.com", "<>"]
}

relay "staff" {
  login = [directory.staff]
}

# --- what is hosted here --------------------------------------------------------
domain "example.com" {
  mailboxes = ["ann", "bob", "it"]
  aliases = {
    "sales" = ["ann", "bob"]
    "root"  = "it"
  }
  subaddress = "+"
  deliver    = transport.store
}

# --- ways out -------------------------------------------------------------------
transport "lmtp" "store" {
  to = ["10.0.0.5:24"]
}

transport "smtp" "provider" {
  to   = ["smtp.provider.example:587", "smtp2.provider.example:587"] # the second when the first is down
  tls  = "verify"
  user = "office@example.com"
  pass = env("SMARTHOST_PASS") # or file("provider.key")
}

# Reports of machines stay inside; nobody out there wants them.
route "reports" {
  original = ["cron@", "backup@"]
  via      = transport.void
  except {
    recipient = ["example.com"]
  }
}

transport "discard" "void" {}

route "default" {
  via = transport.provider
}

# All that leaves in the name of sales is kept.
copy "sales" {
  sender = ["sales@example.com"]
  to     = "archive@example.com"
  via    = transport.store
}
