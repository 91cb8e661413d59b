// Package httptable asks services over HTTP: GET of a URL that has the key in its
// query, and 200 with JSON for what is found, 404 without a word or with JSON for what
// is not.
//
//	true                   found, without values
//	"text"                 found, one value; "" is none
//	["text", "text"]       found, these values
//	false, null, []        not found
//	{"values": any of these}
//
// The key stands behind the ? only, with every octet encoded that is no letter,
// digit, "-", ".", "_" or "~" (RFC 3986 s2.3), so that nothing in it can be read as
// another field or another place. Several keys can go in one POST, as a JSON array,
// where the service has a URL for that; its answer is an array of answers in the
// same order. The package neither caches nor limits itself: table/remote does.
//
// RFCs: 3986, 8259 (JSON), 9110.
//
// Failure: everything that is neither is "try later", a redirect among it, which
// is never followed, and an answer that is no JSON of this shape; statuses that
// find fault with the question (400, 413, 414, 422) are about the key. The token
// is read for each question, and neither it nor the answer is part of an error.
package httptable
