package hosted

// Patterns are those of all routes.
func Patterns() ([]string, error) {
	p := &Pages{URL: "https://login.example.com"}
	_, err := p.Handler()
	return p.patterns, err
}
