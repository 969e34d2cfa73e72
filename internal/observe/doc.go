// Package observe is how the program can be watched without telling on the
// people who use it: a log handler that masks what is personal or secret,
// request ids, and metrics in the text format of Prometheus.
//
// Nothing that is logged should have to be masked. The handler is the net
// under that rule, and goes by the names of attributes and the looks of values:
// it cannot recognise a one-time code in the middle of a sentence.
package observe
