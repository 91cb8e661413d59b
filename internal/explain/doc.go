// Package explain answers questions about a configuration: route says what
// would become of a message and why, check what is wrong with the rules.
//
// It has no matching of its own. Route calls the same decide.Recipient and
// decide.Message, over the same loop that asks remote tables, as receive does,
// and deliver.Plan for the hosts; then it renders. What it says can differ from
// what the server does only where the world changed in between. The analyses
// of check read decide.Rules as data and judge only what they can prove: a
// warning is never a guess. CyclesSince is the one of them that a running
// server asks for, of what a change closed, with bounded effort.
//
// It changes nothing, opens no listener and connects to no mail host; --dns asks
// the resolvers.
//
// Failure: a question that cannot be decided is answered with defer and the
// table's name, as the server would answer 4xx. Wrong use is ErrUsage.
package explain
