// Package archtest holds no code, only the tests that keep the plan of the
// packages and the house rules true: who may import whom, which package owns
// which dependency, what is documented, and how long a file or a function may
// be.
//
// The plan is told in docs/architecture.md and the rules in docs/style.md. A
// change of either is made there and here together.
package archtest
