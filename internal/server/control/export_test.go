package control

// Explain is what a client makes of an error in asking.
func Explain(c *Client, err error) error { return c.notRunning(err) }
