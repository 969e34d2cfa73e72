package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest configuration file that is read.
const maxFile = 10 << 20

// A File is a configuration file as it was read. What it says of the server is
// here as the values of flags; the rest are documents in the form of Auth0's
// deploy CLI, to be applied by whoever knows what they mean.
type File struct {
	Path   string
	Server map[string]string // by the name of the flag, without dashes in front

	Tenant *Document
	// EmailProvider is nil if the file has no such section.
	EmailProvider *Document
	// AttackProtection has the parts as members, or is nil.
	AttackProtection *Document
	Clients          []Document
	APIs             []Document // resourceServers
	Connections      []Document
	ClientGrants     []Document
	// TestIdentities is a section of our own.
	TestIdentities []Document

	// Warnings are sections of the deploy CLI that this server knows of but
	// does nothing with, each with file and line. What a section has in it is
	// known elsewhere.
	Warnings []string
}

// A Document is one object of the file.
type Document struct {
	JSON []byte // with its members in the order of the file
	Line int

	lines map[string]int
}

// LineOf returns the line of a property, named as in "options.totp.length", or
// of the innermost object around it that the file has.
func (d Document) LineOf(property string) int {
	for property != "" {
		if line, ok := d.lines[property]; ok {
			return line
		}
		property = property[:max(strings.LastIndexAny(property, ".["), 0)]
	}
	return d.Line
}

// ReadFile reads a configuration file. Environment variables are looked up by
// env, as os.LookupEnv does.
func ReadFile(path string, env func(name string) (string, bool)) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration file: %w: name one with --config that can be read; \"doorcode init\" writes one to begin with", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration file: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d MiB", path, maxFile>>20)
	}
	return ParseFile(path, text, env)
}

// ParseFile is ReadFile for a text. Every error names the path and a line.
func ParseFile(path string, text []byte, env func(name string) (string, bool)) (*File, error) {
	dec := yaml.NewDecoder(bytes.NewReader(markVariables(text)))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return &File{Path: path, Server: map[string]string{}}, nil
	} else if err != nil {
		return nil, unreadable(path, err)
	}
	r := &fileReader{path: path, env: env, budget: maxNodes}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, unreadable(path, err)
		}
		return nil, r.fail(more.Line, "only one document is read: take out the line with three dashes")
	}
	f := &File{Path: path, Server: map[string]string{}}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return f, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, r.fail(root.Line, "the file must be a list of sections, such as \"clients:\"")
	}
	err := r.pairs(root, func(name string, key, value *yaml.Node) error { return r.section(f, name, key, value) })
	if err != nil {
		return nil, err
	}
	return f, nil
}

// unreadable gives a YAML error, which names the line, the name of the file.
func unreadable(path string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if line, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok && strings.Trim(line, "0123456789") == "" {
		return fmt.Errorf("%s:%s: %s", path, line, rest)
	}
	return fmt.Errorf("%s:1: %s", path, text)
}

// sections are those that are acted on.
func sections() []string {
	return []string{"server", "tenant", "clients", "resourceServers", "connections", "clientGrants", "emailProvider", "attackProtection", "testIdentities"}
}

// idle are sections of the deploy CLI that nothing is done with yet.
func idle() []string {
	return []string{
		"actions", "branding", "clientGrants", "customDomains", "databases",
		"emailTemplates", "eventStreams", "exclude", "flowVaultConnections", "flows", "forms", "guardianFactorProviders",
		"guardianFactorTemplates", "guardianFactors", "guardianPhoneFactorMessageTypes", "guardianPhoneFactorSelectedProvider",
		"guardianPolicies", "hooks", "logStreams", "migrations", "networkACLs", "organizations", "pages", "phoneProviders",
		"phoneTemplates", "prompts", "roles", "rules", "rulesConfigs", "selfServiceProfiles", "themes", "tokenExchangeProfiles",
		"triggers", "userAttributeProfiles",
	}
}

func (r *fileReader) section(f *File, name string, key, value *yaml.Node) error {
	var list *[]Document
	switch name {
	case "server":
		return r.server(f, value)
	case "tenant":
		d, err := r.document(value)
		f.Tenant = &d
		return err
	case "emailProvider":
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			return nil
		}
		d, err := r.document(value)
		f.EmailProvider = &d
		return err
	case "attackProtection":
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			return nil
		}
		d, err := r.document(value)
		f.AttackProtection = &d
		if line, ok := d.lines["captcha"]; ok {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s:%d: \"captcha\" is not used by this version", r.path, line))
		}
		return err
	case "clients":
		list = &f.Clients
	case "resourceServers":
		list = &f.APIs
	case "connections":
		list = &f.Connections
	case "clientGrants":
		list = &f.ClientGrants
	case "testIdentities":
		list = &f.TestIdentities
	default:
		if slices.Contains(idle(), name) {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s:%d: the section %q is not used by this version", r.path, key.Line, name))
			return nil
		}
		return r.unknown(key, name, append(sections(), idle()...))
	}
	if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
		return nil
	}
	if value.Kind != yaml.SequenceNode {
		return r.fail(value.Line, "%q must be a list: begin each entry with a dash", name)
	}
	for _, item := range value.Content {
		d, err := r.document(item)
		if err != nil {
			return err
		}
		*list = append(*list, d)
	}
	return nil
}

// serverKeys are the flags that the file may set.
func serverKeys() []string {
	return []string{
		"addr", "public_url", "dashboard_url", "database", "key_file", "private_addr", "ready_file",
		"trusted_proxies", "allow_networks", "limits", "tls_cert", "tls_key", "log_format", "keep_days", "twilio_url",
		"provider_urls",
	}
}

func (r *fileReader) server(f *File, node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return r.fail(node.Line, "\"server\" must be a list of settings, such as \"addr: 127.0.0.1:8787\"")
	}
	return r.pairs(node, func(name string, key, value *yaml.Node) error {
		if !slices.Contains(serverKeys(), name) {
			return r.unknown(key, name, serverKeys())
		}
		text, err := r.flagValue(value)
		if err != nil {
			return err
		}
		f.Server[strings.ReplaceAll(name, "_", "-")] = text
		return nil
	})
}

// flagValue is a value as it would be written behind a flag.
func (r *fileReader) flagValue(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		if node.ShortTag() == "!!null" {
			return "", nil
		}
		return r.substituted(node)
	case yaml.SequenceNode:
		parts := make([]string, len(node.Content))
		for i, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return "", r.fail(item.Line, "a plain value is expected here")
			}
			text, err := r.substituted(item)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), nil
	}
	return "", r.fail(node.Line, "a plain value is expected here")
}

// unknown refuses a name and offers the one it was probably meant to be.
func (r *fileReader) unknown(key *yaml.Node, name string, known []string) error {
	best := Nearest(name, known)
	if best == "" {
		return r.fail(key.Line, "%q is not known here; known are %s", name, strings.Join(known, ", "))
	}
	return r.fail(key.Line, "%q is not known here; did you mean %q?", name, best)
}

// Nearest is which of the known names one was probably meant to be, or "".
func Nearest(name string, known []string) string {
	best, distance := "", len(name)/2+2
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts the letters that differ (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
