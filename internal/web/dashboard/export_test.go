package dashboard

// Patterns are those of all routes.
func Patterns() ([]string, error) {
	d := &Dashboard{Origin: "https://dashboard.example.com"}
	_, err := d.Handler()
	return d.patterns, err
}
