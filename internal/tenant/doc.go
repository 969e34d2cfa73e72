// Package tenant holds the nouns of the product: what there is, with the rules
// about each that hold everywhere.
//
// Nothing here knows how a noun is stored, sent or asked for. Fields that no
// rule and no engine reads are not listed: applications, connections and APIs
// keep the whole document a client sent in Doc, so that it comes back as it
// came, and the typed fields beside it are a view of that document, made by
// package settings.
package tenant
