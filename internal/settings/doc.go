// Package settings reads the documents that clients send into nouns, and keeps
// the rules about them: what is allowed in one, what is added when it is
// created, and what a change makes of it.
//
// Applications, connections, APIs and the tenant's settings are stored as the
// documents they came as, in the order they came in. What engines need to know
// is a view of the document: Client, Connection, API and Tenant make it. Views
// forgive what they do not understand, since a document was checked when it was
// written, by the rules that held then.
//
// Everything here is a function of its arguments. Nothing is stored or asked.
package settings
