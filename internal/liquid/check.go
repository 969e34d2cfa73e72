package liquid

import (
	"fmt"
	"slices"
	"strings"
)

// facts are what parsing learns about a template beside its tree.
type facts struct {
	texts         []string
	uses          []use
	locals        []string
	unknownMacros []mention
	problems      []mention
}

type use struct {
	path  string // dotted, up to the first key that is not constant
	at    int
	shown bool
}

type mention struct {
	text string
	at   int
}

func (f *facts) local(name string) { f.locals = append(f.locals, name) }

func (f *facts) problem(at int, format string, args ...any) {
	f.problems = append(f.problems, mention{fmt.Sprintf(format, args...), at})
}

// Problem is something a template does that its author will not have meant,
// though it renders. Line and Column count from 1; columns are characters.
type Problem struct {
	Line, Column int
	Message      string
}

// maxProblems bounds the answer of Check; nobody reads further.
const maxProblems = 50

// Check reports, in order of place, variables and filters that do not exist,
// unknown macros, and words that are ignored. known says whether a dotted path
// such as "application.name" has a value; names the template itself assigns
// are known without it.
func (t *Template) Check(known func(path string) bool) []Problem {
	found := slices.Clone(t.facts.problems)
	local := map[string]bool{}
	for _, name := range t.facts.locals {
		local[name] = true
	}
	for _, u := range t.facts.uses {
		if name, _, _ := strings.Cut(u.path, "."); u.path == "" || local[name] {
			continue
		}
		if !known(u.path) {
			found = append(found, mention{fmt.Sprintf("There is no variable '%s'", u.path), u.at})
		}
		if len(found) > maxProblems*4 {
			break
		}
	}
	for _, m := range t.facts.unknownMacros {
		found = append(found, mention{fmt.Sprintf("There is no macro '@@%s@@'", m.text), m.at})
	}
	slices.SortStableFunc(found, func(a, b mention) int { return a.at - b.at })
	found = found[:min(len(found), maxProblems)]
	problems := make([]Problem, len(found))
	for i, m := range found {
		line, column := position(t.source, m.at)
		problems[i] = Problem{line, column, m.text}
	}
	return problems
}

// Shows reports whether the variable at the path can reach the output: by an
// output, a macro or an assignment. A variable that is only compared with does
// not count, and branches that are never taken do.
func (t *Template) Shows(path string) bool {
	return slices.ContainsFunc(t.facts.uses, func(u use) bool { return u.shown && u.path == path })
}
